//! Who is watched, and in which condition.

use std::sync::Arc;

use coldspare_names::Time;

use super::{Condition, Detector, Place, State};
use crate::{Path, Slot, Watch};

impl Detector {
    #[inline]
    pub(super) fn condition(&self, slot: Slot) -> Condition {
        let row = self.ledger.find(slot);
        row.map_or(Condition::Vacant, |row| row.state.condition)
    }

    pub(super) fn set(&mut self, slot: Slot, condition: Condition) {
        self.ledger.row_mut(slot).state.condition = condition;
    }

    /// The failure domains of a slot in which somebody is enrolled.
    pub(super) fn place(&self, slot: Slot) -> Arc<Place> {
        Arc::clone(self.places.value(self.places_of[slot.index()]))
    }

    pub(super) fn reach(&mut self, slot: Slot) {
        self.ledger.reach(slot);
        if self.places_of.len() <= slot.index() {
            self.places_of.resize(slot.index() + 1, u32::MAX);
        }
    }

    /// Misses it from now on.
    pub(super) fn watch(&mut self, slot: Slot, now: Time) {
        let place = self.place(slot);
        self.labels.joins(&place.labels);
        self.arrays.joins(&place.arrays);
        self.await_paths(slot, now);
        self.set(slot, Condition::Watched);
    }

    pub(super) fn await_paths(&mut self, slot: Slot, at: Time) {
        self.ledger.expect(slot, Path::First, at);
        if self.ledger.row(slot).state.watch == Watch::Agent {
            self.ledger.expect(slot, Path::Second, at);
        }
    }

    /// Misses it no longer.
    pub(super) fn stop_watching(&mut self, slot: Slot, now: Time) {
        let condition = self.condition(slot);
        if condition == Condition::Vacant {
            return;
        }
        let place = self.place(slot);
        match condition {
            Condition::Vacant
            | Condition::Expected
            | Condition::Leaving
            | Condition::Maintenance => return,
            Condition::Watched => {
                self.labels.leaves(&place.labels);
                self.arrays.leaves(&place.arrays);
            }
            Condition::Sick => {
                self.labels.leaves(&place.labels);
                self.arrays.drops(slot, now);
            }
            Condition::Silent if self.cases.get(&slot).is_some_and(|case| case.fell) => {
                self.labels.drops(slot, now);
            }
            Condition::Silent => self.labels.leaves(&place.labels),
        }
        self.ledger.forget(slot);
        self.forget_unheard(slot);
        self.close(slot);
    }

    pub(super) fn forget_unheard(&mut self, slot: Slot) {
        for path in Path::BOTH {
            self.unheard.remove(&(slot, path));
        }
    }

    pub(super) fn leave(&mut self, slot: Slot, now: Time) {
        if self.condition(slot) == Condition::Vacant {
            return;
        }
        self.stop_watching(slot, now);
        if self.ledger.row(slot).state.watch == Watch::Probed {
            self.rounds.retain(|&(_, other)| other != slot);
        }
        self.ledger.row_mut(slot).state = State::VACANT;
    }
}
