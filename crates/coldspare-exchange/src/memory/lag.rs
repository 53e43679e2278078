//! Whether a lagged copy keeps its lag, or is played down.

use std::time::Duration;

use super::event::Happening;
use super::verbs::Verdict;
use super::world::{Timer, World};
use crate::logs::{LOW_SPACE_GB, LaggedCopy, PlayDown};
use crate::{Answer, CopySettings, CopyStatus, Refusal, Version};

impl World {
    pub(super) fn copy_settings(&self, index: usize, copy: usize) -> CopySettings {
        let store = &self.stores[index];
        let member = &self.machines[store.copies[copy].machine].name;
        self.dag.databases[&store.name].copies[member]
    }

    pub(super) fn is_lagged(&self, index: usize, copy: usize) -> bool {
        self.copy_settings(index, copy).is_lagged()
    }

    /// How long the logs of a copy wait until they are replayed.
    pub(super) fn lag_in_force(&self, index: usize, copy: usize) -> Duration {
        match self.stores[index].copies[copy].played_down {
            Some(_) => Duration::ZERO,
            None => self.copy_settings(index, copy).replay_lag,
        }
    }

    /// Switches the lag of a copy off, or on again. Documentation does not say what that does to a
    /// copy without lag: here it does nothing.
    pub(super) fn set_lag_disabled(
        &mut self,
        index: usize,
        copy: usize,
        disabled: bool,
    ) -> Verdict {
        self.passive(index, copy)?;
        if self.dag.version == Version::V2010 {
            return Err(Refusal::NotInVersion("DisableReplayLag".to_owned()));
        }
        if self.is_lagged(index, copy) {
            let asked = Some(PlayDown::Asked);
            if disabled {
                self.play_down(index, copy, asked);
            } else if self.stores[index].copies[copy].played_down == asked {
                self.play_down(index, copy, None);
            }
        }
        Ok(Answer::Done)
    }

    /// Plays lagged copies of a database down that are needed, and gives the others their lag
    /// back. How long that takes the system to see is not documented: here it sees it at once.
    pub(super) fn watch_lag(&mut self, index: usize) {
        let manager = self.settings.replay_lag_manager;
        if !manager.enabled {
            return;
        }
        let now = self.now;
        let healthy_copies = self.available(index);
        let store = &mut self.stores[index];
        if healthy_copies >= manager.available_copies {
            store.few = None;
        } else if store.few.is_none() {
            store.few = Some(now);
            let too_long = now + manager.patience + Duration::from_nanos(1);
            self.wake(too_long, Timer::Lag(index));
        }
        let few = self.stores[index].few;
        for copy in 0..self.stores[index].copies.len() {
            if copy == self.stores[index].active || !self.is_lagged(index, copy) {
                continue;
            }
            let it = &self.stores[index].copies[copy];
            let disk = self.machines[it.machine].disk;
            let facts = LaggedCopy {
                low_space: disk.free_gb < LOW_SPACE_GB,
                page_damaged: it.status == CopyStatus::SinglePageRestore,
                healthy_copies,
                so_few_for: few.map_or(Duration::ZERO, |since| now.since(since)),
                read_latency_ms: disk.read_latency_ms,
                put_off_for: it.put_off.map_or(Duration::ZERO, |since| now.since(since)),
            };
            let on_a_fast_disk = LaggedCopy {
                read_latency_ms: 0,
                ..facts
            };
            let wanted = manager.play_down(&on_a_fast_disk).is_some();
            let reason = manager.play_down(&facts);
            let asked = it.played_down.filter(|now| *now == PlayDown::Asked);
            let it = &mut self.stores[index].copies[copy];
            if !wanted {
                it.put_off = None;
            } else if reason.is_none() && it.put_off.is_none() {
                it.put_off = Some(now);
                self.wake(now + manager.max_delay, Timer::Lag(index));
            }
            self.play_down(index, copy, asked.or(reason));
        }
    }

    fn play_down(&mut self, index: usize, copy: usize, reason: Option<PlayDown>) {
        let it = &mut self.stores[index].copies[copy];
        if it.played_down == reason {
            return;
        }
        it.played_down = reason;
        let id = self.copy_id(index, copy);
        self.tell(Happening::PlayedDown { copy: id, reason });
        self.refresh_copy(index, copy);
    }

    /// Healthy copies of a database that are not lagged, the active one among them.
    fn available(&self, index: usize) -> usize {
        let copies = 0..self.stores[index].copies.len();
        let healthy = copies.filter(|copy| {
            let status = self.shown(index, *copy);
            matches!(status, CopyStatus::Mounted | CopyStatus::Healthy)
                && !self.is_lagged(index, *copy)
        });
        healthy.count()
    }
}
