//! What happens to each copy when the world around it changes.

use coldspare_names::Time;

use super::event::Happening;
use super::flow::{Pipeline, logs, whole};
use super::store::{Branch, Volume};
use super::world::{Timer, World};
use crate::{CopyEvent, CopyStatus, Refusal, after, limits};

impl World {
    /// Brings everything in line after something has changed.
    pub(super) fn refresh(&mut self) {
        self.refresh_services();
        self.choose_primary();
        self.coordinate();
        for store in 0..self.stores.len() {
            self.refresh_active(store);
            self.truncate_loosely(store);
            self.refresh_passive(store);
            if self.react(store) {
                self.refresh_passive(store);
            }
            self.watch_lag(store);
            self.report(store);
        }
        self.look_at_preferences();
    }

    /// Services start once a domain controller is reachable over MAPI; those that run go on
    /// without one.
    fn refresh_services(&mut self) {
        for index in 0..self.machines.len() {
            let machine = &mut self.machines[index];
            let may = machine.links.up && machine.wanted;
            let can = may && machine.links.mapi && machine.domain_controller;
            if machine.ready <= self.now && !may {
                self.stop_services(index);
            } else if machine.ready > self.now && !can {
                machine.ready = Time::NEVER;
            } else if machine.ready == Time::NEVER && can {
                let ready = self.now + self.settings.services_start;
                machine.ready = ready;
                self.wake(ready, Timer::Services(index));
            }
        }
    }

    fn stop_services(&mut self, machine: usize) {
        self.machines[machine].ready = Time::NEVER;
        self.machines[machine].may_mount = false;
        let member = self.machines[machine].name.clone();
        self.tell(Happening::ServicesDown { member });
    }

    /// Stops the services; they start again by themselves.
    pub(super) fn restart_services(&mut self, machine: usize) {
        self.stop_services(machine);
        self.refresh();
    }

    /// Whether the store on a copy's machine can have it mounted.
    pub(super) fn can_serve(&self, store: usize, copy: usize) -> bool {
        let copy = &self.stores[store].copies[copy];
        self.works(copy.machine)
            && self.machines[copy.machine].joined
            && self.machines[copy.machine].may_mount
            && self.dag.quorum
            && copy.volume == Volume::Well
    }

    /// Whether it can be mounted there anew.
    pub(super) fn can_mount(&self, store: usize, copy: usize) -> bool {
        let machine = self.stores[store].copies[copy].machine;
        self.can_serve(store, copy) && self.admitted(machine).is_ok()
    }

    /// Whether the lists of members and the word of the others let a machine mount databases.
    pub(super) fn admitted(&self, machine: usize) -> Result<(), Refusal> {
        let of = &self.machines[machine];
        if !self.dag.is_listed(&of.name) {
            return Err(Refusal::NotListed(of.name.clone()));
        }
        of.may_mount.then_some(()).ok_or(Refusal::NotCoordinated)
    }

    fn refresh_active(&mut self, store: usize) {
        let active = self.stores[store].active;
        let status = self.stores[store].copies[active].status;
        if matches!(status, CopyStatus::Mounted | CopyStatus::Mounting)
            && !self.can_serve(store, active)
        {
            self.dismount(store);
        }
        self.load(store);
    }

    /// Sets how fast the active copy writes logs: none while no client reaches it.
    pub(super) fn load(&mut self, index: usize) {
        let (now, kept) = (self.now, limits::LAG * 2 + self.settings.shipping_delay);
        if self.stores[index].stream.is_outdated(now, kept) {
            self.settle_all(index);
            self.stores[index].stream.forget(now, kept);
        }
        let store = &mut self.stores[index];
        let active = &store.copies[store.active];
        let served =
            active.status == CopyStatus::Mounted && self.machines[active.machine].links.mapi;
        let rate = if served { store.load.rate(now) } else { 0 };
        let change = store.load.next_change(now).filter(|_| served);
        store.stream.flow(now, rate);
        if let Some(at) = change {
            self.wake(at, Timer::Load(index));
        }
    }

    pub(super) fn dismount(&mut self, index: usize) {
        let store = &mut self.stores[index];
        let active = store.active;
        store.stream.flow(self.now, 0);
        let copy = &mut store.copies[active];
        let was = copy.status;
        copy.until = Time::NEVER;
        copy.status = CopyStatus::Dismounted;
        let member = self.machines[copy.machine].name.clone();
        let database = store.name.clone();
        if let Some(shown) = self.dag.databases.get_mut(&database) {
            shown.mounted = false;
        }
        if was == CopyStatus::Mounted {
            self.tell(Happening::Dismounted { database, member });
        }
    }

    fn refresh_passive(&mut self, store: usize) {
        for copy in 0..self.stores[store].copies.len() {
            if copy != self.stores[store].active {
                self.refresh_copy(store, copy);
            }
        }
    }

    pub(super) fn refresh_copy(&mut self, index: usize, copy: usize) {
        let active = &self.stores[index].copies[self.stores[index].active];
        let source = active.machine;
        let machine = self.stores[index].copies[copy].machine;
        let (works, path) = (self.works(machine), self.path(source, machine));
        let now = self.now;
        let initialized = now + self.settings.initializing;
        let store = &mut self.stores[index];
        let branch = store.branch();
        let it = &mut store.copies[copy];
        let begins_anew = works != it.served || it.branch != branch;
        if it.status == CopyStatus::SinglePageRestore && begins_anew {
            it.status = CopyStatus::Initializing;
            it.until = Time::NEVER;
        }
        if works != it.served {
            it.served = works;
            it.until = Time::NEVER;
            if let Some(_replicates) = after(it.status, CopyEvent::Suspended) {
                it.status = CopyStatus::Initializing;
            }
        }
        self.watch_seeding(index, copy);
        let it = &mut self.stores[index].copies[copy];
        if works {
            if it.status == CopyStatus::Initializing && it.until == Time::NEVER {
                it.until = initialized;
                self.wake(initialized, Timer::Copy(index, copy));
            }
            let link = if path.is_some() {
                CopyEvent::LinkBack
            } else {
                CopyEvent::LinkLost
            };
            self.apply(index, copy, link);
            if path.is_some()
                && self.stores[index].copies[copy].branch != self.stores[index].branch()
            {
                self.resolve(index, copy);
            }
            if path.is_some() {
                self.check_logs(index, copy);
            }
        }
        self.watch_failure(index, copy);
        let path = path.map(|path| self.kept_path(index, copy, path));
        self.pump(index, copy, path.filter(|_| works));
    }

    /// Applies an event to a copy's status, if it means anything to it.
    pub(super) fn apply(&mut self, store: usize, copy: usize, event: CopyEvent) -> bool {
        let it = &mut self.stores[store].copies[copy];
        match after(it.status, event) {
            Some(status) if status != it.status => {
                it.status = status;
                it.until = Time::NEVER;
                true
            }
            _ => false,
        }
    }

    /// A copy whose logs may differ from the active copy's goes back to where they agree; if what
    /// it throws away has reached its database, pages are mended or it is beyond repair.
    fn resolve(&mut self, index: usize, copy: usize) {
        let patching = self.settings.page_patching;
        let now = self.now;
        let store = &mut self.stores[index];
        let status = store.copies[copy].status;
        if !matches!(status, CopyStatus::Healthy | CopyStatus::Resynchronizing) {
            return;
        }
        store.copies[copy].logs.settle(&store.stream, now);
        let (common, branch) = (store.common(&store.copies[copy]), store.branch());
        let it = &mut store.copies[copy];
        if whole(it.logs.copied) <= common {
            it.logs.discard(common);
            it.branch = branch;
            it.target = it.target.min(store.stream.level(now));
        } else if whole(it.logs.replayed) > common && !patching {
            it.error = Some("its logs differ from those of the active copy".to_owned());
            self.apply(index, copy, CopyEvent::Unrecoverable);
        } else {
            it.logs.discard(common);
            it.branch = branch;
            it.status = CopyStatus::Resynchronizing;
            it.compared = now + self.settings.resynchronizing;
            it.target = store.stream.level(now);
        }
    }

    /// A page of a copy is damaged. Logs go on meanwhile, and all that was written before must be
    /// replayed, unless the copy keeps its lag (assumptions: documentation says only that a lagged
    /// copy is played down for it).
    pub(super) fn damage_page(&mut self, index: usize, copy: usize) {
        if self.apply(index, copy, CopyEvent::PageDamaged) {
            let mended = self.now + self.settings.page_restore;
            let store = &mut self.stores[index];
            let written = store.stream.level(self.now);
            let it = &mut store.copies[copy];
            (it.target, it.compared) = (written, mended);
        }
        self.refresh();
    }

    /// A copy's time has come.
    pub(super) fn copy_due(&mut self, index: usize, copy: usize) {
        let now = self.now;
        match self.stores[index].copies[copy].status {
            CopyStatus::Mounting => self.mounted(index),
            CopyStatus::Initializing if self.stores[index].copies[copy].seeding.is_some() => {
                self.begin_seeding(index, copy);
            }
            CopyStatus::Initializing if self.stores[index].copies[copy].volume != Volume::Well => {
                let it = &mut self.stores[index].copies[copy];
                it.error = Some(it.volume.error().to_owned());
                let event = match it.volume {
                    Volume::Damaged | Volume::Unseeded => CopyEvent::Unrecoverable,
                    Volume::Well | Volume::Gone => CopyEvent::Erred,
                };
                self.apply(index, copy, event);
            }
            CopyStatus::Initializing => {
                self.apply(index, copy, CopyEvent::Checked);
                let compared = now + self.settings.resynchronizing;
                let store = &mut self.stores[index];
                let target = store.stream.level(now);
                let it = &mut store.copies[copy];
                it.error = None;
                (it.target, it.compared) = (target, compared);
            }
            CopyStatus::Resynchronizing => {
                self.apply(index, copy, CopyEvent::CaughtUp);
            }
            CopyStatus::SinglePageRestore => {
                self.apply(index, copy, CopyEvent::PageMended);
            }
            CopyStatus::Seeding => self.seeded(index, copy),
            _ => {}
        }
    }

    /// The store has mounted the active copy.
    pub(super) fn mounted(&mut self, index: usize) {
        let store = &mut self.stores[index];
        let copy = &mut store.copies[store.active];
        copy.status = CopyStatus::Mounted;
        copy.until = Time::NEVER;
        copy.logs = Pipeline::at_level(store.stream.level(self.now), self.now);
        store.failed = None;
        store.given_up = false;
        let member = self.machines[copy.machine].name.clone();
        let database = store.name.clone();
        if let Some(shown) = self.dag.databases.get_mut(&database) {
            shown.mounted = true;
        }
        self.tell(Happening::Mounted { database, member });
    }

    /// Starts a new branch of the logs where the active copy is.
    pub(super) fn fork(&mut self, index: usize, copy: usize) {
        let now = self.now;
        let store = &mut self.stores[index];
        let (parent, from) = (store.copies[copy].branch, store.copies[copy].logs.copied);
        let current = store.branch();
        store.branches[current].top = store.stream.level(now);
        if parent != current || from < store.branches[current].top {
            store.stream.go_on_from(now, from);
            for it in &mut store.copies {
                it.deleted = it.deleted.min(logs(from));
            }
            store.branches.push(Branch {
                parent,
                from,
                top: from,
            });
        }
        store.copies[copy].branch = store.branch();
    }

    /// Tells what others see of each copy, if it has changed.
    fn report(&mut self, store: usize) {
        for copy in 0..self.stores[store].copies.len() {
            let it = &self.stores[store].copies[copy];
            let status = self.shown(store, copy);
            let was = it.reported;
            if was != status {
                self.stores[store].copies[copy].reported = status;
                let copy = self.copy_id(store, copy);
                self.tell(Happening::CopyStatus { copy, was, status });
            }
        }
    }

    /// The status that others see.
    pub(super) fn shown(&self, store: usize, copy: usize) -> CopyStatus {
        let it = &self.stores[store].copies[copy];
        if !self.works(it.machine) {
            CopyStatus::ServiceDown
        } else if copy != self.stores[store].active && self.is_seeding_source(store, copy) {
            CopyStatus::SeedingSource
        } else {
            it.status
        }
    }
}
