//! Causes and their physical effects.

use std::collections::BTreeSet;

use coldspare_names::{ServerName, Time};
use coldspare_persona::Label;

use super::machine::Broken;
use super::{Machine, Plant, State};
use crate::FaultKind;

impl State {
    /// Something happens.
    pub(super) fn begin(&mut self, plant: &Plant, kind: &FaultKind, now: Time) {
        self.tell(now, kind.told("begins"));
        self.change(plant, kind, true, now);
    }

    /// Something is over.
    pub(super) fn end(&mut self, plant: &Plant, kind: &FaultKind, now: Time) {
        self.tell(now, kind.told("ends"));
        self.change(plant, kind, false, now);
    }

    fn change(&mut self, plant: &Plant, kind: &FaultKind, on: bool, now: Time) {
        match kind {
            FaultKind::FeedLoss { feed } => {
                for server in fed_by(plant, feed) {
                    self.set(plant, &server, |machine| machine.broken.feed = on, now);
                }
            }
            FaultKind::SwitchLoss { switch } => {
                toggle(&mut self.lost_switches, switch.clone(), on);
                if let Some(of) = plant.switches.get(switch) {
                    of.set_powered(!on);
                }
            }
            FaultKind::ControllerLinkLoss => self.controller_linked = !on,
            FaultKind::ArrayLoss { array } => {
                let Some(of) = plant.arrays.get(array) else {
                    return;
                };
                if !on && self.lost_arrays.contains(array) {
                    // Whoever was logged in has to log in again.
                    of.restart();
                }
                toggle(&mut self.lost_arrays, array.clone(), on);
                of.set_up(!on);
            }
            FaultKind::VolumeDamage { database, member } => {
                for cluster in plant.clusters.values() {
                    // Whichever group has such a copy.
                    let _ = cluster.damage_volume(database, member);
                }
            }
            FaultKind::MemberServicesStop { member } => {
                for cluster in plant.clusters.values() {
                    // Whichever group has such a member.
                    let _ = cluster.set_services(member, !on);
                }
            }
            FaultKind::StoreLoss => {
                let faults = coldspare_store::Faults {
                    unreachable: on,
                    ..plant.store.faults()
                };
                plant.store.set_faults(faults);
            }
            FaultKind::StoreSilence => {
                let faults = coldspare_store::Faults {
                    loses_answers: on,
                    ..plant.store.faults()
                };
                plant.store.set_faults(faults);
            }
            FaultKind::ControllerCrash => {}
            FaultKind::PowerLoss { server }
            | FaultKind::PowerReturn { server }
            | FaultKind::BmcLoss { server }
            | FaultKind::BmcLies { server, .. }
            | FaultKind::NicLoss { server, .. }
            | FaultKind::CableLoss { server, .. }
            | FaultKind::SanPortLoss { server, .. }
            | FaultKind::SanLoss { server }
            | FaultKind::AgentHang { server }
            | FaultKind::ServerFreeze { server }
            | FaultKind::BootFailure { server }
            | FaultKind::Repair { server } => {
                self.set(
                    plant,
                    server,
                    |machine| break_or_mend(machine, kind, on),
                    now,
                );
            }
        }
    }

    /// Changes what is broken about a server, and lets its parts feel it.
    fn set(
        &mut self,
        plant: &Plant,
        server: &ServerName,
        change: impl FnOnce(&mut Machine),
        now: Time,
    ) {
        let Some(machine) = self.machines.get_mut(server) else {
            return;
        };
        let before = machine.broken.clone();
        change(machine);
        let broken = &machine.broken;
        match (broken.feed, broken.power) {
            (true, _) => machine.bmc.lose_mains(),
            (false, true) => {
                if before.feed {
                    // The management controller lives again, and the server does not.
                    machine.bmc.return_mains();
                }
                machine.bmc.lose_power();
            }
            (false, false) if before.power || before.feed => machine.bmc.return_mains(),
            (false, false) => {}
        }
        for (port, address) in machine.addresses.iter().enumerate() {
            let reachable = !broken.san_ports.contains(&(port + 1));
            plant
                .arrays
                .values()
                .for_each(|array| array.set_reachable(*address, reachable));
        }
        if before.frozen && !broken.frozen {
            machine.due = Some(now);
        }
        machine.show_faults(plant);
    }
}

/// What a fault of one server does to it.
fn break_or_mend(machine: &mut Machine, kind: &FaultKind, on: bool) {
    let (ports, powered) = (machine.addresses.len(), machine.has_power());
    let broken = &mut machine.broken;
    match kind {
        FaultKind::PowerLoss { .. } => broken.power = on,
        FaultKind::PowerReturn { .. } => (broken.power, broken.feed) = (false, false),
        FaultKind::BmcLoss { .. } => broken.bmc = on,
        FaultKind::BmcLies { reads, .. } => broken.reads = on.then_some(*reads),
        FaultKind::NicLoss { channel, .. } => toggle(&mut broken.nics, *channel, on),
        FaultKind::CableLoss { channel, .. } => toggle(&mut broken.cables, *channel, on),
        FaultKind::SanPortLoss { port, .. } => toggle(&mut broken.san_ports, *port, on),
        FaultKind::SanLoss { .. } => {
            (1..=ports).for_each(|port| toggle(&mut broken.san_ports, port, on));
        }
        FaultKind::ServerFreeze { .. } => broken.frozen = on && powered,
        FaultKind::BootFailure { .. } => broken.boot = on,
        FaultKind::Repair { .. } => *broken = Broken::default(),
        FaultKind::AgentHang { .. } => {
            if let Some(system) = machine.system_mut() {
                system.agent_hangs = on;
            }
        }
        // These are not about one server.
        _ => {}
    }
}

fn toggle<T: Ord>(set: &mut BTreeSet<T>, item: T, on: bool) {
    if on {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn fed_by(plant: &Plant, feed: &Label) -> Vec<ServerName> {
    let servers = plant.site.servers.iter();
    let concerned = servers.filter(|(_, of)| {
        let mut domains = of.server.domains.iter();
        domains.any(|domain| domain.kind.as_str() == "feed" && domain.name == *feed)
    });
    concerned.map(|(name, _)| name.clone()).collect()
}
