//! Causes and their physical effects.

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
                    self.set(plant, &server, |broken, _| broken.feed = on, now);
                }
            }
            FaultKind::SwitchLoss { switch } => {
                if on {
                    self.lost_switches.insert(switch.clone());
                } else {
                    self.lost_switches.remove(switch);
                }
                if let Some(of) = plant.switches.get(switch) {
                    of.set_powered(!on);
                }
            }
            FaultKind::ControllerLinkLoss => self.controller_linked = !on,
            FaultKind::ArrayLoss { array } => {
                let Some(of) = plant.arrays.get(array) else { return };
                if on {
                    self.lost_arrays.insert(array.clone());
                } else if self.lost_arrays.remove(array) {
                    // Whoever was logged in has to log in again.
                    of.restart();
                }
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
            FaultKind::ControllerCrash => {}
            FaultKind::PowerLoss { server } => {
                self.set(plant, server, |broken, _| broken.power = on, now);
            }
            FaultKind::PowerReturn { server } => {
                let whole = |broken: &mut Broken, _: &Machine| {
                    broken.power = false;
                    broken.feed = false;
                };
                self.set(plant, server, whole, now);
            }
            FaultKind::BmcLoss { server } => {
                self.set(plant, server, |broken, _| broken.bmc = on, now);
            }
            FaultKind::BmcLies { server, reads } => {
                self.set(plant, server, |broken, _| broken.reads = on.then_some(*reads), now);
            }
            FaultKind::NicLoss { server, channel } => {
                let change = |broken: &mut Broken, _: &Machine| {
                    toggle(&mut broken.nics, *channel, on);
                };
                self.set(plant, server, change, now);
            }
            FaultKind::CableLoss { server, channel } => {
                let change = |broken: &mut Broken, _: &Machine| {
                    toggle(&mut broken.cables, *channel, on);
                };
                self.set(plant, server, change, now);
            }
            FaultKind::SanPortLoss { server, port } => {
                let change = |broken: &mut Broken, _: &Machine| {
                    toggle(&mut broken.san_ports, *port, on);
                };
                self.set(plant, server, change, now);
            }
            FaultKind::SanLoss { server } => {
                let change = |broken: &mut Broken, machine: &Machine| {
                    (1..=machine.addresses.len())
                        .for_each(|port| toggle(&mut broken.san_ports, port, on));
                };
                self.set(plant, server, change, now);
            }
            FaultKind::AgentHang { server } => {
                let system = self.machines.get_mut(server).and_then(Machine::system_mut);
                if let Some(system) = system {
                    system.agent_hangs = on;
                }
            }
            FaultKind::ServerFreeze { server } => {
                let change = |broken: &mut Broken, machine: &Machine| {
                    broken.frozen = on && machine.has_power();
                };
                self.set(plant, server, change, now);
            }
            FaultKind::BootFailure { server } => {
                self.set(plant, server, |broken, _| broken.boot = on, now);
            }
            FaultKind::Repair { server } => {
                self.set(plant, server, |broken, _| *broken = Broken::default(), now);
            }
        }
    }

    /// Changes what is broken about a server, and lets its parts feel it.
    fn set(
        &mut self,
        plant: &Plant,
        server: &ServerName,
        change: impl FnOnce(&mut Broken, &Machine),
        now: Time,
    ) {
        let Some(machine) = self.machines.get_mut(server) else { return };
        let before = machine.broken.clone();
        let mut after = before.clone();
        change(&mut after, machine);
        machine.broken = after;
        let (broken, had_power) = (&machine.broken, !before.power && !before.feed);
        match (broken.feed, broken.power) {
            (true, _) => machine.bmc.lose_mains(),
            (false, true) => {
                if before.feed {
                    // The management controller lives again, and the server does not.
                    machine.bmc.return_mains();
                }
                machine.bmc.lose_power();
            }
            (false, false) if !had_power => machine.bmc.return_mains(),
            (false, false) => {}
        }
        for (port, address) in machine.addresses.iter().enumerate() {
            let reachable = !machine.broken.san_ports.contains(&(port + 1));
            plant.arrays.values().for_each(|array| array.set_reachable(*address, reachable));
        }
        if before.frozen && !machine.broken.frozen {
            machine.due = Some(now);
        }
        machine.show_faults(plant);
    }
}

fn toggle<T: Ord>(set: &mut std::collections::BTreeSet<T>, item: T, on: bool) {
    if on {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn fed_by(plant: &Plant, feed: &Label) -> Vec<ServerName> {
    let servers = plant.site.servers.iter();
    let fed = servers.filter(|(_, of)| {
        let mut domains = of.server.domains.iter();
        domains.any(|domain| domain.kind.as_str() == "feed" && domain.name == *feed)
    });
    fed.map(|(name, _)| name.clone()).collect()
}
