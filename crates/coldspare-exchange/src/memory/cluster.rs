//! The failover cluster beneath the group: who is in it, whether it has quorum, who decides.

use std::collections::BTreeSet;

use super::event::Happening;
use super::world::{Links, World};
use crate::{MemberName, NodeState, WitnessShare};

impl World {
    /// The cluster looks who is there, as far as heartbeats have told it by now.
    pub(super) fn look(&mut self) {
        for machine in &mut self.machines {
            if machine.changed + self.settings.detection <= self.now {
                machine.seen = machine.links;
            }
        }
        let present = self.quorate();
        self.set_quorum(present.is_some());
        let present = present.unwrap_or_default();
        for index in 0..self.machines.len() {
            let machine = &mut self.machines[index];
            machine.joined = present.contains(&machine.name);
            self.show_node(index);
        }
        if self.dag.quorum {
            let all: BTreeSet<MemberName> = self.dag.started().cloned().collect();
            let rules = self.settings.quorum;
            let has_witness = self.dag.witness_in_use().is_some();
            let electorate = self.electorate.clone();
            self.electorate = electorate.adjusted(rules, &all, &present, has_witness);
        }
    }

    /// Those who see each other and have quorum together.
    fn quorate(&self) -> Option<BTreeSet<MemberName>> {
        let with = |on: fn(&Links) -> bool| -> BTreeSet<MemberName> {
            let machines = self.machines.iter();
            let started = machines.filter(|machine| !self.dag.stopped.contains(&machine.name));
            let on = started.filter(|machine| machine.seen.up && on(&machine.seen));
            on.map(|machine| machine.name.clone()).collect()
        };
        let witness = match self.dag.witness_share {
            WitnessShare::Primary => self.witness,
            WitnessShare::Alternate => self.alternate_witness,
        };
        let mapi = with(|links| links.mapi);
        let replication = with(|links| links.replication);
        let groups = if mapi.is_disjoint(&replication) {
            vec![(mapi, witness), (replication, false)]
        } else {
            let witness = witness && !mapi.is_empty();
            vec![(mapi.union(&replication).cloned().collect(), witness)]
        };
        let mut groups = groups.into_iter();
        let quorate = groups.find(|(group, witness)| {
            !group.is_empty() && self.electorate.has_quorum(group, *witness)
        });
        quorate.map(|(group, _)| group)
    }

    fn set_quorum(&mut self, held: bool) {
        if self.dag.quorum != held {
            self.dag.quorum = held;
            self.tell(Happening::Quorum { held });
        }
    }

    /// Tells how the cluster sees a node.
    pub(super) fn show_node(&mut self, index: usize) {
        let machine = &self.machines[index];
        let state = match (machine.joined, machine.paused) {
            (false, _) => NodeState::Down,
            (true, true) => NodeState::Paused,
            (true, false) => NodeState::Up,
        };
        let member = machine.name.clone();
        let shown = self.dag.members.get_mut(&member);
        if let Some(shown) = shown.filter(|shown| shown.node != state) {
            shown.node = state;
            self.tell(Happening::Node { member, state });
        }
    }

    /// The primary active manager stays where it is, or goes to the first node that can act.
    ///
    /// That it leaves a node whose Replication service stops is an assumption: the role follows
    /// the cluster's own group, and documentation says only that it does when the node dies.
    pub(super) fn choose_primary(&mut self) {
        let now = self.dag.primary_active_manager.as_ref();
        let now = now.and_then(|name| self.machine(name));
        let joined = |index: &usize| self.machines[*index].joined;
        let free = |index: &usize| !self.machines[*index].paused;
        let stays = now.filter(joined);
        let nodes: Vec<usize> = (0..self.machines.len()).filter(joined).collect();
        let able = nodes.iter().copied().filter(|index| self.works(*index));
        let next = stays
            .filter(|index| self.works(*index))
            .or_else(|| able.clone().find(free))
            .or_else(|| able.clone().next())
            .or(stays)
            .or_else(|| nodes.first().copied());
        let next = next.map(|index| self.machines[index].name.clone());
        self.set_primary(next);
    }

    pub(super) fn set_primary(&mut self, member: Option<MemberName>) {
        if member != self.dag.primary_active_manager {
            self.dag.primary_active_manager.clone_from(&member);
            self.tell(Happening::PrimaryActiveManager { member });
        }
    }

    /// Whether Active Manager can act: somebody decides, and that member's service runs.
    pub(super) fn managed(&self) -> bool {
        let primary = self.dag.primary_active_manager.as_ref();
        let index = primary.and_then(|name| self.machine(name));
        self.dag.quorum && index.is_some_and(|index| self.works(index))
    }

    pub(super) fn machine(&self, name: &MemberName) -> Option<usize> {
        let by_name = self
            .machines
            .binary_search_by(|machine| machine.name.cmp(name));
        by_name.ok()
    }
}
