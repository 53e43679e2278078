//! The witness of the one rule, on the disk itself.
//!
//! A persona's workload appends records to a data volume ([`Log`]), many times a second. A record
//! has a block of its own and says under which generation it was written and the how-manieth of
//! all it is; the blocks are in this order. The disk's acknowledgement of a record is passed on
//! ([`Acknowledgement`]), so that it can be missed. Afterwards the volume is read back
//! ([`check`]): a second writer cannot have been there without a trace, because it would have
//! written where the first one wrote, or under an older generation behind a newer one.
//!
//! A record that nobody acknowledged may be torn, if its writer was cut off while it wrote: its
//! block is left as it is, so the next writer goes on behind it.

mod block;
mod check;
mod log;
#[cfg(test)]
mod tests;

use std::fmt;

use coldspare_names::Generation;
use serde::{Deserialize, Serialize};

pub use block::{BLOCK, Content};
pub use check::{Finding, Report, check};
pub use log::{Disk, Log};

/// One record: the how-manieth on its volume, from 0, and under which generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Its place on the volume.
    pub sequence: u64,
    /// Under which generation it was written.
    pub generation: Generation,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "record {} of generation {}",
            self.sequence, self.generation
        )
    }
}

/// What a witness sends when the disk has acknowledged a record: one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acknowledgement(pub Record);

impl Acknowledgement {
    /// Bytes of the datagram.
    pub const LENGTH: usize = 24;
    const PURPOSE: [u8; 8] = *b"WITNESS1";

    /// The datagram.
    pub fn write(self) -> [u8; Self::LENGTH] {
        let mut datagram = [0; Self::LENGTH];
        datagram[..8].copy_from_slice(&Self::PURPOSE);
        datagram[8..16].copy_from_slice(&self.0.sequence.to_be_bytes());
        datagram[16..].copy_from_slice(&self.0.generation.number().to_be_bytes());
        datagram
    }

    /// What a datagram acknowledges; `None`: it is none of a witness.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let datagram: &[u8; Self::LENGTH] = datagram.try_into().ok()?;
        (datagram[..8] == Self::PURPOSE).then(|| {
            Self(Record {
                sequence: block::number(datagram, 8),
                generation: Generation::new(block::number(datagram, 16)),
            })
        })
    }
}
