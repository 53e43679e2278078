//! The datagram: 64 bytes, fixed, authenticated to the last bit.
//!
//! | bytes | what | in |
//! |---|---|---|
//! | 0 | version, 1 | |
//! | 1 | kind: 1 beat, 2 echo, 3 probe | |
//! | 2 | path, 1 or 2 | |
//! | 3 | flags and health, one bit each, from the lowest: draining, shutting down, stalled, echo heard on path 1, on path 2, SAN session stands; the others are 0 | |
//! | 4–7 | slot | |
//! | 8–15 | boot id | |
//! | 16–19 | sequence | |
//! | 20–23 | period | ms |
//! | 24–31 | when it was sent, by the sender's clock | ns |
//! | 32–39 | generation | |
//! | 40–43 | how long ago the disk was last written, rounded up; all ones: not known | ms |
//! | 44–47 | 0 | |
//! | 48–63 | tag: the first 16 bytes of the keyed BLAKE3 hash of bytes 0–47 | |
//!
//! Numbers are big-endian. The path is under the tag, so that what was sent over one path is refused
//! on the other. A monitor answers a beat with its *echo*, and asks for one with a *probe*; both are
//! under the agent's key as well.

use std::time::Duration;

use coldspare_names::{Generation, Time};

use crate::tags::{LANES, tags};
use crate::{AgentKey, Beat, Flags, Health, Path, Slot};

/// Bytes of a datagram: none is shorter or longer.
pub const LENGTH: usize = 64;
/// A monitor echoes the beats whose sequence this divides, and those that say that they hear no
/// echo: a receipt for each would cost as much as all that is received.
pub const ECHO_EVERY: u32 = 16;

const VERSION: u8 = 1;
/// Of these, what is under the tag.
pub(crate) const CONTENT: usize = 48;
const UNKNOWN: u32 = u32::MAX;
/// A disk is said to have been written a little too long ago rather than a little too late.
const ALMOST_A_MILLISECOND: Duration = Duration::from_nanos(999_999);

/// What a datagram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An agent's heartbeat.
    Beat,
    /// A monitor's receipt of a beat, which it repeats.
    Echo,
    /// A monitor's request for a beat at once.
    Probe,
}

/// A datagram that is no message of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too short or too long.
    #[error("it is not 64 bytes long")]
    Length,
    /// Of another version.
    #[error("it is of another version")]
    Version,
    /// With a value that no sender writes.
    #[error("it has a value that no sender writes")]
    Value,
}

/// Writes a message under an agent's key.
pub fn seal(kind: Kind, slot: Slot, path: Path, beat: &Beat, key: &AgentKey) -> [u8; LENGTH] {
    let mut out = [0; CONTENT];
    out[0] = VERSION;
    out[1] = kind_byte(kind);
    out[2] = path_byte(path);
    out[3] = bits(beat);
    out[4..8].copy_from_slice(&slot.number().to_be_bytes());
    out[8..16].copy_from_slice(&beat.boot.to_be_bytes());
    out[16..20].copy_from_slice(&beat.sequence.to_be_bytes());
    out[20..24].copy_from_slice(&millis(beat.period).to_be_bytes());
    let sent = beat.sent.since_epoch().as_nanos();
    let sent = u64::try_from(sent).unwrap_or(u64::MAX);
    out[24..32].copy_from_slice(&sent.to_be_bytes());
    out[32..40].copy_from_slice(&beat.generation.number().to_be_bytes());
    let wrote = beat.wrote.map_or(UNKNOWN, |ago| {
        millis(ago.saturating_add(ALMOST_A_MILLISECOND))
    });
    out[40..44].copy_from_slice(&wrote.to_be_bytes());
    let mut sealed = [0; LENGTH];
    sealed[..CONTENT].copy_from_slice(&out);
    sealed[CONTENT..].copy_from_slice(&key.tag(&out).to_le_bytes());
    sealed
}

/// A message that is well-formed, and whose sender has not proved itself yet.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    bytes: &'a [u8; CONTENT],
    tag: &'a [u8; LENGTH - CONTENT],
    kind: Kind,
    slot: Slot,
    path: Path,
}

impl<'a> Claim<'a> {
    /// Reads what a message claims to be.
    #[inline]
    pub fn read(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let (bytes, tag) = datagram.split_first_chunk().ok_or(Malformed::Length)?;
        let tag = tag.try_into().map_err(|_| Malformed::Length)?;
        if bytes[0] != VERSION {
            return Err(Malformed::Version);
        }
        let kind = match bytes[1] {
            1 => Kind::Beat,
            2 => Kind::Echo,
            3 => Kind::Probe,
            _ => return Err(Malformed::Value),
        };
        let path = match bytes[2] {
            1 => Path::First,
            2 => Path::Second,
            _ => return Err(Malformed::Value),
        };
        let slot = Slot::new(number(bytes, 4)).map_err(|_| Malformed::Value)?;
        if bytes[3] > 0b11_1111 || number(bytes, 44) != 0 {
            return Err(Malformed::Value);
        }
        Ok(Self {
            bytes,
            tag,
            kind,
            slot,
            path,
        })
    }

    /// What it claims to be.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// From or to whom it claims to be.
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// Over which path it claims to have been sent.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Whether it was written under that key.
    #[inline]
    pub fn is_genuine(&self, key: &AgentKey) -> bool {
        self.has(key.tag(self.bytes))
    }

    // Numbers compare whole: how many bytes are right cannot be measured.
    #[inline]
    fn has(&self, tag: u128) -> bool {
        u128::from_le_bytes(*self.tag) == tag
    }

    /// Its content, if it was written under that key.
    #[inline]
    pub fn prove(&self, key: &AgentKey) -> Option<Beat> {
        self.is_genuine(key).then(|| self.content())
    }

    #[inline]
    pub(crate) fn content(&self) -> Beat {
        let bytes = self.bytes;
        let bit = |position: u8| bytes[3] & (1 << position) != 0;
        let wrote = number(bytes, 40);
        Beat {
            boot: long(bytes, 8),
            sequence: number(bytes, 16),
            generation: Generation::new(long(bytes, 32)),
            flags: Flags {
                draining: bit(0),
                shutting_down: bit(1),
                stalled: bit(2),
            },
            health: Health {
                echo: [bit(3), bit(4)],
                san: bit(5),
            },
            wrote: (wrote != UNKNOWN).then(|| Duration::from_millis(wrote.into())),
            sent: Time::after_epoch(Duration::from_nanos(long(bytes, 24))),
            period: Duration::from_millis(number(bytes, 20).into()),
        }
    }
}

/// Which of several claims were written under the key beside them: proved side by side, which takes
/// a quarter to a half of the time that it takes one by one.
#[inline]
pub(crate) fn are_genuine(claims: [Option<(&Claim<'_>, &AgentKey)>; LANES]) -> [bool; LANES] {
    let keys = claims.map(|claim| claim.map_or(&[0; 32], |(_, key)| key.expose()));
    let contents = claims.map(|claim| claim.map_or(&[0; CONTENT], |(claim, _)| claim.bytes));
    let tags = tags(keys, contents);
    std::array::from_fn(|lane| claims[lane].is_some_and(|(claim, _)| claim.has(tags[lane])))
}

fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Beat => 1,
        Kind::Echo => 2,
        Kind::Probe => 3,
    }
}

fn path_byte(path: Path) -> u8 {
    match path {
        Path::First => 1,
        Path::Second => 2,
    }
}

fn bits(beat: &Beat) -> u8 {
    let Health { echo, san } = beat.health;
    let health = u8::from(echo[0]) | u8::from(echo[1]) << 1 | u8::from(san) << 2;
    beat.flags.bits() | health << 3
}

/// Whole milliseconds, as many as the field holds.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis())
        .unwrap_or(UNKNOWN - 1)
        .min(UNKNOWN - 1)
}

#[inline]
fn number(bytes: &[u8; CONTENT], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(number)
}

#[inline]
fn long(bytes: &[u8; CONTENT], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(number)
}

#[cfg(test)]
mod tests;
