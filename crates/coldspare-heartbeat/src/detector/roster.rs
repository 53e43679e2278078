//! Who is watched, and in which condition.

use coldspare_names::Time;

use super::{Condition, Detector, Mark, Place, PlaceId, State};
use crate::{Path, Slot, Watch};

impl Detector {
    #[inline]
    pub(super) fn condition(&self, slot: Slot) -> Condition {
        self.states
            .get(slot.index())
            .map_or(Condition::Vacant, |state| state.condition)
    }

    pub(super) fn set(&mut self, slot: Slot, condition: Condition) {
        self.states[slot.index()].condition = condition;
    }

    pub(super) fn place(&self, slot: Slot) -> Place {
        self.known_places[self.places[slot.index()] as usize].clone()
    }

    pub(super) fn place_id(&mut self, place: Place) -> PlaceId {
        let next = PlaceId::try_from(self.known_places.len()).unwrap_or(PlaceId::MAX);
        *self.place_ids.entry(place).or_insert_with_key(|place| {
            self.known_places.push(place.clone());
            next
        })
    }

    pub(super) fn reach(&mut self, slot: Slot) {
        self.silence.reach(slot);
        if self.states.len() <= slot.index() {
            let len = slot.index() + 1;
            self.states.resize(len, State::VACANT);
            self.marks.resize(len, Mark::NONE);
            self.places.resize(len, 0);
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
        self.silence.expect(slot, Path::First, at);
        if self.states[slot.index()].watch == Watch::Agent {
            self.silence.expect(slot, Path::Second, at);
        }
    }

    /// Misses it no longer.
    pub(super) fn stop_watching(&mut self, slot: Slot) {
        let place = self.place(slot);
        match self.condition(slot) {
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
                self.arrays.drops(slot);
            }
            Condition::Silent => self.labels.drops(slot),
        }
        self.silence.forget(slot);
        self.close(slot);
    }

    pub(super) fn leave(&mut self, slot: Slot) {
        if self.condition(slot) == Condition::Vacant {
            return;
        }
        self.stop_watching(slot);
        self.rounds.retain(|&(_, other)| other != slot);
        self.states[slot.index()] = State::VACANT;
    }
}
