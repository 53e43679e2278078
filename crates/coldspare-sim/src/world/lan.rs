//! What passes the LAN: links, networks, heartbeats.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use coldspare::{Event, What};
use coldspare_heartbeat::Path;
use coldspare_names::{Channel, NetworkName, PersonaName, ServerName, Time};
use coldspare_network::{Cable, Connections, LogicalNetwork, Mode, failover};

use super::{Machine, Plant, State, System};

impl State {
    /// Cables, NICs and switches as they are now show at both of their ends.
    pub(super) fn rewire(&mut self, plant: &Plant) {
        for machine in self.machines.values() {
            let powered = machine.has_power();
            for (channel, cable) in &machine.cables {
                let Some(switch) = plant.switches.get(&cable.port.switch) else {
                    continue;
                };
                switch.set_cabled(&cable.port.port, machine.is_whole(*channel));
                switch.set_host_powered(&cable.port.port, powered);
            }
            let Some(system) = machine.system() else {
                continue;
            };
            for nic in machine.nics(|cable| self.is_lit(cable)) {
                system.guest.set_link(nic.mac, nic.link);
            }
        }
    }

    /// Whether the switch at the end of a cable works.
    pub(super) fn is_lit(&self, cable: &Cable) -> bool {
        !self.lost_switches.contains(&cable.port.switch)
    }

    /// Whether any managed switch works: over them the controller hears and is heard.
    pub(super) fn lan_is_lit(&self, plant: &Plant) -> bool {
        let mut managed = plant
            .switches
            .keys()
            .filter(|switch| plant.site.manages(switch));
        managed.any(|switch| !self.lost_switches.contains(switch))
    }

    /// Whether frames of a network pass between a server's NIC and the rest.
    pub(crate) fn passes(
        plant: &Plant,
        machine: &Machine,
        at: Channel,
        network: &LogicalNetwork,
    ) -> bool {
        let Some(cable) = machine.cables.get(&at) else {
            return false;
        };
        let switch = plant.switches.get(&cable.port.switch);
        switch.is_some_and(|switch| switch.carries(&cable.port.port, network.vlan))
    }

    /// Whether a system is really connected to a network, and answers at its address there if it
    /// is not frozen: as its own interfaces are set, over the channel that carries it.
    pub(crate) fn connected(
        plant: &Plant,
        machine: &Machine,
        system: &System,
        network: &NetworkName,
    ) -> bool {
        let carrier = system.guest.truth().carriers.get(network).copied();
        let network = plant.site.networks.get(network).ok();
        carrier
            .zip(network)
            .is_some_and(|(at, network)| Self::passes(plant, machine, at, network))
    }

    /// Whether a heartbeat of an awake system, or an answer of its agent, passes that path.
    pub(crate) fn speaks(plant: &Plant, machine: &Machine, system: &System, path: Path) -> bool {
        let Some(of) = plant.persona(&system.persona) else {
            return false;
        };
        let Some(control) = &plant.control else {
            return false;
        };
        let agent = of.persona.agent && !system.agent_hangs;
        let channel = channel_of(&of.connections, control, path);
        agent && channel.is_some_and(|at| Self::passes(plant, machine, at, control))
    }

    /// Whether anybody answers at an address, as the persona whose health monitor it is.
    pub(crate) fn answers(&self, plant: &Plant, address: IpAddr) -> bool {
        let Some(network) = plant.network_of(address).filter(|_| self.controller_linked) else {
            return false;
        };
        let machines = self.machines.values();
        let mut awake = machines.filter_map(|machine| Some((machine, machine.awake()?)));
        awake.any(|(machine, system)| {
            let of = plant.persona(&system.persona);
            let monitor = of.and_then(|of| of.persona.health_monitor);
            monitor.is_some_and(|monitor| monitor.address == address)
                && Self::connected(plant, machine, system, &network.name)
        })
    }

    /// One server's heartbeat, over every path that carries it.
    pub(super) fn send_beat(&mut self, plant: &Plant, server: &ServerName, now: Time) {
        let Some(controller) = self.controller.clone() else {
            return;
        };
        let Some(open) = self.open_paths(plant, server) else {
            return;
        };
        let (controllers, reached) = (self.controllers, open.contains(&true));
        let Some(system) = self.machines.get_mut(server).and_then(Machine::system_mut) else {
            return;
        };
        if reached
            && system.told_by != controllers
            && let Some(expected) = controller.expected().borrow().get(server)
            && (&expected.persona, expected.generation) == (&system.persona, system.boot.generation)
        {
            system.told_by = controllers;
            system.enrol(expected, now);
        }
        let beats = system.beat(now).into_iter().flatten();
        for ((path, beat), open) in Path::BOTH.into_iter().zip(beats).zip(open) {
            if open {
                system.say(&controller, path, &beat, now);
            }
        }
    }

    /// A server's agent is asked over a path: it answers with a heartbeat, that is heard like any
    /// other.
    pub(crate) fn probe(&mut self, plant: &Plant, server: &ServerName, path: Path, now: Time) {
        let Some(controller) = self.controller.clone() else {
            return;
        };
        let open = self.open_paths(plant, server).into_iter().flatten();
        let reached = Path::BOTH
            .into_iter()
            .zip(open)
            .any(|it| it == (path, true));
        let probe = controller.probe(server, path).filter(|_| reached);
        let system = self.machines.get_mut(server).and_then(Machine::system_mut);
        if let (Some(probe), Some(system)) = (probe, system) {
            system.hear(&controller, path, &probe, now);
        }
    }

    /// The paths that carry something between the controller and an awake server's agent.
    pub(super) fn open_paths(&self, plant: &Plant, server: &ServerName) -> Option<[bool; 2]> {
        if !self.controller_linked {
            return None;
        }
        let machine = self.machines.get(server)?;
        let system = machine.awake()?;
        Some(Path::BOTH.map(|path| Self::speaks(plant, machine, system, path)))
    }

    /// Tells which networks have changed their channel since this was asked last.
    pub(super) fn tell_moves(&mut self, plant: &Plant, now: Time) {
        let mut moved = Vec::new();
        for machine in self.machines.values() {
            let Some(system) = machine.awake() else {
                continue;
            };
            let carriers = system.guest.truth().carriers;
            let known = (machine.name.clone(), system.number);
            let before = self
                .carriers
                .insert(system.persona.clone(), (known.clone(), carriers.clone()));
            let Some((_, before)) = before.filter(|(of, _)| *of == known) else {
                continue;
            };
            let change = failover(&before, &carriers);
            let shared: BTreeSet<_> = change.shares.iter().flat_map(|it| &it.networks).collect();
            for step in change.moves.iter().filter(|step| step.from.is_some()) {
                let together = shared.contains(&step.network);
                moved.push(event(plant, machine, &system.persona, step, together));
            }
        }
        for event in moved {
            self.tell(now, event);
        }
    }
}

fn event(
    plant: &Plant,
    machine: &Machine,
    persona: &PersonaName,
    step: &coldspare_network::Move,
    shares: bool,
) -> Event {
    let event = Event::new(What::ChannelFailover);
    let event = event
        .server(&machine.name)
        .persona(persona)
        .network(&step.network);
    let Some(to) = step.to else {
        return event
            .status("cut-off")
            .because("no channel of it has a link");
    };
    let network = plant.site.networks.get(&step.network).ok();
    let status = match network.map(|network| network.channels.primary()) {
        Some(primary) if primary == to => "back",
        _ => "moved",
    };
    let reason = match (step.from, shares) {
        (Some(from), true) => format!("from channel {from}; it shares the NIC, and its bandwidth"),
        (Some(from), false) => format!("from channel {from}"),
        (None, _) => "it was cut off".to_owned(),
    };
    event.channel(&to).status(status).because(reason)
}

/// The channel behind a path, if the persona uses it.
fn channel_of(connections: &Connections, control: &LogicalNetwork, path: Path) -> Option<Channel> {
    let mut connected = connections.connections.iter();
    connected.find(|it| it.network == control.name)?;
    match (path, connections.mode) {
        (Path::First, _) => Some(control.channels.primary()),
        (Path::Second, Mode::Trunk) => control.channels.secondary(),
        (Path::Second, Mode::Access) => None,
    }
}

/// Which channel carries each network of a persona, on which boot of which server.
pub(super) type Carriers =
    BTreeMap<PersonaName, ((ServerName, u64), BTreeMap<NetworkName, Channel>)>;
