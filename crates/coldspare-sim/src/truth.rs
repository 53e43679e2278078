//! How things really are: a look at the devices, never at anybody's records.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use coldspare_bmc::{BootSource, PowerState, RestorePolicy};
use coldspare_exchange::DagName;
use coldspare_exchange::memory::SimulatedCluster;
use coldspare_names::{
    Channel, Generation, NetworkName, PersonaName, PortId, ServerName, Time, VolumeId,
};
use coldspare_network::{Observed, VlanId};
use coldspare_san::memory::{MemoryArray, Writing};
use coldspare_san::{Admissions, Session};
use serde::Serialize;

use crate::fault::Reads;
use crate::world::{Machine, Plant, State, System};

/// How things really are at one moment. Nothing is worked out before it is asked for.
pub struct Truth<'a> {
    plant: &'a Plant,
    state: &'a State,
    now: Time,
}

/// Somebody who could write a volume now, or as soon as it thaws.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Writer {
    /// The server.
    pub server: ServerName,
    /// The persona that it wears.
    pub persona: PersonaName,
    /// The generation under which it booted.
    pub generation: Generation,
}

/// Somebody who answers at an address now, or as soon as it thaws.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Speaker {
    /// The server.
    pub server: ServerName,
    /// The persona that it wears.
    pub persona: PersonaName,
    /// The network.
    pub network: NetworkName,
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub address: Ipv4Addr,
}

/// What runs on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worn {
    /// The persona.
    pub persona: PersonaName,
    /// The generation under which it was booted.
    pub generation: Generation,
    /// Which boot in the whole data centre it is.
    pub boot: u64,
    /// Whether it has got as far as running.
    pub up: bool,
    /// Whether it does nothing until it thaws.
    pub frozen: bool,
}

/// A switch port at which a server's cable ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The port.
    pub port: PortId,
    /// What it passes.
    pub observed: Observed,
    /// The server at the other end.
    pub server: ServerName,
    /// The channel of its NIC.
    pub channel: Channel,
    /// Whether the site manages the switch.
    pub managed: bool,
}

impl<'a> Truth<'a> {
    pub(crate) fn new(plant: &'a Plant, state: &'a State, now: Time) -> Self {
        Self { plant, state, now }
    }

    /// The moment.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The site.
    pub fn site(&self) -> &'a coldspare::site::Site {
        &self.plant.site
    }

    /// Whether the controller hears anybody at all: a link of its own is up.
    pub fn controller_hears(&self) -> bool {
        self.state.own_links
    }

    /// Whether the controller's store does what it is asked, and says so.
    pub fn store_answers(&self) -> bool {
        let faults = self.plant.store.faults();
        !faults.unreachable && !faults.loses_answers
    }

    /// Each server's power.
    pub fn power(&self, server: &ServerName) -> PowerState {
        let machine = self.state.machines.get(server);
        machine.map_or(PowerState::Unknown, |machine| *machine.bmc.power().borrow())
    }

    /// What a server's NIC remembers, its secret included.
    pub fn remembered_boot(&self, server: &ServerName) -> BootSource {
        let machine = self.state.machines.get(server);
        machine.map_or(BootSource::Nothing, |machine| machine.bmc.remembered_boot())
    }

    /// What a server does when its power returns.
    pub fn restore_policy(&self, server: &ServerName) -> Option<RestorePolicy> {
        self.state
            .machines
            .get(server)
            .map(|machine| machine.bmc.restore_policy())
    }

    /// What each server wears; servers on which no image is booted are absent.
    pub fn worn(&self) -> BTreeMap<ServerName, Worn> {
        let worn = self.systems().map(|(machine, system)| {
            let worn = Worn {
                persona: system.persona.clone(),
                generation: system.boot.generation,
                boot: system.number,
                up: system.up,
                frozen: machine.broken.frozen,
            };
            (machine.name.clone(), worn)
        });
        worn.collect()
    }

    /// The servers on which a persona runs, and does what it should: all its disks are written,
    /// and it is not frozen.
    pub fn homes(&self, persona: &PersonaName) -> Vec<ServerName> {
        let awake = self.state.machines.values().filter(|machine| {
            let system = machine.awake().filter(|system| system.serves());
            system.is_some_and(|system| system.persona == *persona)
        });
        awake.map(|machine| machine.name.clone()).collect()
    }

    /// Whether a persona's applications can be reached on each of its networks.
    pub fn is_connected(&self, server: &ServerName, network: &NetworkName) -> bool {
        let Some(machine) = self.state.machines.get(server) else {
            return false;
        };
        let system = machine.awake();
        system.is_some_and(|it| State::connected(self.plant, machine, it, network))
    }

    /// Everybody who could write a volume: their session is open, and they still hold it.
    pub fn writers(&self, volume: &VolumeId) -> Vec<Writer> {
        let Some(array) = self.plant.arrays.get(&volume.array) else {
            return Vec::new();
        };
        let open = array.open_sessions();
        let holds = |system: &System| {
            let held = system.disks.get(volume).and_then(Option::as_ref);
            held.is_some_and(|held| open.iter().any(|session| session.id == *held))
        };
        let writers = self.systems().filter(|(_, system)| holds(system));
        writers
            .map(|(machine, system)| writer(machine, system))
            .collect()
    }

    /// Everybody who answers at an address on a network.
    pub fn speakers(&self) -> Vec<Speaker> {
        let mut speakers = Vec::new();
        for (machine, system) in self.systems().filter(|(_, system)| system.up) {
            for (name, network) in system.guest.truth().configured.networks {
                let Ok(logical) = self.plant.site.networks.get(&name) else {
                    continue;
                };
                let Some(address) = network.address else {
                    continue;
                };
                if State::connected(self.plant, machine, system, &name) {
                    speakers.push(Speaker {
                        server: machine.name.clone(),
                        persona: system.persona.clone(),
                        network: name,
                        vlan: logical.vlan,
                        address: address.addr(),
                    });
                }
            }
        }
        speakers
    }

    /// Every switch port at which a server's cable ends.
    pub fn ports(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        let truths: BTreeMap<_, _> = self
            .plant
            .switches
            .iter()
            .map(|(name, switch)| (name, switch.truth()))
            .collect();
        for machine in self.state.machines.values() {
            for (channel, cable) in &machine.cables {
                let status = truths
                    .get(&cable.port.switch)
                    .and_then(|of| of.get(&cable.port.port));
                let Some(status) = status else { continue };
                ports.push(Port {
                    port: cable.port.clone(),
                    observed: status.observed.clone(),
                    server: machine.name.clone(),
                    channel: *channel,
                    managed: status.managed,
                });
            }
        }
        ports
    }

    /// Who may log in to each volume, and its stamp.
    pub fn admissions(&self) -> BTreeMap<VolumeId, Admissions> {
        let arrays = self.plant.arrays.iter();
        arrays
            .flat_map(|(name, array)| {
                array.admitted().into_iter().map(|(volume, admissions)| {
                    (
                        VolumeId {
                            array: name.clone(),
                            volume,
                        },
                        admissions,
                    )
                })
            })
            .collect()
    }

    /// Every open session of an array's, whatever its management says.
    pub fn sessions(&self, array: &coldspare_names::ArrayName) -> Vec<Session> {
        self.plant
            .arrays
            .get(array)
            .map(MemoryArray::open_sessions)
            .unwrap_or_default()
    }

    /// Everything that was ever written to a volume.
    pub fn writings(&self, volume: &VolumeId) -> Vec<Writing> {
        let array = self.plant.arrays.get(&volume.array);
        array
            .map(|array| array.writings(&volume.volume))
            .unwrap_or_default()
    }

    /// Whose SAN address that is.
    pub fn server_at(&self, source: IpAddr) -> Option<&'a ServerName> {
        let mut machines = self.state.machines.values();
        machines
            .find(|machine| machine.addresses.contains(&source))
            .map(|machine| &machine.name)
    }

    /// A database availability group.
    pub fn group(&self, dag: &DagName) -> Option<&'a SimulatedCluster> {
        self.plant.clusters.get(dag)
    }

    /// Whether a server's management controller says that it is off, whatever is true.
    pub fn is_called_off(&self, server: &ServerName) -> bool {
        let machine = self.machine(server);
        machine.is_some_and(|machine| machine.broken.reads == Some(Reads::Off))
    }

    pub(crate) fn machine(&self, server: &ServerName) -> Option<&'a Machine> {
        self.state.machines.get(server)
    }

    pub(crate) fn state(&self) -> &'a State {
        self.state
    }

    fn systems(&self) -> impl Iterator<Item = (&'a Machine, &'a System)> + use<'a> {
        let machines = self.state.machines.values();
        machines.filter_map(|machine| Some((machine, machine.system()?)))
    }
}

fn writer(machine: &Machine, system: &System) -> Writer {
    Writer {
        server: machine.name.clone(),
        persona: system.persona.clone(),
        generation: system.boot.generation,
    }
}
