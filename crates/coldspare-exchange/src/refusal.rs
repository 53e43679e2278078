//! Why a group does not do what it is asked.

use serde::{Deserialize, Serialize};

use crate::{
    ActivationPolicy, ContentIndex, CopyStatus, DatabaseName, Defect, MemberName, QueueLength,
};

/// A refusal: an answer, not a failure. Nothing was changed.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// The cluster has no quorum: no operation of the group works.
    #[error("the cluster has no quorum")]
    NoQuorum,
    /// No Active Manager decides: the primary one's Replication service does not run.
    #[error("the primary active manager does not answer")]
    NoActiveManager,
    /// The Replication service of the member does not answer (error 0x6ba).
    #[error("the Replication service on {0} does not answer")]
    ServiceDown(MemberName),
    /// The member's node is not up in the cluster.
    #[error("the node {0} is not up")]
    NodeNotUp(MemberName),
    /// Clients do not reach the member.
    #[error("the MAPI network of {0} is down")]
    MapiNetworkDown(MemberName),
    /// The member has no copy of the database.
    #[error("{0} has no copy")]
    NoCopy(MemberName),
    /// The member has a copy of the database already.
    #[error("{0} has a copy already")]
    CopyExists(MemberName),
    /// It is the active copy: that is done to passive ones only.
    #[error("it is the active copy")]
    IsActive,
    /// The copy's status does not permit it.
    #[error("the copy is {0}")]
    Status(CopyStatus),
    /// The copy's activation is blocked.
    #[error("activation of the copy is suspended")]
    ActivationSuspended,
    /// The member's policy does not permit it.
    #[error("the activation policy of the member is {0:?}")]
    Policy(ActivationPolicy),
    /// The member is kept free (`DatabaseCopyActivationDisabledAndMoveNow`).
    #[error("the member is to be kept free of active databases")]
    KeptFree,
    /// The member has as many active databases as it may have.
    #[error("{active} of at most {maximum} databases are active there")]
    MaximumActive {
        /// Active there now.
        active: u32,
        /// The hard maximum.
        maximum: u32,
    },
    /// The member has as many active databases as it should have.
    #[error("{active} of preferably at most {maximum} databases are active there")]
    MaximumPreferred {
        /// Active there now.
        active: u32,
        /// The soft maximum.
        maximum: u32,
    },
    /// The target lags behind.
    #[error("the queues are too long: {copy_queue:?} to copy, {replay_queue:?} to replay")]
    Lag {
        /// Not yet copied.
        copy_queue: QueueLength,
        /// Not yet replayed.
        replay_queue: QueueLength,
    },
    /// The target's content index is not good.
    #[error("the content index is {0}")]
    ContentIndex(ContentIndex),
    /// Another copy is being seeded from this one.
    #[error("the copy is the source of a seeding")]
    SeedingSource,
    /// The source already seeds another copy.
    #[error("a seeding from there is in progress")]
    SeedInProgress,
    /// The processors of the target's server are too busy (2016 and later).
    #[error("the processors of {member} are busy to {percent} %")]
    Busy {
        /// The server.
        member: MemberName,
        /// How busy they are.
        percent: u8,
    },
    /// Too many committed logs would be lost.
    #[error("{missing} logs would be lost and {allowed} may be")]
    LogsMissing {
        /// Logs that the copy lacks.
        missing: u64,
        /// How many may be lost.
        allowed: u64,
    },
    /// The copy must be suspended first.
    #[error("the copy is {0}, it must be suspended first")]
    NotSuspended(CopyStatus),
    /// No copy can be activated.
    #[error("no copy can be activated")]
    NoTarget,
    /// Nobody has said yet that databases may be mounted (datacenter activation coordination).
    #[error("no member has the word that databases may be mounted")]
    NotCoordinated,
    /// The member is in neither list: nothing is mounted there.
    #[error("{0} isn't in the stopped or started servers list")]
    NotListed(MemberName),
    /// Members are stopped, started and restored only in datacenter activation coordination mode.
    #[error("that is done only while DatacenterActivationMode is DagOnly")]
    NoCoordination,
    /// No member would be left that is started.
    #[error("no other member is started")]
    LastStarted,
    /// A restore needs members that were stopped before.
    #[error("no member was stopped before")]
    NothingStopped,
    /// The group would break a limit or contradict itself.
    #[error(transparent)]
    Defect(Defect),
    /// The works of the database are damaged.
    #[error("the database on {0} is damaged")]
    Damaged(MemberName),
    /// A limit of Exchange.
    #[error("{what} is at most {limit}")]
    Limit {
        /// What is limited, in words.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The version of Exchange knows no such thing.
    #[error("this version has no {0}")]
    NotInVersion(String),
    /// The server is less healthy than the one it would take over from, or another of its
    /// components is (2013 and later).
    #[error("the server is less healthy than the one it would take over from")]
    ServerHealth,
    /// A database would be left with fewer than two copies that can serve.
    #[error("{database} would be left with {left} copies that can serve")]
    TooFewCopies {
        /// The database.
        database: DatabaseName,
        /// How many would be left.
        left: usize,
    },
    /// One site would get too many active databases.
    #[error("one site would get too many active databases")]
    SiteImbalance,
    /// Somebody else has moved the database in the meantime.
    #[error("the database was moved in the meantime")]
    MovedMeanwhile,
    /// The move was answered, but the database is not where or as it should be.
    #[error("the move did not end as it should")]
    NotAsMoved,
    /// Too many moves of this database lately (2016 and later).
    #[error("the database was moved too often lately")]
    Suppressed,
}
