//! Logs that nobody needs any more are deleted. Logging is taken to be circular, so that backups
//! do not matter.

use super::flow::logs;
use super::world::World;
use crate::CopyEvent;
use crate::logs::{CopyProgress, last_deletable, last_deletable_on_passive};

impl World {
    /// Logs on a copy's disk.
    pub(super) fn logs_on_disk(&mut self, index: usize, copy: usize) -> u64 {
        let progress = self.progress(index);
        let deletable = self.deletable(index, copy, &progress);
        let (last, deleted) = (
            self.last_log(index, copy),
            self.stores[index].copies[copy].deleted,
        );
        last.saturating_sub(deletable.max(deleted))
    }

    /// The last log that a copy has.
    fn last_log(&self, index: usize, copy: usize) -> u64 {
        let store = &self.stores[index];
        if copy == store.active {
            logs(store.stream.level(self.now))
        } else {
            logs(store.copies[copy].logs.copied)
        }
    }

    /// How far each passive copy is, in the order of the copies.
    fn progress(&mut self, index: usize) -> Vec<CopyProgress> {
        self.settle_all(index);
        let store = &self.stores[index];
        let passive = (0..store.copies.len()).filter(|copy| *copy != store.active);
        let progress = passive.map(|copy| CopyProgress {
            inspected: logs(store.copies[copy].logs.inspected),
            replayed: logs(store.copies[copy].logs.replayed),
            lagged: self.is_lagged(index, copy),
            ignored: false,
        });
        progress.collect()
    }

    /// The last log that may be deleted from a copy when the passive ones are so far.
    fn deletable(&self, index: usize, copy: usize, progress: &[CopyProgress]) -> u64 {
        let store = &self.stores[index];
        let written = logs(store.stream.level(self.now));
        let on_active = last_deletable(written, None, true, progress);
        if copy == store.active {
            return on_active;
        }
        let deleted = store.copies[store.active].deleted;
        let settings = self.copy_settings(index, copy);
        let lags = settings.replay_lag + settings.truncation_lag;
        let older = logs(store.stream.seen(self.now, lags));
        let replayed = logs(store.copies[copy].logs.replayed);
        last_deletable_on_passive(on_active.max(deleted), replayed, older)
    }

    /// Where loose truncation is set up and space is short, a copy deletes logs though the oldest
    /// straggler still needs them. It is looked at whenever something happens to the group.
    pub(super) fn truncate_loosely(&mut self, index: usize) {
        let Some(loose) = self.settings.loose_truncation else {
            return;
        };
        for copy in 0..self.stores[index].copies.len() {
            let active = copy == self.stores[index].active;
            let machine = self.stores[index].copies[copy].machine;
            let free = self.machines[machine].disk.free_gb;
            let on_disk = self.logs_on_disk(index, copy);
            if !self.works(machine) || !loose.acts(active, free, on_disk) {
                continue;
            }
            let mut progress = self.progress(index);
            let straggler = progress.iter_mut().min_by_key(|copy| copy.done_up_to());
            if let Some(straggler) = straggler {
                straggler.ignored = true;
            }
            let last = self
                .last_log(index, copy)
                .saturating_sub(loose.kept(active));
            let deleted = self.deletable(index, copy, &progress).min(last);
            let it = &mut self.stores[index].copies[copy];
            it.deleted = it.deleted.max(deleted);
        }
    }

    /// A copy that needs logs which the active copy has deleted has to be seeded anew.
    pub(super) fn check_logs(&mut self, index: usize, copy: usize) {
        let store = &mut self.stores[index];
        let deleted = store.copies[store.active].deleted;
        if deleted == 0 {
            return;
        }
        store.copies[copy].logs.settle(&store.stream, self.now);
        if logs(store.copies[copy].logs.copied) < deleted {
            let error = "logs that it needs were deleted".to_owned();
            store.copies[copy].error = Some(error);
            self.apply(index, copy, CopyEvent::Unrecoverable);
        }
    }
}
