//! Devices in memory, and as much of their servers' life as a failover shows: who loses its power
//! is silent and logged in nowhere, and who is powered on boots.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coldspare::site::Site;
use coldspare::{Devices, Pinger, Plain, Prober};
use coldspare_bmc::{Faults, MemoryBmc, PowerState};
use coldspare_heartbeat::Path;
use coldspare_names::{
    ArrayName, Generation, PersonaName, PortName, ServerName, SwitchName, Time, VolumeId,
};
use coldspare_network::memory::{MemoryGuest, MemorySwitch};
use coldspare_network::{Link, Nic};
use coldspare_san::memory::{MemoryArray, Traps};
use coldspare_san::{Admission, Admissions, Array, Login, SecretKey, SessionId, chap};

use crate::must;
use crate::timed::{Timed, Worked};

/// The generation under which personas run before anything breaks.
const FIRST: Generation = Generation::new(1);

pub(crate) struct World {
    pub(crate) site: Arc<Site>,
    key: SecretKey,
    bmcs: BTreeMap<ServerName, MemoryBmc>,
    switches: BTreeMap<SwitchName, MemorySwitch>,
    arrays: BTreeMap<ArrayName, MemoryArray>,
    guests: BTreeMap<PersonaName, MemoryGuest>,
    sessions: BTreeMap<ServerName, Vec<(ArrayName, SessionId)>>,
    pub(crate) worked: Worked,
}

impl World {
    /// Every persona on its home.
    pub(crate) async fn running(site: Arc<Site>) -> Self {
        let key = SecretKey::new([7; 32]);
        let mut ports: BTreeMap<SwitchName, Vec<PortName>> = BTreeMap::new();
        for nic in site.servers.values().flat_map(|of| of.server.nics.values()) {
            let of_switch = ports.entry(nic.cable.switch.clone()).or_default();
            of_switch.push(nic.cable.port.clone());
        }
        let mut world = Self {
            bmcs: site
                .servers
                .keys()
                .map(|name| {
                    let identity = must(site.identity(name).ok_or("no such server"));
                    (name.clone(), MemoryBmc::new(name.clone(), identity))
                })
                .collect(),
            switches: ports
                .into_iter()
                .map(|(name, ports)| (name.clone(), MemorySwitch::new(name, ports)))
                .collect(),
            arrays: site
                .arrays
                .iter()
                .map(|(name, of)| {
                    let (portals, traits) = (of.portals.clone(), MemoryArray::TRAITS);
                    let array = MemoryArray::new(name.clone(), portals, key.clone(), traits);
                    (name.clone(), array)
                })
                .collect(),
            guests: site
                .personas
                .keys()
                .map(|name| (name.clone(), MemoryGuest::new(name.clone(), [])))
                .collect(),
            sessions: BTreeMap::new(),
            worked: Worked::default(),
            key,
            site: site.clone(),
        };
        for (name, of) in &site.arrays {
            for volume in of.volumes.values() {
                must(world.arrays[name].create(volume).await);
            }
        }
        for (name, of) in &site.personas {
            let home = must(of.home.as_ref().ok_or("no home"));
            let admission = Admission {
                initiator: of.persona.initiator.clone(),
                server: home.clone(),
                generation: FIRST,
                addresses: site.san_addresses(home),
            };
            let nobody = Admissions::default();
            let wanted = nobody.admitting(&admission);
            for VolumeId { array, volume } in site.volumes_of(name) {
                let array = &world.arrays[&array];
                must(array.set_admissions(&volume, &nobody, &wanted).await);
            }
            world.bmcs[home].turn_on_by_hand();
            world.boot(home, name, FIRST, Time::EPOCH);
        }
        world
    }

    /// The controller's end of everything.
    pub(crate) fn devices(&self) -> Devices {
        Devices {
            bmcs: self.handles(&self.bmcs, |bmc| Arc::new(bmc) as _),
            switches: self.handles(&self.switches, |switch| Arc::new(switch) as _),
            arrays: self.handles(&self.arrays, |array| Arc::new(array) as _),
            guests: self.handles(&self.guests, |guest| Arc::new(guest) as _),
            groups: BTreeMap::new(),
            workloads: self.handles(&self.guests, |_| Arc::new(Plain) as _),
            san_key: self.key.clone(),
            prober: Arc::new(Silence),
            pinger: Arc::new(Silence),
        }
    }

    fn handles<K: Ord + Clone, Device: Clone, Handle: ?Sized>(
        &self,
        devices: &BTreeMap<K, Device>,
        handle: impl Fn(Timed<Device>) -> Arc<Handle>,
    ) -> BTreeMap<K, Arc<Handle>> {
        let timed = |device: &Device| Timed {
            device: device.clone(),
            worked: self.worked.clone(),
        };
        let each = devices.iter();
        each.map(|(name, device)| (name.clone(), handle(timed(device))))
            .collect()
    }

    /// Every device answers after so long.
    pub(crate) fn set_latency(&self, latency: Duration) {
        for bmc in self.bmcs.values() {
            bmc.set_faults(Faults {
                answer_after: latency,
                ..Faults::default()
            });
        }
        for array in self.arrays.values() {
            array.set_traps(Traps {
                latency,
                ..Traps::default()
            });
        }
        for switch in self.switches.values() {
            switch.set_latency(latency);
        }
    }

    /// How long after a heartbeat its sender is not missed yet.
    pub(crate) fn just_before_silence(&self) -> Duration {
        let silence = self.site.heartbeat.silence;
        silence.saturating_sub(Duration::from_millis(1))
    }

    pub(crate) fn is_on(&self, server: &ServerName) -> bool {
        *self.bmcs[server].power().borrow() == PowerState::On
    }

    /// Its power supply fails, not its management controller's; nothing of it is left on the SAN.
    pub(crate) fn lose_power(&mut self, server: &ServerName) {
        self.bmcs[server].lose_power();
        for (array, session) in self.sessions.remove(server).into_iter().flatten() {
            self.arrays[&array].end_session(&session);
        }
    }

    /// Somebody has replaced the power supply.
    pub(crate) fn repair(&self, server: &ServerName) {
        self.bmcs[server].return_mains();
    }

    /// A server boots a persona: it logs in, and writes.
    pub(crate) fn boot(
        &mut self,
        server: &ServerName,
        persona: &PersonaName,
        generation: Generation,
        now: Time,
    ) {
        let cabling = self.site.cabling(server);
        let nics = cabling.iter().map(|(_, cable)| Nic {
            mac: cable.mac,
            link: Link::Up,
        });
        self.guests[persona].boot(nics.collect());
        let initiator = &self.site.personas[persona].persona.initiator;
        let source = self.site.san_addresses(server).into_iter().next();
        let source: IpAddr = must(source.ok_or("no SAN port"));
        let volumes = self.site.volumes_of(persona).into_iter();
        let sessions = volumes.map(|VolumeId { array, volume }| {
            let login = Login {
                volume,
                initiator: initiator.to_string(),
                source,
                chap: Some(chap(&self.key, initiator, server, generation)),
            };
            let session = must(self.arrays[&array].log_in(&login, now));
            must(self.arrays[&array].write(&session, now));
            (array, session)
        });
        let sessions = sessions.collect();
        self.sessions.insert(server.clone(), sessions);
    }
}

/// Nobody answers a probe, and no persona is without agent.
#[derive(Debug)]
struct Silence;

impl Prober for Silence {
    fn probe(&self, _: &ServerName, _: Path) {}
}

#[async_trait]
impl Pinger for Silence {
    async fn answers(&self, _: IpAddr) -> bool {
        false
    }
}
