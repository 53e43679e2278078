//! What is asked of one member of a simulated cluster.

use super::verbs::Verdict;
use super::world::World;
use crate::{
    Answer, Component, ComponentState, MailboxServices, MemberName, MemberPolicy, Refusal,
    Requester, Service, Version,
};

impl World {
    pub(super) fn set_policy(&mut self, member: &MemberName, policy: MemberPolicy) -> Verdict {
        let newer = policy.disabled_and_move_now || policy.maximum_preferred.is_some();
        if newer && self.dag.version == Version::V2010 {
            let what = "DatabaseCopyActivationDisabledAndMoveNow or a preferred maximum";
            return Err(Refusal::NotInVersion(what.to_owned()));
        }
        if let Some(of) = self.dag.members.get_mut(member) {
            of.policy = policy;
        }
        Ok(Answer::Done)
    }

    pub(super) fn set_paused(&mut self, machine: usize, paused: bool) -> Verdict {
        let of = &self.machines[machine];
        if !of.joined {
            return Err(Refusal::NodeNotUp(of.name.clone()));
        }
        self.machines[machine].paused = paused;
        self.show_node(machine);
        Ok(Answer::Done)
    }

    pub(super) fn move_primary(&mut self, machine: usize) -> Verdict {
        if !self.dag.quorum {
            return Err(Refusal::NoQuorum);
        }
        let of = &self.machines[machine];
        if !of.joined || of.paused {
            return Err(Refusal::NodeNotUp(of.name.clone()));
        }
        let name = of.name.clone();
        self.set_primary(Some(name));
        Ok(Answer::Done)
    }

    pub(super) fn restart(&mut self, machine: usize, service: Service) -> Verdict {
        let services: MailboxServices = self.services(machine);
        if !services.running.contains(&service) {
            return Err(Refusal::ServiceDown(self.machines[machine].name.clone()));
        }
        if matches!(service, Service::MSExchangeRepl | Service::MSExchangeIS) {
            self.restart_services(machine);
        }
        Ok(Answer::Done)
    }

    /// Component states, and mail that is handed on, came with managed availability.
    fn managed_and_reached(&self, machine: usize, what: &str) -> Result<(), Refusal> {
        self.reach(machine)?;
        if self.dag.version.has_managed_availability() {
            return Ok(());
        }
        Err(Refusal::NotInVersion(what.to_owned()))
    }

    pub(super) fn set_component(
        &mut self,
        machine: usize,
        component: Component,
        requester: Requester,
        state: ComponentState,
    ) -> Verdict {
        self.managed_and_reached(machine, "component states")?;
        let components = &mut self.machines[machine].components;
        let wanted = components.entry(component).or_default();
        wanted.insert(requester, state);
        Ok(Answer::Done)
    }

    /// Messages go to the other server's queues at once.
    pub(super) fn redirect(&mut self, from: usize, to: usize) -> Verdict {
        for machine in [from, to] {
            self.managed_and_reached(machine, "Redirect-Message")?;
        }
        let queued = std::mem::take(&mut self.machines[from].queued);
        self.machines[to].queued += queued;
        Ok(Answer::Done)
    }
}
