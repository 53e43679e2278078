//! What Active Manager does without being asked: it waits for the others' word before it mounts,
//! empties members that are to be kept free, and brings databases back to their preferred copy.

use super::world::{Timer, World};
use crate::activation_coordination::{Heard, WitnessWord, may_mount};
use crate::{CopyState, DatabaseName, MemberName, Move, redistribute, selection};

impl World {
    /// Every Active Manager that may not mount yet asks the others.
    pub(super) fn coordinate(&mut self) {
        let able = |world: &Self, index: usize| world.works(index) && world.machines[index].joined;
        for asking in 0..self.machines.len() {
            if self.machines[asking].may_mount || !able(self, asking) {
                continue;
            }
            let started = |other: &usize| {
                let name = &self.machines[*other].name;
                *other != asking && !self.dag.stopped.contains(name)
            };
            let others: Vec<usize> = (0..self.machines.len()).filter(started).collect();
            let reached = others.iter().filter(|other| able(self, **other));
            let witness = self.witness.then_some(WitnessWord {
                booted: self.witness_booted,
                bit_set: self.machines[asking].bit_set,
            });
            let heard = Heard {
                bits: reached
                    .map(|other| self.machines[*other].may_mount)
                    .collect(),
                others: others.len(),
                witness,
            };
            if may_mount(self.dag.activation_mode, false, &heard) {
                self.machines[asking].may_mount = true;
                self.machines[asking].bit_set = Some(self.now);
            }
        }
    }

    /// Looks whether databases have to leave a member, or are away from their first preference.
    pub(super) fn look_at_preferences(&mut self) {
        if !self.managed() {
            return;
        }
        if self
            .dag
            .members
            .values()
            .any(|of| of.policy.disabled_and_move_now)
        {
            let states = self.copy_states();
            let moves = selection::moves_now(&self.dag, &states, &self.situation(None));
            if self.carry_out(&moves) {
                self.refresh();
                return;
            }
        }
        let Some(every) = self.dag.preference_moves.filter(|every| !every.is_zero()) else {
            return;
        };
        let away = self
            .dag
            .databases
            .values()
            .any(|database| database.most_preferred() != Some(&database.active));
        let able = self.dag.version.moves_to_preferred_copy();
        if away && able && self.preferences_due.is_none() {
            let due = self.now + every;
            self.preferences_due = Some(due);
            self.wake(due, Timer::Preferences);
        }
    }

    /// The interval of preference moves is over.
    pub(super) fn preferences_due(&mut self) {
        self.preferences_due = None;
        if self.managed() {
            let states: Vec<CopyState> = self.copy_states();
            let moves = redistribute::preference_moves(&self.dag, &states).into_iter();
            let moves: Vec<_> = moves
                .map(|planned| (planned.database, planned.to))
                .collect();
            self.carry_out(&moves);
        }
    }

    /// Makes moves without loss; says whether any succeeded.
    fn carry_out(&mut self, moves: &[(DatabaseName, MemberName)]) -> bool {
        let mut any = false;
        for (database, target) in moves {
            if let Ok(store) = self.find_store(database) {
                any |= self
                    .move_active(store, &Move::lossless(database, target))
                    .is_ok();
            }
        }
        any
    }
}
