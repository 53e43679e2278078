//! The physical world of a simulated cluster, and how time passes in it.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::Time;

use super::event::{Event, Happening};
use super::settings::{Disk, Settings};
use super::store::Store;
use crate::quorum::Electorate;
use crate::{
    Component, ComponentState, ContentIndex, CopyId, Dag, MemberName, NodeState, Requester, Witness,
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
    /// Messages in its queues.
    pub(super) queued: u64,
    pub(super) disk: Disk,
    /// How busy its processors are, in percent.
    pub(super) busy: u8,
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
    /// A lagged copy of a database may have to give its lag up.
    Lag(usize),
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
    /// Whether each witness is reachable.
    pub(super) witness: bool,
    pub(super) alternate_witness: bool,
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
            queued: 0,
            disk: Disk::default(),
            busy: 0,
        };
        let machines = names.iter().map(machine).collect();
        let stores = dag.databases.iter();
        let stores = stores.map(|(name, database)| Store::new(name, database, &names, now));
        let reachable = |witness: &Option<Witness>| {
            let witness = witness.as_ref();
            witness.is_some_and(|witness| witness.reachable)
        };
        let (witness, alternate_witness) =
            (reachable(&dag.witness), reachable(&dag.alternate_witness));
        let started = dag.started().cloned().collect();
        let electorate = Electorate::new(started, dag.witness_in_use().is_some());
        let mut world = Self {
            now,
            settings,
            machines,
            stores: stores.collect(),
            witness,
            alternate_witness,
            witness_booted: now,
            preferences_due: None,
            electorate,
            timers: BTreeSet::new(),
            events: Vec::new(),
            answering: true,
            dag,
        };
        let index = world.new_content_index();
        let copies = world.stores.iter_mut().flat_map(|store| &mut store.copies);
        copies.for_each(|copy| copy.content_index = index);
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
            Timer::Copy(..) | Timer::Failure(_) | Timer::Lag(_) => {}
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

    /// The content index of a copy to which nothing has happened yet.
    pub(super) fn new_content_index(&self) -> ContentIndex {
        if self.dag.version.has_content_index_per_copy() {
            ContentIndex::Healthy
        } else {
            ContentIndex::NotApplicable
        }
    }

    pub(super) fn copy_id(&self, store: usize, copy: usize) -> CopyId {
        let machine = self.stores[store].copies[copy].machine;
        CopyId::new(&self.stores[store].name, &self.machines[machine].name)
    }
}
