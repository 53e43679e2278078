//! A record as a block of the disk.

use coldspare_names::Generation;

use super::Record;

/// Bytes of a block: what file systems write at once, so that a disk could tear it.
pub const BLOCK: usize = 4096;

const MAGIC: [u8; 8] = *b"COLDSPAR";
const HEAD: usize = 24;
const HASH: usize = 32;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Zeros alone: nothing was ever written here.
    Empty,
    /// A record, whole.
    Record(Record),
    /// Something else: half of a record, say.
    Torn,
}

impl Record {
    /// The block: magic, sequence, generation, a filling that depends on them, and a hash of all
    /// that, so that no part of it can be another record's.
    pub fn block(self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&MAGIC);
        block[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        block[16..HEAD].copy_from_slice(&self.generation.number().to_be_bytes());
        let (head, rest) = block.split_at_mut(HEAD);
        let (filling, hash) = rest.split_at_mut(BLOCK - HEAD - HASH);
        let mut hasher = blake3::Hasher::new();
        hasher.update(head);
        hasher.finalize_xof().fill(filling);
        hasher.update(filling);
        hash.copy_from_slice(hasher.finalize().as_bytes());
        block
    }
}

impl Content {
    /// What that block holds.
    pub fn of(block: &[u8; BLOCK]) -> Self {
        if block.iter().all(|byte| *byte == 0) {
            return Self::Empty;
        }
        let record = Record {
            sequence: number(block, 8),
            generation: Generation::new(number(block, 16)),
        };
        if record.block() == *block {
            Self::Record(record)
        } else {
            Self::Torn
        }
    }
}

/// Eight bytes that lie inside of all that is asked for here.
pub(super) fn number(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.iter().skip(at).take(8);
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}
