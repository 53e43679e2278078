//! What a server says of itself: one heartbeat, over one of two paths.

use std::fmt;
use std::time::Duration;

use coldspare_names::{Generation, Time};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The dense index of a watched server: position in every array of the detector, so that
/// recording a heartbeat looks nothing up.
///
/// Whoever enrols hands slots out from zero upwards, and may hand a withdrawn one out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Slot(u32);

impl Slot {
    /// How many slots there can be. Memory grows with the highest slot in use.
    pub const LIMIT: u32 = 1 << 24;

    /// The slot of that number, below [`Slot::LIMIT`].
    pub fn new(number: u32) -> Result<Self, Error> {
        if number < Self::LIMIT {
            Ok(Self(number))
        } else {
            Err(Error::SlotTooHigh { number })
        }
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The slot at a position of an array that only ever grew to hold existing slots.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(Self::LIMIT))
    }
}

impl TryFrom<u32> for Slot {
    type Error = Error;

    fn try_from(number: u32) -> Result<Self, Error> {
        Self::new(number)
    }
}

impl From<Slot> for u32 {
    fn from(slot: Slot) -> u32 {
        slot.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the two ways from a server to the monitor, which should share no switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// The primary channel of the system control network.
    First,
    /// The secondary channel.
    Second,
}

impl Path {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// What a sender announces with every heartbeat.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Flags {
    /// It gives its work away, and goes on running.
    pub draining: bool,
    /// Its operating system is shutting down: the silence that follows is no failure.
    pub shutting_down: bool,
    /// It was held up for longer than a period before it could send this.
    pub stalled: bool,
}

impl Flags {
    /// The bits that are used.
    pub(crate) const BITS: u8 = 0b111;

    /// One bit each, in the order of the fields, from the lowest.
    pub(crate) const fn bits(self) -> u8 {
        self.draining as u8 | (self.shutting_down as u8) << 1 | (self.stalled as u8) << 2
    }
}

/// What the sender knows about its own connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Health {
    /// Whether it hears the monitor's echo, path by path. A report, never a proof.
    pub echo: [bool; 2],
    /// Whether its SAN session stands.
    pub san: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            echo: [true; 2],
            san: true,
        }
    }
}

/// One heartbeat: the claims of a server, once it is known that they are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Beat {
    /// Which boot of the server sends: higher than that of any boot before, and never 0.
    pub boot: u64,
    /// One count over both paths, from 1 with every boot.
    pub sequence: u32,
    /// The generation under which the server holds its persona.
    pub generation: Generation,
    /// What it announces.
    pub flags: Flags,
    /// What it knows of its connections.
    pub health: Health,
    /// How long ago it last wrote its disk; `None` if it cannot tell.
    pub wrote: Option<Duration>,
    /// When it sent this, by its own clock: for delay statistics, never for a decision.
    pub sent: Time,
    /// The period that it keeps.
    pub period: Duration,
}

/// The newest that was accepted of a sender: what is older, or was accepted before, is refused.
///
/// It is worth as much as the key under which it was heard: see [`crate::Detector::remember`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    boot: u64,
    sequences: [u32; 2],
}

impl Newest {
    /// Of a sender that was not heard yet.
    pub const NONE: Self = Self {
        boot: 0,
        sequences: [0; 2],
    };

    /// Its boot; 0 if none was accepted yet.
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Whether a heartbeat that came over a path is new; if so it is remembered, and it is told
    /// whether it is the first of a boot.
    #[inline]
    pub fn admit(&mut self, path: Path, beat: &Beat) -> Result<bool, Refusal> {
        if beat.boot == 0 {
            return Err(Refusal::Unnumbered);
        }
        if beat.boot < self.boot {
            return Err(Refusal::OldBoot);
        }
        let restarted = beat.boot > self.boot;
        if restarted {
            if beat.sequence == 0 {
                return Err(Refusal::Unnumbered);
            }
            *self = Self {
                boot: beat.boot,
                sequences: [0; 2],
            };
        }
        let [first, second] = self.sequences;
        let newest = &mut self.sequences[path.index()];
        // One sequence runs over both paths: what is older than anything heard tells of the past.
        let is_past = beat.sequence <= *newest || beat.sequence < first.max(second);
        if is_past && !restarted {
            return Err(match beat.sequence {
                0 => Refusal::Unnumbered,
                _ => Refusal::Repeated,
            });
        }
        *newest = beat.sequence;
        Ok(restarted)
    }

    /// Whether the newest was heard over both paths: the second time it told of nothing but a path.
    pub(crate) fn is_on_both_paths(&self) -> bool {
        self.sequences[0] == self.sequences[1]
    }
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// It counts.
    Accepted,
    /// It changed nothing, and why.
    Refused(Refusal),
}

/// Why a heartbeat does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Nobody is enrolled in that slot.
    UnknownSlot,
    /// That server is watched over the other path only.
    WrongPath,
    /// From a holder of an older generation.
    OldGeneration,
    /// From a generation that was not enrolled.
    UnknownGeneration,
    /// Its boot or its sequence is 0, and senders count from 1.
    Unnumbered,
    /// From before the server's latest restart.
    OldBoot,
    /// This one was already heard over this path, or a later one over any.
    Repeated,
}
