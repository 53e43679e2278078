//! The verdict table.
//!
//! One pure function over what was seen. Self-doubt comes before every row; the rows are those of
//! the table below, one `match` arm each.
//!
//! | heartbeats | power | SAN sessions | row | status |
//! |---|---|---|---|---|
//! | silent | off | gone, idle, no answer | [`Row::PoweredOff`] | dead |
//! | silent | off | writing | contradiction | the controller's word is dropped, judge again |
//! | silent | on | gone, or idle past the limit | [`Row::Crashed`] | dead |
//! | silent | on | writing | [`Row::AgentOnly`] | agent-dead |
//! | silent | on | writing, and no link at any switch port | [`Row::Unplugged`] | agent-dead |
//! | silent | on | no answer | [`Row::OnlyPowerAnswers`] | unknown |
//! | silent | no answer | gone, or idle past the limit | [`Row::LostItsFeed`] | dead |
//! | silent | no answer | writing | [`Row::CutOff`] | isolated |
//! | silent | no answer | no answer | [`Row::NothingAnswers`] | unknown |
//! | alive, disk stalled past the limit | any | gone | [`Row::SanGone`] | san-lost |
//!
//! What is in no row waits: a witness has not answered yet, or a session is idle, but not for long
//! enough to tell a dead server from one that holds its breath.
//!
//! Disks that were lost together with others' on one array are held back: it may be the array. It is
//! not, once it has answered for [`Profile::linger`](crate::Profile::linger) that they are gone.
//!
//! What the switches see at a server's ports moves nothing: a server that is off keeps its link on
//! standby power, and one without a link may write to its disks all the same. It tells a hung agent
//! from pulled cables, and bears out a lost feed.

mod explanation;
#[cfg(test)]
mod tests;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::{Cause, Ports, Power};

pub use explanation::{Certainty, Fact, Otherwise, Verdict};

/// What is the matter with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It does nothing any more: fence it and take over.
    Dead,
    /// It works, only its agent is silent, or it is cut off from the system control network: alarm.
    AgentDead,
    /// It works, but neither it nor its management controller can be reached: alarm.
    Isolated,
    /// Nobody can tell.
    Unknown,
    /// It runs, but its disk is gone.
    SanLost,
    /// Not judged: the cause may lie elsewhere.
    Held,
}

impl Status {
    /// Whether a witness decided it, so that no doubt about silence can shake it.
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Dead | Self::AgentDead | Self::Isolated)
    }
}

/// What the heartbeats say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heartbeats {
    /// Silent on all paths, and no probe was answered.
    Silent,
    /// They arrive, and say that the disk is not written.
    DiskStalled,
    /// They have said so for longer than the limit.
    DiskStalledPastLimit,
}

/// What the SAN says, measured by the profile's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// No session.
    Gone,
    /// A session, and no write for longer than the limit.
    IdlePastLimit,
    /// A session, and no write since the server fell silent.
    Idle,
    /// A session that wrote after the server fell silent.
    Writing,
    /// No answer.
    NoAnswer,
}

/// Everything that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// Why the detector doubts itself, if it does, and whether testimony may still decide.
    pub doubt: Option<Doubt>,
    /// What the heartbeats say.
    pub heartbeats: Heartbeats,
    /// When the silence (or the stall of the disk) began.
    pub since: Time,
    /// What the management controller says; `None`: it has not answered yet.
    pub power: Option<Power>,
    /// What the SAN says; `None`: it has not answered yet.
    pub activity: Option<Activity>,
    /// What the switches say of its ports. It is not waited for: it tells one alarm from another,
    /// and bears out what the others say, but never makes a server dead.
    pub ports: Ports,
}

/// A reason not to believe in silence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Doubt {
    /// What else may be the matter.
    pub cause: Cause,
    /// Whether a row that a witness decides is still believed. Not while the monitor itself
    /// neither hears nor can know what it missed.
    pub testimony_decides: bool,
}

/// The row of the table that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Row {
    /// Silent, and off.
    PoweredOff,
    /// Silent and on, but it writes nothing: crashed or frozen.
    Crashed,
    /// Silent, its management controller too, and it writes nothing: it lost its power feed.
    LostItsFeed,
    /// Silent, on, and writing.
    AgentOnly,
    /// Silent, on, and writing, and none of its switch ports has a link.
    Unplugged,
    /// Silent, its management controller too, and writing.
    CutOff,
    /// Silent and on; the SAN does not answer.
    OnlyPowerAnswers,
    /// Silent, and nobody answers.
    NothingAnswers,
    /// Alive without a disk.
    SanGone,
    /// Silent, or without its disk, but so are others; or the monitor itself stood still.
    HeldBack,
}

impl Row {
    /// What follows from it.
    pub fn status(self) -> Status {
        match self {
            Self::PoweredOff | Self::Crashed | Self::LostItsFeed => Status::Dead,
            Self::AgentOnly | Self::Unplugged => Status::AgentDead,
            Self::CutOff => Status::Isolated,
            Self::OnlyPowerAnswers | Self::NothingAnswers => Status::Unknown,
            Self::SanGone => Status::SanLost,
            Self::HeldBack => Status::Held,
        }
    }
}

/// The outcome of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A row was found.
    Found(Row),
    /// The management controller contradicts the SAN: drop its word, and judge again.
    Contradiction,
    /// Too early to say.
    Wait,
}

/// The verdict table.
pub fn judge(seen: &Seen) -> Judgement {
    let found = by_witnesses(seen);
    match (&seen.doubt, found) {
        (None, found) | (_, found @ Judgement::Contradiction) => found,
        (Some(doubt), found @ Judgement::Found(row))
            if doubt.testimony_decides && row.status().is_decided() =>
        {
            found
        }
        (Some(_), Judgement::Found(_)) => Judgement::Found(Row::HeldBack),
        (Some(_), Judgement::Wait) => Judgement::Wait,
    }
}

#[expect(clippy::match_same_arms, reason = "one arm for one row of the table")]
fn by_witnesses(seen: &Seen) -> Judgement {
    use Activity::{Gone, Idle, IdlePastLimit, NoAnswer, Writing};
    use Heartbeats::{DiskStalled, DiskStalledPastLimit, Silent};
    use Judgement::{Contradiction, Found, Wait};

    let (Some(power), Some(activity)) = (seen.power, seen.activity) else {
        return Wait;
    };
    match (seen.heartbeats, power, activity) {
        (Silent, Power::Off, Gone | Idle | IdlePastLimit | NoAnswer) => Found(Row::PoweredOff),
        (Silent, Power::Off, Writing) => Contradiction,
        (Silent, Power::On, Gone | IdlePastLimit) => Found(Row::Crashed),
        (Silent, Power::On, Writing) if seen.ports == Ports::Down => Found(Row::Unplugged),
        (Silent, Power::On, Writing) => Found(Row::AgentOnly),
        (Silent, Power::On, NoAnswer) => Found(Row::OnlyPowerAnswers),
        (Silent, Power::NoAnswer, Gone | IdlePastLimit) => Found(Row::LostItsFeed),
        (Silent, Power::NoAnswer, Writing) => Found(Row::CutOff),
        (Silent, Power::NoAnswer, NoAnswer) => Found(Row::NothingAnswers),
        (Silent, Power::On | Power::NoAnswer, Idle) => Wait,
        (DiskStalled | DiskStalledPastLimit, Power::Off, _) => Contradiction,
        (DiskStalledPastLimit, _, Gone) => Found(Row::SanGone),
        (DiskStalled | DiskStalledPastLimit, _, _) => Wait,
    }
}
