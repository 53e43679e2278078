//! Copies that are added to a database and taken away.

use super::store::{Copy, Seeding, Volume};
use super::verbs::Verdict;
use super::world::{Timer, World};
use crate::{Answer, CopySettings, CopyStatus, Refusal, SeedParts};

/// What is kept with a copy that waits to be seeded by hand.
const POSTPONED: &str = "replication is suspended because the database must be seeded";

impl World {
    pub(super) fn add_copy(
        &mut self,
        index: usize,
        machine: usize,
        settings: CopySettings,
        seeding_postponed: bool,
    ) -> Verdict {
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        self.reach(machine)?;
        let active = self.stores[index].active;
        if !seeding_postponed && self.is_seeding_source(index, active) {
            return Err(Refusal::SeedInProgress);
        }
        let mut dag = self.dag.clone();
        let name = &self.stores[index].name;
        if let Some(database) = dag.databases.get_mut(name) {
            database.add_copy(&self.machines[machine].name, settings)?;
        }
        if let Some(defect) = dag.defects().into_iter().next() {
            return Err(Refusal::Defect(defect));
        }
        self.dag = dag;
        let copies = &self.stores[index].copies;
        let place = copies.partition_point(|copy| copy.machine < machine);
        self.renumber(index, |copy| Some(copy + usize::from(copy >= place)));
        let mut copy = Copy::new(machine, CopyStatus::Initializing, 0, self.now);
        copy.branch = self.stores[index].branch();
        copy.content_index = self.new_content_index();
        copy.volume = Volume::Unseeded;
        if seeding_postponed {
            copy.status = CopyStatus::Suspended;
            copy.comment = Some(POSTPONED.to_owned());
        } else {
            copy.seeding = Some(Seeding {
                source: self.stores[index].active,
                parts: SeedParts::DatabaseAndIndex,
                manual_resume: false,
            });
        }
        self.stores[index].copies.insert(place, copy);
        Ok(Answer::Done)
    }

    pub(super) fn remove_copy(&mut self, index: usize, machine: usize) -> Verdict {
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        let mut copies = self.stores[index].copies.iter();
        let Some(place) = copies.position(|copy| copy.machine == machine) else {
            return Ok(Answer::Done);
        };
        if self.is_seeding_source(index, place) {
            return Err(Refusal::SeedingSource);
        }
        let name = &self.stores[index].name;
        if let Some(database) = self.dag.databases.get_mut(name) {
            database.remove_copy(&self.machines[machine].name)?;
        }
        self.renumber(index, |copy| {
            (copy != place).then_some(copy - usize::from(copy > place))
        });
        self.stores[index].copies.remove(place);
        Ok(Answer::Done)
    }

    /// Copies of a database get other places; whatever points to one follows.
    fn renumber(&mut self, index: usize, place: impl Fn(usize) -> Option<usize>) {
        let store = &mut self.stores[index];
        store.active = place(store.active).unwrap_or_default();
        for copy in &mut store.copies {
            copy.seeding = copy.seeding.and_then(|seeding| {
                let source = place(seeding.source)?;
                Some(Seeding { source, ..seeding })
            });
        }
        let timers = std::mem::take(&mut self.timers).into_iter();
        let moved = timers.filter_map(|(at, timer)| {
            let timer = match timer {
                Timer::Copy(store, copy) if store == index => Timer::Copy(store, place(copy)?),
                Timer::Reseed(store, copy) if store == index => Timer::Reseed(store, place(copy)?),
                other => other,
            };
            Some((at, timer))
        });
        self.timers = moved.collect();
    }
}
