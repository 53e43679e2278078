//! What the detector finds.

use std::collections::BTreeSet;

use coldspare_names::{ArrayName, Time};
use serde::{Deserialize, Serialize};

use crate::{Flags, Label, Path, Question, Slot, Verdict};

/// Why a verdict is held: something other than the servers themselves may be silent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The monitor itself stood still: it may have missed what was said meanwhile.
    MonitorStopped,
    /// The monitor's own link of this path is down.
    OwnLink(Path),
    /// Servers that share these failure domains fell silent together; if several are named, they
    /// explain it equally well.
    Shared(BTreeSet<Label>),
    /// Servers that share these arrays lost their disks together.
    Arrays(BTreeSet<ArrayName>),
}

/// One thing that the detector found, in the order in which it found it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// The first sign of life since it was enrolled or restarted.
    Started {
        /// Whose.
        slot: Slot,
        /// Which boot it is; 0 if it was probed and has no agent to tell.
        boot: u64,
    },
    /// It announces something else than before.
    Announced {
        /// Who.
        slot: Slot,
        /// What it announces now.
        flags: Flags,
    },
    /// It says that it hears no echo over a path any more: its heartbeats arrive, and what is sent to
    /// it does not. An event, and no proof of anything.
    EchoLost {
        /// Who.
        slot: Slot,
        /// The path.
        path: Path,
    },
    /// It says that it hears echoes over a path again.
    EchoRestored {
        /// Who.
        slot: Slot,
        /// The path.
        path: Path,
    },
    /// One path fell silent and the other did not: an event, never a reason to fail over.
    PathDegraded {
        /// Whose.
        slot: Slot,
        /// The silent path.
        path: Path,
    },
    /// A silent path speaks again.
    PathRestored {
        /// Whose.
        slot: Slot,
        /// The path.
        path: Path,
    },
    /// All its paths are silent; questions follow.
    Suspected {
        /// Who.
        slot: Slot,
        /// When it was last heard.
        heard: Time,
    },
    /// It sends heartbeats, but its disk is not written: an alarm at once; questions follow.
    DiskStalled {
        /// Whose.
        slot: Slot,
        /// When its disk was last written.
        wrote: Time,
    },
    /// A question for whoever embeds the detector.
    Ask {
        /// About whom.
        slot: Slot,
        /// What.
        question: Question,
        /// The time to hand back with the answer.
        asked: Time,
    },
    /// A new verdict, or one that replaces an earlier one.
    Judged {
        /// About whom.
        slot: Slot,
        /// What, how sure, and why.
        verdict: Verdict,
    },
    /// Its verdict has been *unknown* for as long as the profile allows: a policy may act.
    CeilingPassed {
        /// Whose.
        slot: Slot,
    },
    /// The management controller said *off* of a server that wrote or sent a heartbeat since: its
    /// word is dropped. An alarm.
    Contradicted {
        /// Whose controller.
        slot: Slot,
    },
    /// It is heard again (or writes its disk again): any verdict about it is void, and all its
    /// paths are awaited anew.
    Recovered {
        /// Who.
        slot: Slot,
    },
    /// Verdicts are held, for these servers and those that follow them.
    Held {
        /// Why.
        cause: Cause,
        /// The first servers concerned.
        slots: BTreeSet<Slot>,
    },
    /// A hold has ended.
    HoldEnded {
        /// What it was for.
        cause: Cause,
        /// Servers that are still silent, judged one by one from now on.
        slots: BTreeSet<Slot>,
    },
}
