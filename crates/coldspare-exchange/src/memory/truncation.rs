//! Logs that nobody needs any more are deleted. Logging is taken to be circular, so that backups
//! do not matter.

use super::flow::logs;
use super::world::World;
use crate::CopyEvent;
use crate::logs::{CopyProgress, last_deletable};

impl World {
    /// Logs on the active copy's disk.
    pub(super) fn logs_on_disk(&mut self, index: usize) -> u64 {
        let progress = self.progress(index);
        let written = self.written(index);
        let deleted = last_deletable(written, None, true, &progress);
        written - deleted.max(self.stores[index].deleted).min(written)
    }

    fn written(&self, index: usize) -> u64 {
        logs(self.stores[index].stream.level(self.now))
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

    /// Where loose truncation is set up and space is short, logs are deleted though the oldest
    /// straggler still needs them. It is looked at whenever something happens to the group; what
    /// a passive copy deletes of its own logs is not simulated.
    pub(super) fn truncate_loosely(&mut self, index: usize) {
        let Some(loose) = self.settings.loose_truncation else {
            return;
        };
        let store = &self.stores[index];
        let free = self.machines[store.copies[store.active].machine]
            .disk
            .free_gb;
        if !loose.acts(true, free, self.logs_on_disk(index)) {
            return;
        }
        let mut progress = self.progress(index);
        let straggler = progress.iter_mut().min_by_key(|copy| copy.done_up_to());
        if let Some(straggler) = straggler {
            straggler.ignored = true;
        }
        let written = self.written(index);
        let deleted = last_deletable(written, None, true, &progress);
        let deleted = deleted.min(written.saturating_sub(loose.kept_active));
        let store = &mut self.stores[index];
        store.deleted = store.deleted.max(deleted);
    }

    /// A copy that needs logs which were deleted has to be seeded anew.
    pub(super) fn check_logs(&mut self, index: usize, copy: usize) {
        let store = &mut self.stores[index];
        store.copies[copy].logs.settle(&store.stream, self.now);
        if logs(store.copies[copy].logs.copied) < store.deleted {
            let error = "logs that it needs were deleted".to_owned();
            store.copies[copy].error = Some(error);
            self.apply(index, copy, CopyEvent::Unrecoverable);
        }
    }
}
