//! Verdicts in words, for people.

use std::fmt;

use crate::verdict::{Activity, Certainty, Fact, Otherwise, Row};
use crate::{Cause, Path, Ports, Power, Question, Status, Verdict};

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::First => "first path",
            Self::Second => "second path",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dead => "dead",
            Self::AgentDead => "agent-dead",
            Self::Isolated => "isolated",
            Self::Unknown => "unknown",
            Self::SanLost => "san-lost",
            Self::Held => "held",
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PoweredOff => "it is silent, and its management controller reads off",
            Self::Crashed => "it is silent, its power is on, and it writes nothing to its disks",
            Self::LostItsFeed => {
                "it is silent, its management controller too, and it writes nothing to its disks"
            }
            Self::AgentOnly => "it is silent, and it writes to its disks: only its agent is gone",
            Self::Unplugged => {
                "it is silent, it writes to its disks, and its switch ports have no link: it is cut off \
                 from the network"
            }
            Self::CutOff => {
                "it is silent, its management controller too, and it writes to its disks"
            }
            Self::OnlyPowerAnswers => "it is silent, its power is on, and the SAN does not answer",
            Self::NothingAnswers => "it is silent, and no witness answers",
            Self::SanGone => "it is alive, and has neither a session nor written its disk",
            Self::HeldBack => "others fared as it did, or the monitor itself may be to blame",
        })
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Guess => "a guess",
            Self::Likely => "likely",
            Self::Sure => "sure",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.row, self.certainty)?;
        match self.seen.ports {
            Ports::Down if self.row != Row::Unplugged => {
                f.write_str("; its switch ports have no link")?;
            }
            Ports::Up if self.seen.power == Some(Power::NoAnswer) => {
                f.write_str("; a switch sees its link, so it has current")?;
            }
            Ports::Up | Ports::Down | Ports::NoAnswer => {}
        }
        if let Some(doubt) = &self.seen.doubt {
            write!(f, "; {}", doubt.cause)?;
        }
        Ok(())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |texts: Vec<String>| texts.join(" or ");
        match self {
            Self::MonitorStopped => f.write_str("the monitor itself stood still"),
            Self::OwnLink(path) => write!(f, "the monitor's own link of the {path} is down"),
            Self::Shared(labels) => {
                let labels = labels.iter().map(ToString::to_string).collect();
                write!(f, "suspected cause: {}", list(labels))
            }
            Self::Arrays(arrays) => {
                let arrays = arrays
                    .iter()
                    .map(|array| format!("array {array}"))
                    .collect();
                write!(f, "suspected cause: {}", list(arrays))
            }
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power => f.write_str("its management controller"),
            Self::Sessions => f.write_str("the SAN"),
            Self::Ports => f.write_str("the switches"),
            Self::Probe(path) => write!(f, "a probe over the {path}"),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDoubt => "if nothing else explained its silence",
            Self::Power(Power::On) => "if its management controller read on",
            Self::Power(Power::Off) => "if its management controller read off",
            Self::Power(Power::NoAnswer) => "if its management controller did not answer",
            Self::Activity(Activity::Gone) => "if it had no session",
            Self::Activity(Activity::IdlePastLimit | Activity::Idle) => {
                "if its sessions had been idle for long enough"
            }
            Self::Activity(Activity::Writing) => "if it were writing to its disks",
            Self::Activity(Activity::NoAnswer) => "if the SAN did not answer",
        })
    }
}

impl fmt::Display for Otherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fact, self.status)
    }
}

impl Verdict {
    /// The verdict explained, a line each: whose word is missing, and what would have to change
    /// for another verdict.
    pub fn explanation(&self) -> Vec<String> {
        let missing = self
            .missing
            .iter()
            .map(|question| format!("{question} did not answer"));
        missing
            .chain(self.otherwise.iter().map(ToString::to_string))
            .collect()
    }
}
