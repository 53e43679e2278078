//! What can be asked of a group, and what it answers.
//!
//! Actions are data, so that a plan can be shown, stored and carried out later. Each sets a whole
//! value and may be repeated.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Component, ComponentState, CopyId, CopySettings, DatabaseName, DialOverride, GroupSettings,
    MemberName, MemberPolicy, Refusal, Requester, Service, Version,
};

/// One verb of the group's administration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Make another copy the active one (`Move-ActiveMailboxDatabase`).
    Move(Move),
    /// Suspend replication of a copy and its activation (`Suspend-MailboxDatabaseCopy`).
    Suspend {
        /// The passive copy.
        copy: CopyId,
        /// Why, at most 512 characters; kept with the copy.
        comment: String,
    },
    /// Only keep a copy from being activated (`Suspend-MailboxDatabaseCopy -ActivationOnly`).
    SuspendActivation {
        /// The passive copy.
        copy: CopyId,
        /// Why, at most 512 characters; kept with the copy.
        comment: String,
    },
    /// Let a copy replicate again (`Resume-MailboxDatabaseCopy`).
    Resume {
        /// The passive copy.
        copy: CopyId,
        /// Leave a block of activation as it is; otherwise that is lifted too.
        replication_only: bool,
    },
    /// Replay the logs of a lagged copy without waiting, until its lag is enabled again
    /// (`Resume-MailboxDatabaseCopy -DisableReplayLag`, 2013 and later).
    DisableReplayLag {
        /// The passive copy; one without lag stays as it is.
        copy: CopyId,
        /// Why.
        reason: String,
    },
    /// Let a lagged copy have its lag again
    /// (`Suspend-MailboxDatabaseCopy -EnableReplayLag`, 2013 and later).
    EnableReplayLag {
        /// The passive copy; one that has its lag stays as it is.
        copy: CopyId,
    },
    /// Begin to seed a suspended copy anew (`Update-MailboxDatabaseCopy -BeginSeed`).
    Reseed {
        /// The suspended copy; what it has of what is seeded is deleted.
        copy: CopyId,
        /// What of it is seeded.
        #[serde(default)]
        parts: SeedParts,
        /// From where; the active copy unless set.
        source: Option<MemberName>,
        /// Leave it suspended afterwards.
        manual_resume: bool,
    },
    /// End the seeding of a copy (`Update-MailboxDatabaseCopy -CancelSeed`). What was being seeded
    /// is of no use then: it stays suspended until it is seeded again.
    CancelSeeding {
        /// The copy; one that is not being seeded stays as it is.
        copy: CopyId,
    },
    /// Mount the active copy (`Mount-Database`).
    Mount {
        /// The database.
        database: DatabaseName,
    },
    /// Dismount the active copy (`Dismount-Database`).
    Dismount {
        /// The database.
        database: DatabaseName,
    },
    /// Give a database another copy (`Add-MailboxDatabaseCopy`). Whether circular logging is off,
    /// as it must be when the second copy is added, and whether its path is free on that member,
    /// is Exchange's own to check.
    AddCopy {
        /// The copy; its member must have none of the database yet.
        copy: CopyId,
        /// All of it.
        settings: CopySettings,
        /// Leave it suspended until it is seeded by hand, instead of seeding it at once.
        seeding_postponed: bool,
    },
    /// Take a passive copy away for good (`Remove-MailboxDatabaseCopy`). Its files stay where they
    /// are. Its member need not be up.
    RemoveCopy {
        /// The copy.
        copy: CopyId,
    },
    /// Set preference and lags of a copy (`Set-MailboxDatabaseCopy`).
    SetCopy {
        /// The copy.
        copy: CopyId,
        /// All of it.
        settings: CopySettings,
    },
    /// Set what holds for the group as a whole (`Set-DatabaseAvailabilityGroup`). Even if nothing
    /// changes this brings the quorum model in line with the members, and the first witness back
    /// into use.
    SetGroup {
        /// All of it.
        settings: GroupSettings,
    },
    /// Mark a member as failed: it mounts nothing and is kept out of the cluster
    /// (`Stop-DatabaseAvailabilityGroup`). Only in datacenter activation coordination mode; works
    /// without quorum.
    StopMember {
        /// The member; it need not be up.
        member: MemberName,
    },
    /// Take a member that was stopped into the cluster again
    /// (`Start-DatabaseAvailabilityGroup`). Only in datacenter activation coordination mode.
    StartMember {
        /// The member.
        member: MemberName,
    },
    /// Go on without the members that were stopped (`Restore-DatabaseAvailabilityGroup`): they are
    /// evicted, the alternate witness is used if those that are left are even in number or one
    /// alone, and they may mount databases. Only in datacenter activation coordination mode, and
    /// only after a stop.
    RestoreGroup,
    /// Set what may be activated on a member (`Set-MailboxServer`).
    SetPolicy {
        /// The member.
        member: MemberName,
        /// All of it.
        policy: MemberPolicy,
    },
    /// Keep a cluster node from taking anything over, or let it again (`Suspend-ClusterNode`,
    /// `Resume-ClusterNode`).
    SetPaused {
        /// The member.
        member: MemberName,
        /// Whether it shall be paused.
        paused: bool,
    },
    /// Make a member the primary active manager (`Move-ClusterGroup "Cluster Group"`).
    MovePrimary {
        /// The member.
        to: MemberName,
    },
    /// Set a component of a server as one requester wants it (`Set-ServerComponentState`).
    SetComponent {
        /// The member.
        member: MemberName,
        /// The component.
        component: Component,
        /// In whose name.
        requester: Requester,
        /// How.
        state: ComponentState,
    },
    /// Stop and start a service (`Restart-Service`).
    RestartService {
        /// The member.
        member: MemberName,
        /// The service.
        service: Service,
    },
    /// Hand the messages in a server's queues to another (`Redirect-Message`).
    RedirectMessages {
        /// The member whose queues are emptied.
        member: MemberName,
        /// Who gets them.
        target: MemberName,
    },
}

/// What of a copy is seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedParts {
    /// The database and its content index: what the cmdlet does without a switch.
    #[default]
    DatabaseAndIndex,
    /// `DatabaseOnly`. Only so can a source seed two copies at once.
    Database,
    /// `CatalogOnly`: the content index, while the database stays as it is. Versions that keep no
    /// index with each copy (2019 and later) have nothing to seed.
    Index,
}

impl SeedParts {
    /// Whether the database is among them.
    pub const fn has_database(self) -> bool {
        matches!(self, Self::DatabaseAndIndex | Self::Database)
    }

    /// Whether the content index is among them. It goes over the MAPI network always.
    pub const fn has_index(self) -> bool {
        matches!(self, Self::DatabaseAndIndex | Self::Index)
    }
}

/// A move of the active copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// The database.
    pub database: DatabaseName,
    /// Where to; without one the best copy is chosen.
    pub target: Option<MemberName>,
    /// How many logs may be missing. A move that says nothing is lossless.
    pub dial: DialOverride,
    /// Checks that are left out.
    pub skip: BTreeSet<Check>,
}

impl Move {
    /// A lossless move with every check made: what the shell does without further parameters.
    pub fn lossless(database: &DatabaseName, target: &MemberName) -> Self {
        Self {
            database: database.clone(),
            target: Some(target.clone()),
            dial: DialOverride::default(),
            skip: BTreeSet::new(),
        }
    }
}

/// A check of `Move-ActiveMailboxDatabase` that can be left out by a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// `SkipHealthChecks`: the target's status.
    Health,
    /// `SkipActiveCopyChecks`: the active copy is the source of a seeding, which is then cancelled.
    ActiveCopy,
    /// `SkipLagChecks`: the target's queues, and whether it is the source of a seeding.
    Lag,
    /// `SkipClientExperienceChecks`: the target's content index.
    ClientExperience,
    /// `SkipMaximumActiveDatabasesChecks` (2013 and later): the soft maximum; never the hard one.
    MaximumActiveDatabases,
    /// `SkipCpuChecks` (2016 and later): how busy the target's processors are.
    Cpu,
    /// `SkipMoveSuppressionChecks` (2016 and later): too many moves lately.
    MoveSuppression,
}

impl Check {
    /// The first version that has its switch.
    pub const fn since(self) -> Version {
        match self {
            Self::Health | Self::ActiveCopy | Self::Lag | Self::ClientExperience => Version::V2010,
            Self::MaximumActiveDatabases => Version::V2013Cu1,
            Self::Cpu | Self::MoveSuppression => Version::V2016,
        }
    }

    /// The name of its switch.
    pub const fn switch(self) -> &'static str {
        match self {
            Self::Health => "SkipHealthChecks",
            Self::ActiveCopy => "SkipActiveCopyChecks",
            Self::Lag => "SkipLagChecks",
            Self::ClientExperience => "SkipClientExperienceChecks",
            Self::MaximumActiveDatabases => "SkipMaximumActiveDatabasesChecks",
            Self::Cpu => "SkipCpuChecks",
            Self::MoveSuppression => "SkipMoveSuppressionChecks",
        }
    }
}

/// What a group answers to an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is so now. What takes long (a resume, a seeding) has begun.
    Done,
    /// The active copy was moved, or was there already.
    Moved(Moved),
    /// Nothing was changed.
    Refused(Refusal),
}

/// The outcome of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// The active copy's member before.
    pub from: MemberName,
    /// The active copy's member now.
    pub to: MemberName,
    /// Logs that are lost by it.
    pub logs_lost: u64,
    /// Whether clients were served before.
    pub mounted_before: bool,
    /// Whether clients are served now.
    pub mounted_after: bool,
}

/// What the action does, in words.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Move(Move {
                database, target, ..
            }) => match target {
                Some(target) => write!(f, "activate {database} on {target}"),
                None => write!(f, "activate {database} on its best copy"),
            },
            Self::Suspend { copy, .. } => write!(f, "suspend {copy}"),
            Self::SuspendActivation { copy, .. } => write!(f, "block activation of {copy}"),
            Self::Resume { copy, .. } => write!(f, "resume {copy}"),
            Self::DisableReplayLag { copy, .. } => write!(f, "replay {copy} without lag"),
            Self::EnableReplayLag { copy } => write!(f, "give {copy} its lag back"),
            Self::Reseed { copy, .. } => write!(f, "seed {copy} anew"),
            Self::CancelSeeding { copy } => write!(f, "end the seeding of {copy}"),
            Self::Mount { database } => write!(f, "mount {database}"),
            Self::Dismount { database } => write!(f, "dismount {database}"),
            Self::AddCopy { copy, .. } => write!(f, "add {copy}"),
            Self::RemoveCopy { copy } => write!(f, "remove {copy}"),
            Self::SetGroup { .. } => f.write_str("set what holds for the group"),
            Self::StopMember { member } => write!(f, "mark {member} as failed"),
            Self::StartMember { member } => write!(f, "take {member} into the cluster again"),
            Self::RestoreGroup => f.write_str("go on without the members that were stopped"),
            Self::SetCopy { copy, settings } => {
                write!(f, "give {copy} preference {}", settings.preference)
            }
            Self::SetPolicy { member, policy } => {
                write!(
                    f,
                    "set the activation policy of {member} to {:?}",
                    policy.activation
                )
            }
            Self::SetPaused {
                member,
                paused: true,
            } => write!(f, "pause node {member}"),
            Self::SetPaused {
                member,
                paused: false,
            } => write!(f, "resume node {member}"),
            Self::MovePrimary { to } => write!(f, "make {to} the primary active manager"),
            Self::SetComponent {
                member,
                component,
                state,
                ..
            } => {
                write!(f, "set {component} of {member} to {state:?}")
            }
            Self::RestartService { member, service } => write!(f, "restart {service} on {member}"),
            Self::RedirectMessages { member, target } => {
                write!(f, "redirect the messages of {member} to {target}")
            }
        }
    }
}
