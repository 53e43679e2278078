//! The data centre: plain values that can be copied, compared and counted, and what follows in it
//! physically. Devices decide as the memory devices do: an array asks [`Admissions::permit`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use coldspare::site::Site;
use coldspare_bmc::{ArmedBoot, PowerState, RestorePolicy};
use coldspare_heartbeat::{Beat, Flags, Health};
use coldspare_names::{ArrayName, Generation, PersonaName, PortName, ServerName, Time, VolumeName};
use coldspare_network::Membership;
use coldspare_san::{Admissions, ArrayTraits, LastWrite, Session, SessionId, StampKeeper};

/// What never changes.
#[derive(Debug)]
pub(crate) struct Iron {
    pub(crate) site: Arc<Site>,
    /// Of the one array.
    pub(crate) traits: ArrayTraits,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Plant {
    pub(crate) servers: BTreeMap<ServerName, Server>,
    pub(crate) volumes: BTreeMap<VolumeName, Admissions>,
    pub(crate) ports: BTreeMap<PortName, Membership>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Server {
    /// The machine and its controller have mains.
    pub(crate) mains: bool,
    pub(crate) on: bool,
    was_on: bool,
    /// It does nothing until it thaws.
    pub(crate) frozen: bool,
    pub(crate) boots: ArmedBoot,
    /// The generation whose secret its NIC remembers.
    pub(crate) secret: Generation,
    pub(crate) restore: RestorePolicy,
    pub(crate) system: Option<System>,
}

/// What a server became when it booted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct System {
    pub(crate) persona: PersonaName,
    pub(crate) generation: Generation,
    booted: Time,
    /// When its session with its image was opened, if it has one.
    session: Option<Time>,
    wrote: Time,
}

impl Server {
    fn spare() -> Self {
        Self {
            mains: true,
            on: false,
            was_on: false,
            frozen: false,
            boots: ArmedBoot::Nothing,
            secret: Generation::NONE,
            restore: RestorePolicy::AlwaysOff,
            system: None,
        }
    }

    pub(crate) fn power(&self) -> PowerState {
        if self.on {
            PowerState::On
        } else {
            PowerState::Off
        }
    }

    pub(crate) fn turn(&mut self, on: bool) {
        self.on = on && self.mains;
        if !self.on {
            (self.system, self.frozen) = (None, false);
        }
    }

    pub(crate) fn lose_mains(&mut self) {
        self.was_on = self.on;
        self.turn(false);
        self.mains = false;
    }

    pub(crate) fn return_mains(&mut self) {
        self.mains = true;
        self.turn(match self.restore {
            RestorePolicy::AlwaysOff => false,
            RestorePolicy::LastState => self.was_on,
            RestorePolicy::AlwaysOn => true,
        });
    }
}

impl Iron {
    pub(crate) fn array(&self) -> &ArrayName {
        self.site
            .arrays
            .keys()
            .next()
            .expect("the site has an array")
    }

    pub(crate) fn address(&self, server: &ServerName) -> IpAddr {
        let mut addresses = self.site.san_addresses(server).into_iter();
        addresses.next().expect("every server has a SAN port")
    }

    pub(crate) fn port(&self, server: &ServerName) -> PortName {
        let cabling = self.site.cabling(server);
        let mut cables = cabling.iter().map(|(_, cable)| cable.port.port.clone());
        cables.next().expect("every server has a NIC")
    }

    pub(crate) fn image(&self, persona: &PersonaName) -> &VolumeName {
        &self.site.personas[persona].persona.image.volume
    }
}

impl Plant {
    /// Every server off and clean, and nobody admitted.
    pub(crate) fn bare(iron: &Iron) -> Self {
        let servers = iron.site.servers.keys();
        let volumes = iron.site.arrays[iron.array()].volumes.keys();
        Self {
            servers: servers
                .clone()
                .map(|name| (name.clone(), Server::spare()))
                .collect(),
            volumes: volumes
                .map(|name| (name.clone(), Admissions::default()))
                .collect(),
            ports: servers
                .map(|name| (iron.port(name), Membership::Parked))
                .collect(),
        }
    }

    /// Lets everything that has power do what it does in a tick: boot, log in again, write.
    pub(crate) fn live(&mut self, iron: &Iron, now: Time) {
        for (name, server) in &mut self.servers {
            let ArmedBoot::Iscsi(boot) = &server.boots else {
                continue;
            };
            if !server.on || server.frozen {
                continue;
            }
            let mut personas = iron.site.personas.values();
            let found = personas.find(|of| of.persona.initiator == boot.initiator);
            let Some(of) = found.filter(|_| server.system.is_none()) else {
                continue;
            };
            let system = System {
                persona: of.persona.name.clone(),
                generation: server.secret,
                booted: now,
                session: None,
                wrote: now,
            };
            server.system = is_admitted(iron, &self.volumes, name, &system).then_some(system);
        }
        for (name, server) in &mut self.servers {
            let Some(system) = server.system.as_mut().filter(|_| !server.frozen) else {
                continue;
            };
            if system.session.is_none() && is_admitted(iron, &self.volumes, name, system) {
                system.session = Some(now);
            }
            if system.session.is_some() {
                system.wrote = now;
            }
        }
    }

    /// Whose heartbeats arrive, and what they say.
    pub(crate) fn beats(&self, iron: &Iron, now: Time) -> Vec<(ServerName, Beat)> {
        let period = iron.site.heartbeat.period;
        let number = |time: Time| u64::try_from(time.since_epoch().as_nanos()).unwrap_or(u64::MAX);
        let speak = self.servers.iter().filter(|(name, server)| {
            !server.frozen && self.ports[&iron.port(name)] != Membership::Parked
        });
        let beats = speak.filter_map(|(name, server)| {
            let system = server.system.as_ref()?;
            let ticks = number(now) / u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
            let beat = Beat {
                boot: number(system.booted),
                sequence: u32::try_from(ticks).unwrap_or(u32::MAX),
                generation: system.generation,
                flags: Flags::default(),
                health: Health {
                    san: system.session.is_some(),
                    ..Health::default()
                },
                wrote: Some(now - system.wrote),
                sent: now,
                period,
            };
            Some((name.clone(), beat))
        });
        beats.collect()
    }

    pub(crate) fn sessions(&self, iron: &Iron) -> Vec<Session> {
        let systems = self.servers.iter().filter_map(|(name, server)| {
            let system = server.system.as_ref()?;
            let opened = system.session?;
            Some(Session {
                id: session_id(name, opened),
                volume: iron.image(&system.persona).clone(),
                initiator: iron.site.personas[&system.persona]
                    .persona
                    .initiator
                    .to_string(),
                source: iron.address(name),
                generation: iron.traits.binds_by_secret.then_some(system.generation),
                opened: Some(opened),
                last_write: LastWrite::At(system.wrote),
            })
        });
        systems.collect()
    }

    pub(crate) fn drop_sessions(&mut self, dropped: &[SessionId]) {
        for (name, server) in &mut self.servers {
            if let Some(system) = &mut server.system
                && let Some(opened) = system.session
                && dropped.contains(&session_id(name, opened))
            {
                system.session = None;
            }
        }
    }

    /// What an array that keeps stamps, or does not, makes of it.
    pub(crate) fn kept(iron: &Iron, admissions: &Admissions) -> Admissions {
        let mut kept = admissions.clone();
        if iron.traits.stamps == StampKeeper::Nobody {
            kept.stamp = Generation::NONE;
        }
        kept
    }

    /// How many servers can write to a persona's volume, now or as soon as they thaw.
    pub(crate) fn writers(&self, persona: &PersonaName) -> usize {
        let systems = self.wear(persona).into_iter();
        systems
            .filter(|(_, system)| system.session.is_some())
            .count()
    }

    /// How many servers can act as a persona: write, or answer at its addresses.
    pub(crate) fn actors(&self, iron: &Iron, persona: &PersonaName) -> usize {
        let speaks = |name: &ServerName| self.ports[&iron.port(name)] != Membership::Parked;
        let systems = self.wear(persona).into_iter();
        systems
            .filter(|(name, system)| system.session.is_some() || speaks(name))
            .count()
    }

    /// The server on which a persona does what it should.
    pub(crate) fn home(&self, persona: &PersonaName) -> Option<&ServerName> {
        let mut systems = self.wear(persona).into_iter();
        let works = |name: &ServerName| !self.servers[name].frozen;
        let home = systems.find(|(name, system)| system.session.is_some() && works(name));
        home.map(|(name, _)| name)
    }

    fn wear(&self, persona: &PersonaName) -> Vec<(&ServerName, &System)> {
        let systems = self
            .servers
            .iter()
            .filter_map(|(name, of)| Some((name, of.system.as_ref()?)));
        systems
            .filter(|(_, system)| system.persona == *persona)
            .collect()
    }
}

/// Whether the array lets that system in: the persona's name, and what binds it to one server.
fn is_admitted(
    iron: &Iron,
    volumes: &BTreeMap<VolumeName, Admissions>,
    server: &ServerName,
    system: &System,
) -> bool {
    let initiator = &iron.site.personas[&system.persona].persona.initiator;
    volumes[iron.image(&system.persona)]
        .admitted
        .iter()
        .any(|admission| {
            let by_address = admission.addresses.contains(&iron.address(server));
            let by_secret =
                admission.server == *server && admission.generation == system.generation;
            admission.initiator == *initiator
                && (by_address || !iron.traits.binds_by_address)
                && (by_secret || !iron.traits.binds_by_secret)
        })
}

fn session_id(server: &ServerName, opened: Time) -> SessionId {
    SessionId::new(format!("{server} since {opened}"))
}

/// How long a tick is: nothing in the model is shorter.
pub(crate) const TICK: Duration = Duration::from_secs(5);
