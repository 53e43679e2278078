//! Numbers that name: channels and generations.

use std::fmt;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use crate::NameError;

/// The number of a NIC position: every server's NIC on channel *n* is cabled to a known switch port.
///
/// Channels are counted from 1 to 255, as in AIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Channel(NonZeroU8);

impl Channel {
    /// The channel of that number; zero is none.
    pub fn new(number: u8) -> Result<Self, NameError> {
        NonZeroU8::new(number)
            .map(Self)
            .ok_or_else(|| NameError::new("channel", "0", "channels are counted from 1"))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u8> for Channel {
    type Error = NameError;

    fn try_from(number: u8) -> Result<Self, NameError> {
        Self::new(number)
    }
}

impl From<Channel> for u8 {
    fn from(channel: Channel) -> u8 {
        channel.number()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which holder of a persona is meant: each server that gets a persona gets it under a generation
/// higher than any before, and whatever carries an older one is refused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(u64);

impl Generation {
    /// Before the first: no holder ever had it.
    pub const NONE: Self = Self(0);

    /// The generation of that number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
