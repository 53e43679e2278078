//! The status of a copy, as `Get-MailboxDatabaseCopyStatus` names it.

use serde::{Deserialize, Serialize};

use crate::named::named;

named! {
    /// What a copy of a database is doing, with the member names of the shell's enumeration.
    ///
    /// Source: Microsoft's page on monitoring database availability groups.
    CopyStatus = "status of a database copy" {
        /// Active, online, serving clients.
        Mounted,
        /// Active, coming online, not yet serving.
        Mounting,
        /// Active, going offline, clients being cut off.
        Dismounting,
        /// Active, offline.
        Dismounted,
        /// Passive, copying and replaying, or fully caught up.
        Healthy,
        /// Passive, was *Healthy* when it lost its link to the active copy.
        DisconnectedAndHealthy,
        /// Passive, its logs are being compared with those of the active copy.
        Resynchronizing,
        /// Passive, was *Resynchronizing* when it lost its link to the active copy.
        DisconnectedAndResynchronizing,
        /// Passive, checking that database and logs fit together. About 15 s, at most 30 s.
        Initializing,
        /// Passive, not suspended, but it cannot copy or replay. Tried again by itself from time to time.
        Failed,
        /// Passive, given up by the system: an administrator is needed.
        FailedAndSuspended,
        /// Passive, suspended by an administrator, or added without seeding.
        Suspended,
        /// Passive, its database or content index is being copied from another copy.
        Seeding,
        /// Another copy is being seeded from this one.
        SeedingSource,
        /// The Microsoft Exchange Replication service on its member cannot be reached.
        ServiceDown,
        /// Passive, a damaged page is being mended.
        SinglePageRestore,
        /// A name that exists but is not described: no target, needs an administrator.
        Misconfigured,
        /// A name that exists but is not described: no target, needs an administrator.
        NonExchangeReplication,
        /// Nobody knows: no target, needs an administrator.
        Unknown,
    }
}

/// Which copy of a database a status can belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The active copy only.
    Active,
    /// A passive copy only.
    Passive,
    /// Either.
    Any,
}

/// Whether a status ends without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heals {
    /// It is what a copy should be: nothing to heal.
    NotNeeded,
    /// By itself, once its work is done or its cause is gone.
    ByItself,
    /// When somebody asks for the database to be mounted.
    ByMountRequest,
    /// Not without an administrator.
    No,
}

/// What resuming does to a copy in a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resume {
    /// Replication begins again; a copy whose trouble persists falls back.
    Restarts,
    /// Only a block of activation is lifted.
    LiftsActivationBlock,
    /// Nothing.
    Useless,
}

/// Whether a copy in a status may be seeded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reseed {
    /// Yes.
    Allowed,
    /// Only once it is suspended.
    AfterSuspend,
    /// It already is.
    Running,
    /// No.
    No,
}

/// What a status means for whoever has to act: one row of the table in the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permits {
    /// Where it occurs.
    pub place: Place,
    /// Whether it ends by itself.
    pub heals: Heals,
    /// Whether Active Manager may activate such a copy without being told to.
    pub automatic_target: bool,
    /// What resuming does.
    pub resume: Resume,
    /// Whether it may be seeded anew.
    pub reseed: Reseed,
}

impl CopyStatus {
    /// What it permits.
    pub const fn permits(self) -> Permits {
        use Heals as H;
        use Place::{Active, Any, Passive};
        use Reseed as S;
        use Resume as R;
        let (place, heals, automatic_target, resume, reseed) = match self {
            Self::Mounted => (Active, H::NotNeeded, false, R::Useless, S::No),
            Self::Mounting | Self::Dismounting => (Active, H::ByItself, false, R::Useless, S::No),
            Self::Dismounted => (Active, H::ByMountRequest, false, R::Useless, S::No),
            Self::Healthy => {
                let lifts = R::LiftsActivationBlock;
                (Passive, H::NotNeeded, true, lifts, S::AfterSuspend)
            }
            Self::DisconnectedAndHealthy | Self::DisconnectedAndResynchronizing => {
                (Passive, H::ByItself, true, R::Useless, S::AfterSuspend)
            }
            Self::Resynchronizing | Self::Initializing | Self::Failed => {
                (Passive, H::ByItself, false, R::Useless, S::AfterSuspend)
            }
            Self::FailedAndSuspended | Self::Suspended => {
                (Passive, H::No, false, R::Restarts, S::Allowed)
            }
            Self::Seeding => (Passive, H::ByItself, false, R::Useless, S::Running),
            Self::SeedingSource => (Any, H::ByItself, true, R::Useless, S::No),
            Self::ServiceDown => (Any, H::ByItself, false, R::Useless, S::No),
            Self::SinglePageRestore => (Passive, H::ByItself, false, R::Useless, S::No),
            Self::Misconfigured | Self::NonExchangeReplication | Self::Unknown => {
                (Any, H::No, false, R::Useless, S::No)
            }
        };
        Permits {
            place,
            heals,
            automatic_target,
            resume,
            reseed,
        }
    }

    /// Whether only an administrator's or the system's suspension keeps it from replicating.
    pub const fn is_suspended(self) -> bool {
        matches!(self, Self::Suspended | Self::FailedAndSuspended)
    }

    /// Whether a copy in this status is as a copy should be: *Mounted* or *Healthy*.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Mounted | Self::Healthy)
    }
}

#[cfg(test)]
mod tests;
