//! The tags of several messages at once, each under a key of its own.
//!
//! The `blake3` crate hashes several side by side only under one key. But a heartbeat is a single
//! block, and its hash a single compression. Here each vector holds the same word of every message,
//! so that one instruction works on all of them; a test holds the result to that of the crate. Names
//! and numbers are those of the [BLAKE3 paper](https://github.com/BLAKE3-team/BLAKE3-specs).
//!
//! Vectors stay in registers only where every function is inlined into the one that is compiled for
//! the processor's level: hence `inline(always)`, and loops instead of closures.

use fearless_simd::{Level, Simd, SimdBase, SimdInto, dispatch, u32x8};

use crate::wire::CONTENT;

/// Messages that are hashed side by side.
pub(crate) const LANES: usize = 8;

/// One word of every message.
type Words<S> = u32x8<S>;

/// The first words of IV.
const IV: [u32; 4] = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A];
/// The only block of the only chunk, under a key: `CHUNK_START`, `CHUNK_END`, `ROOT`, `KEYED_HASH`.
const FLAGS: u32 = 1 | 1 << 1 | 1 << 3 | 1 << 4;
/// Bytes of the block that are used.
#[expect(clippy::cast_possible_truncation, reason = "a block has 64 bytes")]
const LENGTH: u32 = CONTENT as u32;
const ROUNDS: usize = 7;
/// Where each word of the message comes from, from one round to the next.
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// The first 16 bytes, in their order from the lowest, of the keyed hash of each content.
pub(crate) fn tags(keys: [&[u8; 32]; LANES], contents: [&[u8; CONTENT]; LANES]) -> [u128; LANES] {
    tags_at(Level::new(), keys, contents)
}

/// The same, on a processor of some level.
fn tags_at(
    level: Level,
    keys: [&[u8; 32]; LANES],
    contents: [&[u8; CONTENT]; LANES],
) -> [u128; LANES] {
    let words = dispatch!(level, simd => compress(simd, keys, contents));
    std::array::from_fn(|lane| {
        let high_to_low = words.iter().rev().map(|word| u128::from(word[lane]));
        high_to_low.fold(0, |tag, word| tag << 32 | word)
    })
}

/// The compression function: the first four words of each hash.
#[expect(clippy::inline_always, reason = "see the module")]
#[inline(always)]
fn compress<S: Simd>(
    simd: S,
    keys: [&[u8; 32]; LANES],
    contents: [&[u8; CONTENT]; LANES],
) -> [[u32; LANES]; 4] {
    let all = |word| Words::splat(simd, word);
    let mut state = [all(0); 16];
    state[..8].copy_from_slice(&gather(simd, keys, 0));
    for (words, word) in state[8..].iter_mut().zip(IV) {
        *words = all(word);
    }
    // The number of the chunk, in words 12 and 13, is 0.
    state[14] = all(LENGTH);
    state[15] = all(FLAGS);
    // What a content leaves of its block is 0.
    let mut block = [all(0); 16];
    block[..8].copy_from_slice(&gather(simd, contents, 0));
    block[4..12].copy_from_slice(&gather(simd, contents, 4));
    for _ in 0..ROUNDS {
        // Columns.
        mix(&mut state, [0, 4, 8, 12], [block[0], block[1]]);
        mix(&mut state, [1, 5, 9, 13], [block[2], block[3]]);
        mix(&mut state, [2, 6, 10, 14], [block[4], block[5]]);
        mix(&mut state, [3, 7, 11, 15], [block[6], block[7]]);
        // Diagonals.
        mix(&mut state, [0, 5, 10, 15], [block[8], block[9]]);
        mix(&mut state, [1, 6, 11, 12], [block[10], block[11]]);
        mix(&mut state, [2, 7, 8, 13], [block[12], block[13]]);
        mix(&mut state, [3, 4, 9, 14], [block[14], block[15]]);
        let before = block;
        for (words, from) in block.iter_mut().zip(PERMUTATION) {
            *words = before[from];
        }
    }
    let mut hashes = [[0; LANES]; 4];
    for (number, words) in hashes.iter_mut().enumerate() {
        *words = (state[number] ^ state[number + 8]).into();
    }
    hashes
}

/// The function G.
#[expect(clippy::inline_always, reason = "see the module")]
#[inline(always)]
fn mix<S: Simd>(state: &mut [Words<S>; 16], places: [usize; 4], message: [Words<S>; 2]) {
    let [a, b, c, d] = places;
    for (words, [first, second]) in message.into_iter().zip([[16, 12], [8, 7]]) {
        state[a] += state[b] + words;
        state[d] = rotate_right(state[d] ^ state[a], first);
        state[c] += state[d];
        state[b] = rotate_right(state[b] ^ state[c], second);
    }
}

#[expect(clippy::inline_always, reason = "see the module")]
#[inline(always)]
fn rotate_right<S: Simd>(words: Words<S>, by: u32) -> Words<S> {
    words >> by | words << (u32::BITS - by)
}

/// Eight words of every lane, from the first one asked for: rows are read, and become columns.
#[expect(clippy::inline_always, reason = "see the module")]
#[inline(always)]
fn gather<S: Simd, const BYTES: usize>(
    simd: S,
    lanes: [&[u8; BYTES]; LANES],
    first: usize,
) -> [Words<S>; LANES] {
    let mut rows = [Words::splat(simd, 0); LANES];
    for (row, lane) in rows.iter_mut().zip(lanes) {
        let mut words = [0; LANES];
        for (word, bytes) in words.iter_mut().zip(&lane.as_chunks().0[first..]) {
            *word = u32::from_le_bytes(*bytes);
        }
        *row = words.simd_into(simd);
    }
    // Both halves are shuffled into each other, like cards: after three times it is done.
    for _ in 0..LANES.ilog2() {
        let (low, high) = rows.split_at(LANES / 2);
        let mut shuffled = rows;
        let pairs = shuffled.as_chunks_mut().0.iter_mut();
        for (pair, (a, b)) in pairs.zip(low.iter().zip(high)) {
            *pair = [a.zip_low(*b), a.zip_high(*b)];
        }
        rows = shuffled;
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::AgentKey;

    proptest! {
        #[test]
        fn several_side_by_side_have_the_tags_that_each_has_alone(
            keys: [[u8; 32]; LANES],
            contents: [[[u8; CONTENT / 2]; 2]; LANES],
        ) {
            let contents = contents.map(|halves| {
                let mut content = [0; CONTENT];
                content.copy_from_slice(halves.as_flattened());
                content
            });
            let alone: [u128; LANES] = std::array::from_fn(|lane| {
                let key = AgentKey::new(keys[lane]).unwrap_or(AgentKey::NOBODY);
                key.tag(&contents[lane])
            });
            for level in [Level::baseline(), Level::new()] {
                let side_by_side = tags_at(level, keys.each_ref(), contents.each_ref());
                prop_assert_eq!(side_by_side, alone, "{:?}", level);
            }
        }
    }
}
