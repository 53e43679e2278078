//! A database of a simulated cluster: its copies, and the branches of its logs.

use std::collections::BTreeMap;

use coldspare_names::Time;

use super::flow::{LOG, Level, Pipeline, Stream, logs};
use super::settings::LoadProfile;
use crate::auto_reseed::AutoReseed;
use crate::logs::PlayDown;
use crate::{ContentIndex, CopyStatus, Database, DatabaseName, MemberName, SeedParts};

/// A copy on a machine's volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) machine: usize,
    /// What it is as far as its own member knows.
    pub(super) status: CopyStatus,
    /// What others see; kept to tell what changed.
    pub(super) reported: CopyStatus,
    /// Whether its Replication service ran when last looked at.
    pub(super) served: bool,
    /// On which branch of the logs it is.
    pub(super) branch: usize,
    pub(super) logs: Pipeline,
    /// What it has to catch up to.
    pub(super) target: Level,
    /// When the comparison of logs ends, or the mending of a page.
    pub(super) compared: Time,
    /// Whether its logs come over the MAPI network, because the other one failed.
    pub(super) on_mapi: bool,
    /// When its status changes by itself.
    pub(super) until: Time,
    pub(super) activation_suspended: bool,
    pub(super) comment: Option<String>,
    pub(super) error: Option<String>,
    pub(super) volume: Volume,
    /// Since when it is *Failed*, where automatic reseed looks after it.
    pub(super) failing: Option<Time>,
    pub(super) workflow: Option<AutoReseed>,
    pub(super) content_index: ContentIndex,
    pub(super) seeding: Option<Seeding>,
    /// Logs up to here were deleted from it though another copy still needed them.
    pub(super) deleted: u64,
    /// Why its lag is given up, if it is.
    pub(super) played_down: Option<PlayDown>,
    /// Since when a slow disk puts that off.
    pub(super) put_off: Option<Time>,
}

/// What has become of a copy's volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Volume {
    Well,
    /// The copy was added, and nothing was seeded to it yet.
    Unseeded,
    /// The volume is there, the database on it is beyond repair.
    Damaged,
    /// The volume cannot be reached.
    Gone,
}

impl Volume {
    /// The volume after its database was deleted for a seeding that has not come to its end.
    pub(super) const fn without_database(self) -> Self {
        match self {
            Self::Gone => Self::Gone,
            Self::Well | Self::Damaged | Self::Unseeded => Self::Unseeded,
        }
    }

    pub(super) const fn error(self) -> &'static str {
        match self {
            Self::Well => "",
            Self::Unseeded => "its database must be seeded",
            Self::Damaged => "its database file is damaged",
            Self::Gone => "its volume cannot be reached",
        }
    }
}

/// A seeding under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seeding {
    /// The copy it comes from.
    pub(super) source: usize,
    pub(super) parts: SeedParts,
    pub(super) manual_resume: bool,
}

/// Where logs began to differ from what another copy had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) parent: usize,
    pub(super) from: Level,
    /// How far it came before it was left.
    pub(super) top: Level,
}

/// A database with its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) name: DatabaseName,
    pub(super) copies: Vec<Copy>,
    /// The active copy.
    pub(super) active: usize,
    /// Whether it is meant to be mounted.
    pub(super) wanted: bool,
    /// Since when it is not as it is meant to be.
    pub(super) failed: Option<Time>,
    /// Whether its failure was told.
    pub(super) given_up: bool,
    pub(super) stream: Stream,
    pub(super) branches: Vec<Branch>,
    pub(super) load: LoadProfile,
    /// When it was activated elsewhere, as long as that may count.
    pub(super) moved: Vec<Time>,
    /// Since when too few copies are healthy for a lagged one to keep its lag.
    pub(super) few: Option<Time>,
}

impl Copy {
    pub(super) fn new(machine: usize, status: CopyStatus, level: Level, now: Time) -> Self {
        Self {
            machine,
            status,
            reported: CopyStatus::Unknown,
            served: true,
            branch: 0,
            logs: Pipeline::at_level(level, now),
            target: 0,
            compared: now,
            on_mapi: false,
            until: Time::NEVER,
            activation_suspended: false,
            comment: None,
            error: None,
            volume: Volume::Well,
            failing: None,
            workflow: None,
            content_index: ContentIndex::default(),
            seeding: None,
            deleted: 0,
            played_down: None,
            put_off: None,
        }
    }
}

impl Store {
    /// A database at rest, its copies in the order of the machines.
    pub(super) fn new(
        name: &DatabaseName,
        database: &Database,
        names: &[MemberName],
        now: Time,
    ) -> Self {
        let kept = names
            .iter()
            .enumerate()
            .filter(|(_, name)| database.copies.contains_key(*name));
        let copies: Vec<Copy> = kept
            .map(|(machine, name)| {
                let status = match (*name == database.active, database.mounted) {
                    (true, true) => CopyStatus::Mounted,
                    (true, false) => CopyStatus::Dismounted,
                    (false, _) => CopyStatus::Healthy,
                };
                Copy::new(machine, status, LOG, now)
            })
            .collect();
        let active = copies
            .iter()
            .position(|copy| names[copy.machine] == database.active);
        Self {
            name: name.clone(),
            active: active.unwrap_or_default(),
            copies,
            wanted: database.mounted,
            failed: None,
            given_up: false,
            stream: Stream::new(now),
            branches: vec![Branch {
                parent: 0,
                from: LOG,
                top: LOG,
            }],
            load: LoadProfile::default(),
            moved: Vec::new(),
            few: None,
        }
    }

    pub(super) fn branch(&self) -> usize {
        self.branches.len() - 1
    }

    /// The last level up to which a copy's logs are those of the active one.
    pub(super) fn common(&self, copy: &Copy) -> Level {
        let mut chain = vec![(self.branch(), Level::MAX)];
        while let Some(&(branch, _)) = chain.last().filter(|(branch, _)| *branch > 0) {
            let Branch { parent, from, .. } = self.branches[branch];
            chain.push((parent, from));
        }
        let (mut branch, mut level) = (copy.branch, copy.logs.copied);
        loop {
            if let Some((_, left)) = chain.iter().find(|(in_chain, _)| *in_chain == branch) {
                return level.min(*left);
            }
            level = level.min(self.branches[branch].from);
            branch = self.branches[branch].parent;
        }
    }

    /// Committed logs that are on no branch the active copy goes back to.
    pub(super) fn lost(&self) -> u64 {
        let mut kept: BTreeMap<usize, Level> = BTreeMap::new();
        let mut branch = self.branch();
        while branch > 0 {
            let Branch { parent, from, .. } = self.branches[branch];
            kept.insert(parent, from);
            branch = parent;
        }
        let left = self.branches.iter().enumerate().take(self.branch());
        let lost = left.map(|(index, branch)| {
            let from = kept.get(&index).copied().unwrap_or(branch.from);
            logs(branch.top).saturating_sub(logs(from))
        });
        lost.sum()
    }
}
