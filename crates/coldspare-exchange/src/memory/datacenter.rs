//! A datacenter switchover: members are marked as failed, the rest goes on without them, and they
//! are taken in again when they are back.

use super::verbs::Verdict;
use super::world::World;
use crate::quorum::{Electorate, QuorumModel};
use crate::{ActivationMode, Answer, GroupSettings, Refusal, Witness, WitnessShare};

impl World {
    fn coordinated(&self) -> Result<(), Refusal> {
        match self.dag.activation_mode {
            ActivationMode::DagOnly => Ok(()),
            ActivationMode::Off => Err(Refusal::NoCoordination),
        }
    }

    /// The cluster consists of the started members from now on.
    fn elect(&mut self) {
        let started = self.dag.started().cloned().collect();
        let witness = self.dag.witness_in_use().is_some();
        self.electorate = Electorate::new(started, witness);
        self.look();
    }

    /// Marks a member as failed. While there is quorum it is evicted at once; without, only a
    /// restore does that, and the last one cannot be stopped (assumptions: documentation does not
    /// say how far a stop goes by itself).
    pub(super) fn stop_member(&mut self, machine: usize) -> Verdict {
        self.coordinated()?;
        let member = self.machines[machine].name.clone();
        if self.dag.started().all(|left| *left == member) {
            return Err(Refusal::LastStarted);
        }
        self.machines[machine].may_mount = false;
        self.dag.unlisted.remove(&member);
        if self.dag.stopped.insert(member) {
            if self.dag.quorum {
                self.elect();
            } else {
                self.look();
            }
        }
        Ok(Answer::Done)
    }

    pub(super) fn start_member(&mut self, machine: usize) -> Verdict {
        self.coordinated()?;
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        self.reach(machine)?;
        let member = self.machines[machine].name.clone();
        self.dag.unlisted.remove(&member);
        if self.dag.stopped.remove(&member) {
            self.elect();
        }
        Ok(Answer::Done)
    }

    /// That the bit of activation coordination is set on those that are left is what a restore is
    /// for after a blackout.
    pub(super) fn restore_group(&mut self) -> Verdict {
        self.coordinated()?;
        if self.dag.stopped.is_empty() {
            return Err(Refusal::NothingStopped);
        }
        let left = self.dag.started().count();
        if QuorumModel::restored_with_witness(left) && self.dag.alternate_witness.is_some() {
            self.dag.witness_share = WitnessShare::Alternate;
        }
        self.elect();
        for machine in 0..self.machines.len() {
            let stopped = self.dag.stopped.contains(&self.machines[machine].name);
            if self.works(machine) && !stopped {
                self.machines[machine].may_mount = true;
                self.machines[machine].bit_set = Some(self.now);
            }
        }
        Ok(Answer::Done)
    }

    pub(super) fn set_group(&mut self, settings: &GroupSettings) -> Verdict {
        if settings.preference_moves.is_some() && !self.dag.version.moves_to_preferred_copy() {
            return Err(Refusal::NotInVersion("PreferenceMoveFrequency".to_owned()));
        }
        let mut dag = self.dag.clone();
        dag.activation_mode = settings.activation_mode;
        dag.preference_moves = settings.preference_moves;
        let reachable = self.alternate_witness;
        let alternate = settings.alternate_witness.clone();
        dag.alternate_witness = alternate.map(|server| Witness { server, reachable });
        dag.witness_share = WitnessShare::Primary;
        if let Some(defect) = dag.defects().into_iter().next() {
            return Err(Refusal::Defect(defect));
        }
        self.dag = dag;
        if self.dag.quorum {
            self.elect();
        }
        Ok(Answer::Done)
    }
}
