//! What the detector asks about a silent server, and what it is told.

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::Path;

/// What the detector wants to know. Whoever embeds it does the asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Does the server's management controller read on or off?
    Power,
    /// Are there SAN sessions from this server's SAN addresses, and when did they last write?
    Sessions,
    /// Do the LAN switches see a link at the server's ports?
    Ports,
    /// Does the agent (of a persona without one: the health-monitor address) answer over this path?
    /// Only the agent itself, proving its key, may be taken for an answer.
    Probe(Path),
}

/// What a management controller says of its server's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Exactly on.
    On,
    /// Exactly off.
    Off,
    /// Unreachable, another machine's controller, or in transition.
    NoAnswer,
}

/// What the arrays say of a server's sessions, all arrays together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sessions {
    /// There is none, and not because we dropped it: one that we dropped is no testimony.
    Gone,
    /// There is at least one, and the latest write of any of them was at that time.
    LastWrite(Time),
    /// Unreachable, or its sessions' last write is not known.
    NoAnswer,
}

/// What the LAN switches say of a server's ports, all of them together.
///
/// It says whether a server can be heard, not whether it works: a network adapter keeps its link on
/// standby power while the server is off, and a server without one may still write to its disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// At least one has a link: the server has current, and is plugged in.
    Up,
    /// Every one was read, and none has a link.
    Down,
    /// A switch is unreachable and no other sees a link, or the server has no port at a switch that
    /// can be asked.
    NoAnswer,
}

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Question::Power`].
    Power(Power),
    /// To [`Question::Sessions`].
    Sessions(Sessions),
    /// To [`Question::Ports`].
    Ports(Ports),
    /// To [`Question::Probe`].
    Probe {
        /// The path that was probed.
        path: Path,
        /// Whether it answered within the asker's limit.
        answered: bool,
    },
}

/// An answer, and when the question was put.
///
/// The time of the *question* is what counts: an answer that was long on its way tells how things
/// stood when it was asked for, or later, and nothing must be read into the time it travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Testimony {
    /// The time that the question carried.
    pub asked: Time,
    /// What was answered.
    pub answer: Answer,
}
