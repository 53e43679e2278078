//! Moves of the active copy in a simulated cluster.

use super::store::Volume;
use super::verbs::Verdict;
use super::world::World;
use crate::switchover::{self, Situation};
use crate::{Answer, CopyStatus, Move, Moved, Refusal};

impl World {
    pub(super) fn move_active(&mut self, index: usize, wanted: &Move) -> Verdict {
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        if !self.managed() {
            return Err(Refusal::NoActiveManager);
        }
        let Some(target) = &wanted.target else {
            return self.move_anywhere(index, wanted);
        };
        let machine = self.machine(target);
        let mut copies = self.stores[index].copies.iter();
        let copy = copies.position(|copy| Some(copy.machine) == machine);
        match copy {
            None => Err(Refusal::NoCopy(target.clone())),
            Some(copy) => self.move_to(index, copy, wanted),
        }
    }

    /// Without a target the best copy that passes is taken; else everything stays as it is.
    fn move_anywhere(&mut self, index: usize, wanted: &Move) -> Verdict {
        for copy in self.in_order(index, Some(wanted.dial)) {
            let moved = self.move_to(index, copy, wanted);
            if moved.is_ok() {
                return moved;
            }
        }
        Err(Refusal::NoTarget)
    }

    fn move_to(&mut self, index: usize, copy: usize, wanted: &Move) -> Verdict {
        let old = self.stores[index].active;
        let mounted_before = self.stores[index].copies[old].status == CopyStatus::Mounted;
        let from = self.copy_id(index, old).member;
        let to = self.copy_id(index, copy).member;
        let mut logs_lost = 0;
        if copy != old {
            self.check_move(index, copy, wanted)?;
            self.abort_seedings(index);
            if self.stores[index].copies[old].status != CopyStatus::Dismounted {
                self.dismount(index);
            }
            logs_lost = self.activate(index, copy, false);
            if self.stores[index].wanted {
                self.mount_now(index);
            }
        }
        let active = &self.stores[index].copies[copy];
        Ok(Answer::Moved(Moved {
            from,
            to,
            logs_lost,
            mounted_before,
            mounted_after: matches!(active.status, CopyStatus::Mounted | CopyStatus::Mounting),
        }))
    }

    fn check_move(&mut self, index: usize, copy: usize, wanted: &Move) -> Result<(), Refusal> {
        let mut active = self.copy_state(index, self.stores[index].active);
        if self.is_seeding_source(index, self.stores[index].active) {
            active.status = CopyStatus::SeedingSource;
        }
        let target = self.copy_state(index, copy);
        let machine = self.stores[index].copies[copy].machine;
        let suppression = self.settings.move_suppression;
        let moved = &self.stores[index].moved;
        let situation = Situation {
            active_there: self.active_on(machine),
            busy: Some(self.machines[machine].busy),
            suppressed: suppression.is_some_and(|limit| limit.suppresses(moved, self.now)),
        };
        let refusals =
            switchover::refusals(&self.dag, Some(&active), &target, &situation, &wanted.skip);
        if let Some(refusal) = refusals.into_iter().next() {
            return Err(refusal);
        }
        let of_server = self.policy(index, copy).dial;
        let (_, missing) = self.last_logs(index, copy);
        match wanted.dial.allowed_loss(of_server) {
            Some(allowed) if missing > allowed => {
                return Err(Refusal::LogsMissing { missing, allowed });
            }
            _ => {}
        }
        if self.stores[index].copies[copy].volume != Volume::Well {
            return Err(Refusal::Damaged(target.copy.member));
        }
        if self.stores[index].wanted {
            self.admitted(machine)?;
        }
        Ok(())
    }
}
