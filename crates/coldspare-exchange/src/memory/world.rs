//! The physical world of a simulated cluster, and how time passes in it.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::Time;

use super::event::{Event, Happening};
use super::flow::{LOG, Level, Pipeline, Stream, logs};
use super::settings::{LoadProfile, Settings};
use crate::auto_reseed::AutoReseed;
use crate::quorum::Electorate;
use crate::{
    Component, ComponentState, ContentIndex, CopyId, CopyStatus, Dag, Database, DatabaseName,
    MemberName, NodeState, Requester,
};

/// What a machine is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) up: bool,
    pub(super) mapi: bool,
    pub(super) replication: bool,
}

/// A member's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate fact about the machine"
)]
pub(super) struct Machine {
    pub(super) name: MemberName,
    pub(super) links: Links,
    /// What the rest of the cluster believes, after its detection time.
    pub(super) seen: Links,
    /// When the links changed last.
    pub(super) changed: Time,
    pub(super) domain_controller: bool,
    /// Whether the Exchange services are meant to run.
    pub(super) wanted: bool,
    /// When the Exchange services run, or did begin to; never if nothing has begun.
    pub(super) ready: Time,
    /// Whether the cluster counts it in.
    pub(super) joined: bool,
    pub(super) paused: bool,
    /// The bit of datacenter activation coordination, and when it was set last.
    pub(super) may_mount: bool,
    pub(super) bit_set: Option<Time>,
    pub(super) spare_volumes: u32,
    pub(super) components: BTreeMap<Component, BTreeMap<Requester, ComponentState>>,
}

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
    /// When the comparison of logs ends.
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
}

/// What has become of a copy's volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Volume {
    Well,
    /// The volume is there, the database on it is beyond repair.
    Damaged,
    /// The volume cannot be reached.
    Gone,
}

impl Volume {
    pub(super) const fn error(self) -> &'static str {
        match self {
            Self::Well => "",
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
}

impl Store {
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

/// What is due at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The cluster looks who is there.
    View,
    /// A machine's services run.
    Services(usize),
    /// A copy's status changes.
    Copy(usize, usize),
    /// A failed database is seen to have failed.
    Failure(usize),
    /// The load of a database changes.
    Load(usize),
    /// Automatic reseed looks at a copy.
    Reseed(usize, usize),
    /// Databases go back to their first preference.
    Preferences,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    pub(super) now: Time,
    pub(super) settings: Settings,
    /// How it is configured, and what the cluster knows.
    pub(super) dag: Dag,
    /// In order of name, as in the group.
    pub(super) machines: Vec<Machine>,
    /// In order of name, as in the group.
    pub(super) stores: Vec<Store>,
    pub(super) witness: bool,
    pub(super) witness_booted: Time,
    /// When databases go back to their first preference, if any is away from it.
    pub(super) preferences_due: Option<Time>,
    pub(super) electorate: Electorate,
    pub(super) timers: BTreeSet<(Time, Timer)>,
    pub(super) events: Vec<Event>,
    /// Whether the seam gets an answer at all.
    pub(super) answering: bool,
}

impl World {
    /// A group at rest: all machines up, every copy caught up.
    pub(super) fn new(dag: Dag, settings: Settings, now: Time) -> Self {
        let links = Links {
            up: true,
            mapi: true,
            replication: true,
        };
        let names: Vec<MemberName> = dag.members.keys().cloned().collect();
        let machine = |name: &MemberName| Machine {
            name: name.clone(),
            links,
            seen: links,
            changed: now,
            domain_controller: true,
            wanted: true,
            ready: now,
            joined: true,
            paused: dag.members[name].node == NodeState::Paused,
            may_mount: true,
            bit_set: Some(now),
            spare_volumes: settings.auto_reseed.unwrap_or_default(),
            components: BTreeMap::new(),
        };
        let machines = names.iter().map(machine).collect();
        let stores = dag.databases.iter();
        let stores = stores.map(|(name, database)| store(name, database, &names, now, &dag));
        let witness = dag
            .witness
            .as_ref()
            .is_some_and(|witness| witness.reachable);
        let electorate = Electorate::new(names.iter().cloned().collect(), dag.witness.is_some());
        let mut world = Self {
            now,
            settings,
            machines,
            stores: stores.collect(),
            witness,
            witness_booted: now,
            preferences_due: None,
            electorate,
            timers: BTreeSet::new(),
            events: Vec::new(),
            answering: true,
            dag,
        };
        world.look();
        world.refresh();
        world.events.clear();
        world
    }

    /// When something happens next by itself.
    pub(super) fn next_event(&self) -> Option<Time> {
        self.timers.first().map(|(time, _)| *time)
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, to: Time) {
        while let Some((time, timer)) = self.timers.first().copied().filter(|next| next.0 <= to) {
            self.timers.pop_first();
            self.now = self.now.max(time);
            self.fire(timer);
        }
        self.now = self.now.max(to);
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Load(store) => return self.load(store),
            Timer::View => self.look(),
            Timer::Services(machine) => {
                let of = &self.machines[machine];
                if of.ready == self.now {
                    let member = of.name.clone();
                    self.tell(Happening::ServicesReady { member });
                }
            }
            Timer::Copy(store, copy) if self.stores[store].copies[copy].until <= self.now => {
                self.copy_due(store, copy);
            }
            Timer::Reseed(store, copy) => self.reseed_due(store, copy),
            Timer::Preferences => self.preferences_due(),
            Timer::Copy(..) | Timer::Failure(_) => {}
        }
        self.refresh();
    }

    pub(super) fn wake(&mut self, at: Time, timer: Timer) {
        if at < Time::NEVER {
            self.timers.insert((at, timer));
        }
    }

    pub(super) fn tell(&mut self, what: Happening) {
        let at = self.now;
        self.events.push(Event { at, what });
    }

    /// Whether the Replication service of a machine runs.
    pub(super) fn works(&self, machine: usize) -> bool {
        let machine = &self.machines[machine];
        machine.links.up && machine.ready <= self.now
    }

    pub(super) fn copy_id(&self, store: usize, copy: usize) -> CopyId {
        let machine = self.stores[store].copies[copy].machine;
        CopyId::new(&self.stores[store].name, &self.machines[machine].name)
    }
}

fn store(
    name: &DatabaseName,
    database: &Database,
    names: &[MemberName],
    now: Time,
    dag: &Dag,
) -> Store {
    let content_index = if dag.version.has_content_index_per_copy() {
        ContentIndex::Healthy
    } else {
        ContentIndex::NotApplicable
    };
    let copy = |(machine, active): (usize, bool)| Copy {
        machine,
        status: match (active, database.mounted) {
            (true, true) => CopyStatus::Mounted,
            (true, false) => CopyStatus::Dismounted,
            (false, _) => CopyStatus::Healthy,
        },
        reported: CopyStatus::Unknown,
        served: true,
        branch: 0,
        logs: Pipeline::at_level(LOG, now),
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
        content_index,
        seeding: None,
    };
    let kept = names
        .iter()
        .enumerate()
        .filter(|(_, name)| database.copies.contains_key(*name));
    let copies: Vec<Copy> = kept
        .map(|(machine, name)| copy((machine, *name == database.active)))
        .collect();
    let active = copies
        .iter()
        .position(|copy| names[copy.machine] == database.active);
    Store {
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
    }
}
