//! The white paper's site with devices in memory, for tests: small enough to read, and physical
//! enough that a server boots what its NIC remembers, if the arrays let it in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coldspare_bmc::{BootSource, MemoryBmc, PowerState};
use coldspare_heartbeat::{Beat, Flags, Health, Path};
use coldspare_names::{
    ArrayName, Generation, PersonaName, PortName, ServerName, SwitchName, Time, VolumeId,
};
use coldspare_network::memory::{MemoryGuest, MemorySwitch};
use coldspare_network::{Link, Nic};
use coldspare_san::memory::MemoryArray;
use coldspare_san::{Array, ArrayTraits, Login, SecretKey, SessionId};

use crate::devices::{Devices, Pinger, Prober};
use crate::site::Site;
use crate::workload::Plain;

pub(crate) const WHITE_PAPER: &str = include_str!("../../../examples/sites/white-paper.toml");
const TWO_SPARES: &str = include_str!("../../../examples/sites/two-spares.toml");

/// An array that cannot tell a former holder from the present one.
pub(crate) const UNBOUND: ArrayTraits = ArrayTraits {
    binds_by_address: false,
    binds_by_secret: false,
    ..MemoryArray::TRAITS
};

pub(crate) fn white_paper() -> Site {
    Site::parse(WHITE_PAPER, "white-paper.toml").unwrap()
}

pub(crate) fn two_spares() -> Site {
    Site::parse(TWO_SPARES, "two-spares.toml").unwrap()
}

pub(crate) fn server(number: u8) -> ServerName {
    format!("r720-{number}").parse().unwrap()
}

pub(crate) fn persona(number: u8) -> PersonaName {
    format!("exchange-{number}").parse().unwrap()
}

/// The site's devices from both ends, and what its servers do.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) site: Arc<Site>,
    pub(crate) devices: Devices,
    pub(crate) bmcs: BTreeMap<ServerName, MemoryBmc>,
    pub(crate) switches: BTreeMap<SwitchName, MemorySwitch>,
    pub(crate) arrays: BTreeMap<ArrayName, MemoryArray>,
    pub(crate) guests: BTreeMap<PersonaName, MemoryGuest>,
    /// What each server that is on has booted.
    pub(crate) booted: BTreeMap<ServerName, Booted>,
    /// Servers whose operating system stands still, though they have power.
    pub(crate) frozen: BTreeSet<ServerName>,
    /// Servers that do not boot, for whatever reason.
    pub(crate) broken: BTreeSet<ServerName>,
    answering: Answering,
    boots: u64,
}

/// A persona at work.
#[derive(Debug, Clone)]
pub(crate) struct Booted {
    pub(crate) persona: PersonaName,
    pub(crate) generation: Generation,
    boot: u64,
    sequence: u32,
    sessions: Vec<(ArrayName, SessionId)>,
}

impl World {
    /// A site in which nothing runs.
    pub(crate) fn idle(site: Site, traits: ArrayTraits) -> Self {
        let key = SecretKey::new([7; 32]);
        let bmcs: BTreeMap<_, _> = site
            .servers
            .keys()
            .map(|name| {
                let identity = site.identity(name).unwrap();
                (name.clone(), MemoryBmc::new(name.clone(), identity))
            })
            .collect();
        let ports = |switch: &SwitchName| -> Vec<PortName> {
            let nics = site.servers.values().flat_map(|of| of.server.nics.values());
            let here = nics.filter(|nic| nic.cable.switch == *switch);
            here.map(|nic| nic.cable.port.clone()).collect()
        };
        let managed = site.switches.keys().filter(|name| site.manages(name));
        let switches: BTreeMap<_, _> = managed
            .map(|name| (name.clone(), MemorySwitch::new(name.clone(), ports(name))))
            .collect();
        let new_array = |(name, of): (&ArrayName, &crate::site::SiteArray)| {
            let array = MemoryArray::new(name.clone(), of.portals.clone(), key.clone(), traits);
            (name.clone(), array)
        };
        let arrays: BTreeMap<_, _> = site.arrays.iter().map(new_array).collect();
        let agents = site.personas.keys();
        let guests: BTreeMap<_, _> = agents
            .map(|name| (name.clone(), MemoryGuest::new(name.clone(), [])))
            .collect();
        let answering = Answering::default();
        let devices = Devices {
            bmcs: handles(&bmcs, |bmc| Arc::new(bmc) as _),
            switches: handles(&switches, |switch| Arc::new(switch) as _),
            arrays: handles(&arrays, |array| Arc::new(array) as _),
            guests: handles(&guests, |guest| Arc::new(guest) as _),
            groups: BTreeMap::new(),
            workloads: site
                .personas
                .keys()
                .map(|name| (name.clone(), Arc::new(Plain) as _))
                .collect(),
            san_key: key,
            prober: Arc::new(answering.clone()),
            pinger: Arc::new(answering.clone()),
        };
        Self {
            site: Arc::new(site),
            devices,
            bmcs,
            switches,
            arrays,
            guests,
            booted: BTreeMap::new(),
            frozen: BTreeSet::new(),
            broken: BTreeSet::new(),
            answering,
            boots: 0,
        }
    }

    /// Makes the site's volumes.
    pub(crate) async fn with_volumes(self) -> Self {
        for (name, of) in &self.site.arrays {
            for volume in of.volumes.values() {
                self.arrays[name].create(volume).await.unwrap();
            }
        }
        self
    }

    /// One second of the site's life: servers boot, write their disks, and send heartbeats or answer
    /// at their health monitors.
    pub(crate) fn live(&mut self, now: Time) -> Vec<(ServerName, Path, Beat)> {
        let mut beats = Vec::new();
        let mut answering = BTreeSet::new();
        for (name, bmc) in &self.bmcs.clone() {
            if *bmc.power().borrow() != PowerState::On {
                self.leave(name);
                continue;
            }
            if self.frozen.contains(name) {
                continue;
            }
            if !self.booted.contains_key(name) {
                self.boot(name, now);
            }
            let Some(booted) = self.booted.get_mut(name) else {
                continue;
            };
            booted.sequence += 1;
            let wrote = booted
                .sessions
                .iter()
                .all(|(array, session)| self.arrays[array].write(session, now).is_ok());
            let of = &self.site.personas[&booted.persona].persona;
            if !of.agent {
                answering.extend(of.health_monitor.map(|monitor| monitor.address));
                continue;
            }
            let beat = Beat {
                boot: booted.boot,
                sequence: booted.sequence,
                generation: booted.generation,
                flags: Flags::default(),
                health: Health {
                    san: wrote,
                    ..Health::default()
                },
                wrote: wrote.then_some(std::time::Duration::ZERO),
                sent: now,
                period: std::time::Duration::from_secs(1),
            };
            beats.extend(Path::BOTH.map(|path| (name.clone(), path, beat)));
        }
        *self.answering.0.lock().unwrap() = answering;
        beats
    }

    fn leave(&mut self, server: &ServerName) {
        for (array, session) in self
            .booted
            .remove(server)
            .into_iter()
            .flat_map(|b| b.sessions)
        {
            self.arrays[&array].end_session(&session);
        }
    }

    fn boot(&mut self, server: &ServerName, now: Time) {
        let BootSource::Iscsi(remembered) = self.bmcs[server].remembered_boot() else {
            return;
        };
        if self.broken.contains(server) {
            return;
        }
        let site = self.site.clone();
        let mut personas = site.personas.values();
        let found = personas.find(|of| of.persona.initiator == remembered.initiator);
        let Some(of) = found else { return };
        let generation = remembered.generation;
        let initiator = &remembered.initiator;
        let chap = coldspare_san::chap(&self.devices.san_key, initiator, server, generation);
        let mut sessions = Vec::new();
        for VolumeId { array, volume } in site.volumes_of(&of.persona.name) {
            let login = Login {
                volume,
                initiator: remembered.initiator.to_string(),
                source: *site.san_addresses(server).first().unwrap(),
                chap: Some(chap.clone()),
            };
            let Ok(session) = self.arrays[&array].log_in(&login, now) else {
                for (array, session) in sessions {
                    self.arrays[&array].end_session(&session);
                }
                return;
            };
            sessions.push((array, session));
        }
        self.boots += 1;
        let nics = site
            .cabling(server)
            .iter()
            .map(|(_, cable)| Nic {
                mac: cable.mac,
                link: Link::Up,
            })
            .collect();
        self.guests[&of.persona.name].boot(nics);
        self.booted.insert(
            server.clone(),
            Booted {
                persona: of.persona.name.clone(),
                generation,
                boot: self.boots,
                sequence: 0,
                sessions,
            },
        );
    }

    /// The servers that are at work as a persona, by what the world shows.
    pub(crate) fn homes(&self, persona: &PersonaName) -> Vec<ServerName> {
        let here = self
            .booted
            .iter()
            .filter(|(_, booted)| booted.persona == *persona);
        here.map(|(server, _)| server.clone()).collect()
    }
}

fn handles<K: Ord + Clone, T: Clone, H: ?Sized>(
    devices: &BTreeMap<K, T>,
    handle: impl Fn(T) -> Arc<H>,
) -> BTreeMap<K, Arc<H>> {
    let each = devices.iter();
    each.map(|(name, device)| (name.clone(), handle(device.clone())))
        .collect()
}

/// The health monitors that answer. No agent does before its next heartbeat.
#[derive(Debug, Clone, Default)]
struct Answering(Arc<Mutex<BTreeSet<IpAddr>>>);

impl Prober for Answering {
    fn probe(&self, _: &ServerName, _: Path) {}
}

#[async_trait]
impl Pinger for Answering {
    async fn answers(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap().contains(&address)
    }
}
