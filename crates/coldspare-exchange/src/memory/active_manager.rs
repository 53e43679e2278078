//! What Active Manager does about a database that has failed.

use coldspare_names::Time;

use super::event::Happening;
use super::flow::{Level, Pipeline, logs, whole};
use super::store::{Store, Volume};
use super::world::{Timer, World};
use crate::selection::{self, Situation};
use crate::{CopyState, CopyStatus, DialOverride, MemberName, MemberPolicy, MountDial};

impl World {
    /// Looks after one database; says whether it was activated elsewhere.
    pub(super) fn react(&mut self, index: usize) -> bool {
        let store = &self.stores[index];
        let active = store.active;
        let (status, home) = (store.copies[active].status, store.copies[active].machine);
        let machine = &self.machines[home];
        let mounted = matches!(status, CopyStatus::Mounted | CopyStatus::Mounting);
        if !store.wanted || (mounted && machine.links.mapi) {
            self.stores[index].failed = None;
            return false;
        }
        if !mounted && self.can_mount(index, active) {
            self.begin_mount(index);
            return false;
        }
        let since = store.failed.unwrap_or(self.now);
        let seen = if !machine.joined {
            self.now
        } else if !machine.links.up {
            Time::NEVER
        } else if mounted {
            machine.changed + self.settings.detection
        } else {
            since + self.settings.failure_detection
        };
        self.stores[index].failed = Some(since);
        if self.now < seen {
            self.wake(seen, Timer::Failure(index));
            return false;
        }
        self.managed() && self.fail_over(index, mounted)
    }

    /// Activates the best copy of a failed database; `lossless` when its server still serves it
    /// but no client reaches it.
    fn fail_over(&mut self, index: usize, lossless: bool) -> bool {
        for copy in self.in_order(index, None) {
            let dial = if lossless {
                MountDial::Lossless
            } else {
                self.policy(index, copy).dial
            };
            let (_, missing) = self.last_logs(index, copy);
            if missing <= dial.allowed_loss() && self.can_mount(index, copy) {
                if lossless {
                    self.dismount(index);
                }
                self.abort_seedings(index);
                self.activate(index, copy, true);
                self.begin_mount(index);
                return true;
            }
        }
        if !self.stores[index].given_up {
            self.stores[index].given_up = true;
            let database = self.stores[index].name.clone();
            self.tell(Happening::ActivationFailed { database });
        }
        false
    }

    pub(super) fn policy(&self, index: usize, copy: usize) -> MemberPolicy {
        let machine = self.stores[index].copies[copy].machine;
        self.dag.members[&self.machines[machine].name].policy
    }

    /// The passive copies that may be activated, best first.
    pub(super) fn in_order(&mut self, index: usize, asked: Option<DialOverride>) -> Vec<usize> {
        let copies = 0..self.stores[index].copies.len();
        let states: Vec<CopyState> = copies.map(|copy| self.copy_state(index, copy)).collect();
        let name = &self.stores[index].name;
        let ranking = selection::rank(&self.dag, &states, name, &self.situation(asked));
        let copies = &self.stores[index].copies;
        let of = |member: &MemberName| {
            copies
                .iter()
                .position(|copy| self.machines[copy.machine].name == *member)
        };
        let ranked = ranking.ranked.iter();
        ranked.filter_map(|ranked| of(&ranked.member)).collect()
    }

    pub(super) fn situation(&self, asked: Option<DialOverride>) -> Situation {
        let cut_off = self.machines.iter().filter(|machine| !machine.links.mapi);
        Situation {
            without_mapi: cut_off.map(|machine| machine.name.clone()).collect(),
            asked,
            ..Situation::default()
        }
    }

    pub(super) fn settle(&mut self, index: usize, copy: usize) {
        let store = &mut self.stores[index];
        store.copies[copy].logs.settle(&store.stream, self.now);
    }

    /// Brings every copy to now, before the logs that it draws from are changed.
    pub(super) fn settle_all(&mut self, index: usize) {
        for copy in 0..self.stores[index].copies.len() {
            self.settle(index, copy);
        }
    }

    pub(super) fn active_on(&self, machine: usize) -> u32 {
        let here = |store: &&Store| store.copies[store.active].machine == machine;
        u32::try_from(self.stores.iter().filter(here).count()).unwrap_or(u32::MAX)
    }

    /// What a copy can have of the active copy's logs, after an attempt to fetch the last ones,
    /// and how many whole ones it lacks then.
    pub(super) fn last_logs(&self, index: usize, copy: usize) -> (Level, u64) {
        let store = &self.stores[index];
        let (source, it) = (&store.copies[store.active], &store.copies[copy]);
        let written = store.stream.level(self.now);
        let same = it.branch == store.branch();
        let fetched =
            self.path(source.machine, it.machine).is_some() && source.volume == Volume::Well;
        if fetched && same {
            return (written, 0);
        }
        let whole = whole(it.logs.copied);
        let shared = if same {
            whole
        } else {
            store.common(it).min(whole)
        };
        (whole, logs(written).saturating_sub(logs(shared)))
    }

    /// Makes a copy the active one, dismounted; says how many committed logs it lacks.
    pub(super) fn activate(&mut self, index: usize, copy: usize, automatic: bool) -> u64 {
        self.settle_all(index);
        let (level, missing) = self.last_logs(index, copy);
        let now = self.now;
        let store = &mut self.stores[index];
        let old = store.active;
        let written = store.stream.level(now);
        let branch = store.branch();
        let left = &mut store.copies[old];
        left.logs = Pipeline::at_level(written, now);
        left.branch = branch;
        left.status = CopyStatus::Initializing;
        left.until = Time::NEVER;
        let it = &mut store.copies[copy];
        it.logs.go_on_from(level);
        it.status = CopyStatus::Dismounted;
        it.until = Time::NEVER;
        store.active = copy;
        if let Some(limit) = self.settings.move_suppression {
            store.moved.retain(|moved| limit.counts(*moved, now));
            store.moved.push(now);
        }
        self.fork(index, copy);
        let member = |world: &Self, copy: usize| {
            let machine = world.stores[index].copies[copy].machine;
            world.machines[machine].name.clone()
        };
        let (from, to) = (member(self, old), member(self, copy));
        let database = self.stores[index].name.clone();
        if let Some(shown) = self.dag.databases.get_mut(&database) {
            shown.active = to.clone();
        }
        let logs_lost = missing;
        self.tell(Happening::DatabaseActivated {
            database,
            from,
            to,
            logs_lost,
            automatic,
        });
        missing
    }

    /// Mounts the active copy, which takes as long as the store needs and as what is left to replay.
    pub(super) fn begin_mount(&mut self, index: usize) {
        let settings = &self.settings;
        let (mounting, rate) = (settings.mounting, settings.replay_rate.max(1));
        let store = &mut self.stores[index];
        let active = store.active;
        let it = &mut store.copies[active];
        let queue = it.logs.inspected.saturating_sub(it.logs.replayed) / u128::from(rate);
        let replay = std::time::Duration::from_nanos(u64::try_from(queue).unwrap_or(u64::MAX));
        let until = self.now + mounting + replay;
        it.status = CopyStatus::Mounting;
        it.until = until;
        self.wake(until, Timer::Copy(index, active));
    }
}
