//! Sessions: who is logged in, from where, and when they last wrote.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use coldspare_names::{Generation, Time, VolumeName};
use serde::{Deserialize, Serialize};

use crate::Chap;

/// What the array calls a session. Opaque, and never given to another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The session that an array's adapter calls so.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// What the adapter called it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One initiator's session with one volume's target. It can write as long as it is listed, even
/// after it was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What the array calls it.
    pub id: SessionId,
    /// The volume behind the target.
    pub volume: VolumeName,
    /// The name that the initiator gave: a claim, byte for byte, perhaps not even a good name.
    pub initiator: String,
    /// Where its packets come from.
    pub source: IpAddr,
    /// The generation whose secret let it in, where the array can tell.
    pub generation: Option<Generation>,
    /// When it was opened, where the array can tell.
    pub opened: Option<Time>,
    /// When it last wrote.
    pub last_write: LastWrite,
}

/// When a session last wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastWrite {
    /// Then.
    At(Time),
    /// Not since it was opened.
    Never,
    /// The array cannot tell: no answer, which is not the same as idle.
    Unknown,
}

/// What an initiator sends when it logs in to a volume's target.
#[derive(Debug, Clone)]
pub struct Login {
    /// The target's volume.
    pub volume: VolumeName,
    /// The name that it gives: any text, since nothing stops it from lying.
    pub initiator: String,
    /// Where it comes from.
    pub source: IpAddr,
    /// The account that it offers.
    pub chap: Option<Chap>,
}
