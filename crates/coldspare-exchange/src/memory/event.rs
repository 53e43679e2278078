//! What happens in a simulated cluster, as data.

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::logs::PlayDown;
use crate::{CopyId, CopyStatus, DatabaseName, MemberName, NodeState};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Time,
    /// What.
    pub what: Happening,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Happening {
    /// Another copy became the active one.
    DatabaseActivated {
        /// The database.
        database: DatabaseName,
        /// Where it was active.
        from: MemberName,
        /// Where it is active now.
        to: MemberName,
        /// Committed logs that the new active copy lacks.
        logs_lost: u64,
        /// Whether Active Manager decided it, not a person.
        automatic: bool,
    },
    /// A failed database has no copy that could be activated.
    ActivationFailed {
        /// The database.
        database: DatabaseName,
    },
    /// The status of a copy changed.
    CopyStatus {
        /// The copy.
        copy: CopyId,
        /// What it was.
        was: CopyStatus,
        /// What it is.
        status: CopyStatus,
    },
    /// A lagged copy gave its lag up, or has it again.
    PlayedDown {
        /// The copy.
        copy: CopyId,
        /// Why it gave it up; none when it has it again.
        reason: Option<PlayDown>,
    },
    /// Clients are served.
    Mounted {
        /// The database.
        database: DatabaseName,
        /// Where.
        member: MemberName,
    },
    /// Clients are served no longer.
    Dismounted {
        /// The database.
        database: DatabaseName,
        /// Where.
        member: MemberName,
    },
    /// The cluster sees a node differently.
    Node {
        /// The member.
        member: MemberName,
        /// How it is seen.
        state: NodeState,
    },
    /// Another member decides.
    PrimaryActiveManager {
        /// The member; none while there is no quorum.
        member: Option<MemberName>,
    },
    /// The cluster has quorum, or has lost it.
    Quorum {
        /// Whether it has.
        held: bool,
    },
    /// The Exchange services of a member run.
    ServicesReady {
        /// The member.
        member: MemberName,
    },
    /// The Exchange services of a member run no longer.
    ServicesDown {
        /// The member.
        member: MemberName,
    },
}
