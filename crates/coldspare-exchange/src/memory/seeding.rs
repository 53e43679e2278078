//! Copies that are seeded anew, by an administrator or by Exchange itself.

use super::flow::Pipeline;
use super::store::{Seeding, Volume};
use super::verbs::Verdict;
use super::world::{Timer, World};
use crate::auto_reseed::{self, AutoReseed, ReseedStep};
use crate::{
    Answer, ContentIndex, CopyEvent, CopyId, CopyStatus, Error, Refusal, Reseed, SeedParts,
};

impl World {
    pub(super) fn volume(&self, id: &CopyId) -> Result<Volume, Error> {
        let (store, copy) = self.find_copy(id)?;
        Ok(self.stores[store].copies[copy].volume)
    }

    /// What has become of a copy's volume.
    pub(super) fn set_volume(&mut self, id: &CopyId, volume: Volume) -> Result<(), Error> {
        let (store, copy) = self.find_copy(id)?;
        let passive = copy != self.stores[store].active;
        let it = &mut self.stores[store].copies[copy];
        it.volume = volume;
        if passive && volume == Volume::Well {
            self.apply(store, copy, CopyEvent::CauseGone);
        } else if passive {
            it.error = Some(volume.error().to_owned());
            self.apply(store, copy, CopyEvent::Erred);
        }
        self.refresh();
        Ok(())
    }

    pub(super) fn reseed(&mut self, index: usize, copy: usize, seeding: Seeding) -> Verdict {
        let Seeding { source, parts, .. } = seeding;
        self.passive(index, copy)?;
        if parts == SeedParts::Index && !self.dag.version.has_content_index_per_copy() {
            let what = "content index with each copy";
            return Err(Refusal::NotInVersion(what.to_owned()));
        }
        let status = self.shown(index, copy);
        match status.permits().reseed {
            Reseed::Running => return Ok(Answer::Done),
            Reseed::AfterSuspend => return Err(Refusal::NotSuspended(status)),
            Reseed::No => return Err(Refusal::Status(status)),
            Reseed::Allowed => {}
        }
        let store = &self.stores[index];
        let (from, to) = (&store.copies[source], store.copies[copy].machine);
        if !self.may_seed_too(index, source, parts) {
            return Err(Refusal::SeedInProgress);
        }
        if self.path(from.machine, to).is_none() {
            return Err(Refusal::ServiceDown(
                self.machines[from.machine].name.clone(),
            ));
        }
        if !self.carries(from.machine, to, parts) {
            let off = [from.machine, to].map(|machine| &self.machines[machine]);
            let off = off.into_iter().find(|machine| !machine.links.mapi);
            return Err(off.map_or(Refusal::NoTarget, |machine| {
                Refusal::MapiNetworkDown(machine.name.clone())
            }));
        }
        let fit = source == store.active || from.status == CopyStatus::Healthy;
        if from.volume != Volume::Well || !fit {
            return Err(Refusal::Status(from.status));
        }
        if store.copies[copy].volume == Volume::Gone {
            return Err(Refusal::Damaged(self.machines[to].name.clone()));
        }
        self.stores[index].copies[copy].seeding = Some(seeding);
        self.begin_seeding(index, copy);
        Ok(Answer::Done)
    }

    /// Begins the seeding that a copy is set down for.
    pub(super) fn begin_seeding(&mut self, index: usize, copy: usize) {
        let done = self.now + self.settings.seeding;
        self.apply(index, copy, CopyEvent::SeedingBegan);
        self.stores[index].copies[copy].until = done;
        self.wake(done, Timer::Copy(index, copy));
    }

    pub(super) fn cancel_seeding(&mut self, index: usize, copy: usize) -> Verdict {
        self.passive(index, copy)?;
        self.end_seeding(index, copy);
        Ok(Answer::Done)
    }

    /// What was seeded so far is of no use; that the index is *Failed* then is an assumption.
    fn end_seeding(&mut self, index: usize, copy: usize) {
        let has_index = self.dag.version.has_content_index_per_copy();
        let it = &mut self.stores[index].copies[copy];
        if let Some(Seeding { parts, .. }) = it.seeding.take() {
            if parts.has_database() {
                it.volume = it.volume.without_database();
            }
            if parts.has_index() && has_index {
                it.content_index = ContentIndex::Failed;
            }
            self.apply(index, copy, CopyEvent::SeedingAborted);
        }
    }

    pub(super) fn seeded(&mut self, index: usize, copy: usize) {
        self.settle_all(index);
        let (now, content_index) = (self.now, self.new_content_index());
        let store = &mut self.stores[index];
        let Some(seeding) = store.copies[copy].seeding.take() else {
            return;
        };
        let source = &store.copies[seeding.source];
        let level = if seeding.source == store.active {
            store.stream.level(now)
        } else {
            source.logs.copied
        };
        let branch = if seeding.source == store.active {
            store.branch()
        } else {
            source.branch
        };
        let it = &mut store.copies[copy];
        if seeding.parts.has_database() {
            it.logs = Pipeline::at_level(level, now);
            it.branch = branch;
            it.volume = Volume::Well;
            it.error = None;
        }
        if seeding.parts.has_index() {
            it.content_index = content_index;
        }
        let event = if seeding.manual_resume {
            CopyEvent::SeededToStaySuspended
        } else {
            CopyEvent::Seeded
        };
        self.apply(index, copy, event);
    }

    /// A seeding from the active copy, or into any, ends when the database moves.
    pub(super) fn abort_seedings(&mut self, index: usize) {
        for copy in 0..self.stores[index].copies.len() {
            self.end_seeding(index, copy);
        }
    }

    pub(super) fn is_seeding_source(&self, index: usize, copy: usize) -> bool {
        let mut copies = self.stores[index].copies.iter();
        copies.any(|other| other.seeding.is_some_and(|of| of.source == copy))
    }

    /// Whether a source may seed one more copy: a second one at once only if both get the database
    /// alone.
    fn may_seed_too(&self, index: usize, source: usize, parts: SeedParts) -> bool {
        let copies = self.stores[index].copies.iter();
        let mut seeded = copies.filter_map(|copy| copy.seeding);
        seeded.all(|other| {
            other.source != source
                || (other.parts == SeedParts::Database && parts == SeedParts::Database)
        })
    }

    /// Whether two machines have the networks between them that a seeding needs: a content index
    /// goes over the MAPI network always.
    fn carries(&self, source: usize, machine: usize, parts: SeedParts) -> bool {
        let index = parts.has_index() && self.dag.version.has_content_index_per_copy();
        let mapi = [source, machine]
            .iter()
            .all(|machine| self.machines[*machine].links.mapi);
        self.path(source, machine).is_some() && (mapi || !index)
    }

    /// A seeding whose source is out of reach is aborted.
    pub(super) fn watch_seeding(&mut self, index: usize, copy: usize) {
        let it = &self.stores[index].copies[copy];
        let Some(seeding) = it.seeding else { return };
        let source = &self.stores[index].copies[seeding.source];
        let carried = self.carries(source.machine, it.machine, seeding.parts);
        if !carried || it.volume == Volume::Gone {
            self.end_seeding(index, copy);
        }
    }

    /// Where automatic reseed is set up, a copy that stays failed is looked after.
    pub(super) fn watch_failure(&mut self, index: usize, copy: usize) {
        if self.settings.auto_reseed.is_none() || !self.dag.version.has_automatic_reseed() {
            return;
        }
        let now = self.now;
        let it = &mut self.stores[index].copies[copy];
        if it.status != CopyStatus::Failed {
            it.failing = None;
        }
        let due = match it.status {
            CopyStatus::Failed if it.failing.is_none() => {
                it.failing = Some(now);
                now + auto_reseed::FAILED
            }
            CopyStatus::FailedAndSuspended if it.workflow.is_none() => {
                let workflow = AutoReseed::new(now);
                it.workflow = Some(workflow);
                workflow.due()
            }
            CopyStatus::Healthy => {
                it.workflow = None;
                return;
            }
            _ => return,
        };
        self.wake(due, Timer::Reseed(index, copy));
    }

    /// The next step of automatic reseed may be due.
    pub(super) fn reseed_due(&mut self, index: usize, copy: usize) {
        let now = self.now;
        let it = &mut self.stores[index].copies[copy];
        if it
            .failing
            .is_some_and(|since| since + auto_reseed::FAILED <= now)
        {
            self.apply(index, copy, CopyEvent::Unrecoverable);
            return;
        }
        let Some(mut workflow) = it.workflow else {
            return;
        };
        let machine = it.machine;
        while workflow.due() <= now {
            let suspended =
                self.stores[index].copies[copy].status == CopyStatus::FailedAndSuspended;
            let spare = self.machines[machine].spare_volumes > 0;
            match workflow.step(now, spare).filter(|_| suspended) {
                Some(ReseedStep::Resume) => {
                    self.apply(index, copy, CopyEvent::Resumed);
                }
                Some(ReseedStep::AssignSpare) => {
                    self.machines[machine].spare_volumes -= 1;
                    self.stores[index].copies[copy].volume = Volume::Damaged;
                }
                Some(ReseedStep::Seed) => {
                    let seeding = Seeding {
                        source: self.stores[index].active,
                        parts: SeedParts::DatabaseAndIndex,
                        manual_resume: false,
                    };
                    // A refusal leaves the copy as it is: the workflow begins anew in time.
                    let _ = self.reseed(index, copy, seeding);
                }
                None => {}
            }
        }
        self.stores[index].copies[copy].workflow = Some(workflow);
        self.wake(workflow.due(), Timer::Reseed(index, copy));
    }
}
