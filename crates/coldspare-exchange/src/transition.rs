//! How the status of a copy changes.

use serde::{Deserialize, Serialize};

use crate::CopyStatus;

/// What happens to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyEvent {
    /// An administrator suspends it.
    Suspended,
    /// An administrator resumes it.
    Resumed,
    /// Its seeding begins.
    SeedingBegan,
    /// Its seeding is complete.
    Seeded,
    /// Its seeding is complete, and it was asked to stay suspended then.
    SeededToStaySuspended,
    /// The source of its seeding failed, or the database failed over.
    SeedingAborted,
    /// Initializing found database and logs in order.
    Checked,
    /// What differed from the active copy is resolved, and what it had missed is replayed.
    CaughtUp,
    /// The link to the active copy is lost.
    LinkLost,
    /// The link to the active copy is back.
    LinkBack,
    /// It cannot copy or replay.
    Erred,
    /// The cause of its error is gone.
    CauseGone,
    /// Its logs differ from the active copy's beyond repair, or logs it needs exist no more.
    Unrecoverable,
    /// The Replication service on its member stops.
    ServiceStopped,
    /// The Replication service on its member is back.
    ServiceBack,
    /// A page of it is damaged and being mended.
    PageDamaged,
    /// The damaged page is mended.
    PageMended,
    /// It becomes the active copy.
    Activated,
    /// The store has mounted it.
    Mounted,
    /// It is being dismounted.
    Dismounting,
    /// The store has dismounted it.
    Dismounted,
    /// Another copy became the active one.
    Deactivated,
}

/// The status after an event; `None` when the event means nothing to a copy in that status.
///
/// Source: Microsoft's pages on monitoring groups and on suspending, resuming and seeding copies.
/// Documentation is silent on how a copy becomes passive, and on what an aborted seeding leaves:
/// these are assumptions, as faithful as they can be.
#[expect(clippy::match_same_arms, reason = "each arm is a row of the table")]
pub const fn after(status: CopyStatus, event: CopyEvent) -> Option<CopyStatus> {
    use CopyEvent as E;
    use CopyStatus as S;
    Some(match (status, event) {
        (
            S::Healthy
            | S::DisconnectedAndHealthy
            | S::Resynchronizing
            | S::DisconnectedAndResynchronizing
            | S::Initializing
            | S::Failed,
            E::Suspended,
        ) => S::Suspended,
        (S::Suspended | S::FailedAndSuspended, E::Resumed) => S::Initializing,

        (S::Suspended | S::FailedAndSuspended | S::Initializing, E::SeedingBegan) => S::Seeding,
        (S::Seeding, E::Seeded) => S::Initializing,
        (S::Seeding, E::SeededToStaySuspended) => S::Suspended,
        (S::Seeding, E::SeedingAborted) => S::FailedAndSuspended,

        (S::Initializing, E::Checked) => S::Resynchronizing,
        (S::Resynchronizing, E::CaughtUp) => S::Healthy,

        (S::Healthy, E::LinkLost) => S::DisconnectedAndHealthy,
        (S::Resynchronizing, E::LinkLost) => S::DisconnectedAndResynchronizing,
        (S::DisconnectedAndHealthy, E::LinkBack) => S::Healthy,
        (S::DisconnectedAndResynchronizing, E::LinkBack) => S::Resynchronizing,

        (
            S::Healthy
            | S::DisconnectedAndHealthy
            | S::Resynchronizing
            | S::DisconnectedAndResynchronizing
            | S::Initializing,
            E::Erred,
        ) => S::Failed,
        (S::Failed, E::CauseGone) => S::Initializing,
        (
            S::Healthy
            | S::DisconnectedAndHealthy
            | S::Resynchronizing
            | S::DisconnectedAndResynchronizing
            | S::Initializing
            | S::Failed,
            E::Unrecoverable,
        ) => S::FailedAndSuspended,

        (S::Healthy, E::PageDamaged) => S::SinglePageRestore,
        (S::SinglePageRestore, E::PageMended) => S::Initializing,

        (_, E::ServiceStopped) => S::ServiceDown,
        (S::ServiceDown, E::ServiceBack) => S::Initializing,

        (
            S::Healthy
            | S::DisconnectedAndHealthy
            | S::Resynchronizing
            | S::DisconnectedAndResynchronizing
            | S::Initializing
            | S::Failed
            | S::FailedAndSuspended
            | S::Suspended
            | S::SeedingSource
            | S::Dismounted,
            E::Activated,
        ) => S::Mounting,
        (S::Mounting, E::Mounted) => S::Mounted,
        (S::Mounted | S::Mounting, E::Dismounting) => S::Dismounting,
        (S::Mounted | S::Mounting | S::Dismounting, E::Dismounted) => S::Dismounted,
        (S::Mounted | S::Mounting | S::Dismounting | S::Dismounted, E::Deactivated) => {
            S::Initializing
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
