//! The life of one server, from its mains to the operating system that runs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use coldspare_bmc::{BootSource, Faults, IscsiBoot, MemoryBmc, PowerState};
use coldspare_names::{Channel, ServerName, Time, VolumeId};
use coldspare_network::memory::MemoryGuest;
use coldspare_network::{Cable, GuestPlan, Link, Nic, guest_plan};
use coldspare_san::SessionId;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::{Plant, System};
use crate::fault::Reads;

/// A server, its cables, and what is broken about it.
pub(crate) struct Machine {
    pub(crate) name: ServerName,
    pub(crate) bmc: MemoryBmc,
    pub(crate) cables: BTreeMap<Channel, Cable>,
    /// The addresses of its SAN ports, in their order.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) broken: Broken,
    pub(crate) stage: Stage,
    /// When it does its next bit.
    pub(crate) due: Option<Time>,
    /// Sessions that it has left behind, for the arrays to notice.
    pub(crate) left: Vec<(VolumeId, SessionId)>,
    pub(crate) random: ChaCha8Rng,
}

/// What is broken about a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each breaks by itself")]
pub(crate) struct Broken {
    pub(crate) power: bool,
    pub(crate) feed: bool,
    pub(crate) bmc: bool,
    pub(crate) reads: Option<Reads>,
    pub(crate) nics: BTreeSet<Channel>,
    pub(crate) cables: BTreeSet<Channel>,
    /// By their position, from 1.
    pub(crate) san_ports: BTreeSet<usize>,
    pub(crate) boot: bool,
    pub(crate) frozen: bool,
}

/// How far a server has come.
pub(crate) enum Stage {
    /// Without power.
    Off,
    /// The firmware tests the hardware.
    SelfTest,
    /// The firmware tries to log in to its boot target.
    LoggingIn { boot: IscsiBoot, until: Time },
    /// An operating system boots or runs.
    Running(Box<System>),
    /// It has power, and nothing to boot.
    Halted,
}

impl Machine {
    /// Whether the electricity reaches it.
    pub(crate) fn has_power(&self) -> bool {
        matches!(
            *self.bmc.power().borrow(),
            PowerState::On | PowerState::PoweringOff
        )
    }

    pub(crate) fn system(&self) -> Option<&System> {
        match &self.stage {
            Stage::Running(system) => Some(system),
            _ => None,
        }
    }

    pub(crate) fn system_mut(&mut self) -> Option<&mut System> {
        match &mut self.stage {
            Stage::Running(system) => Some(system),
            _ => None,
        }
    }

    /// The operating system, if it runs and is not frozen.
    pub(crate) fn awake(&self) -> Option<&System> {
        self.system()
            .filter(|system| system.up && !self.broken.frozen)
    }

    /// Whether NIC and cable of a channel are whole.
    pub(crate) fn is_whole(&self, channel: Channel) -> bool {
        !self.broken.nics.contains(&channel) && !self.broken.cables.contains(&channel)
    }

    /// The addresses of the SAN ports that work.
    pub(crate) fn reachable(&self) -> Vec<IpAddr> {
        let ports = self.addresses.iter().enumerate();
        let whole = ports.filter(|(port, _)| !self.broken.san_ports.contains(&(port + 1)));
        whole.map(|(_, address)| *address).collect()
    }

    /// Its power has been switched, by whomever.
    pub(crate) fn follow_power(&mut self, plant: &Plant, now: Time) {
        let (on, is_off) = (self.has_power(), matches!(self.stage, Stage::Off));
        if !on && !is_off {
            if let Stage::Running(system) = std::mem::replace(&mut self.stage, Stage::Off) {
                let disks = system.disks.into_iter();
                self.left
                    .extend(disks.filter_map(|(volume, disk)| Some((volume, disk?))));
            }
            self.broken.frozen = false;
            self.due = None;
            self.show_faults(plant);
        }
        if on && is_off {
            self.stage = Stage::SelfTest;
            self.due = Some(now + self.vary(plant.latency.post, plant));
        }
        let leaves = *self.bmc.power().borrow() == PowerState::PoweringOff;
        if let Some(system) = self
            .system_mut()
            .filter(|it| leaves && it.leaving.is_none())
        {
            // The management controller asked, and turns the machine off when it is over.
            system.leaving = Some(Time::NEVER);
        }
    }

    /// Does its next bit. Whether anything happened that others may notice.
    pub(crate) fn step(&mut self, plant: &Plant, now: Time, boots: &mut u64) -> bool {
        self.due = None;
        if self.broken.frozen {
            return false;
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Halted);
        match stage {
            Stage::SelfTest => {
                if let BootSource::Iscsi(boot) = self.bmc.remembered_boot()
                    && !self.broken.boot
                {
                    let until = now + plant.latency.login_limit;
                    self.log_in(plant, boot, until, now, boots);
                }
            }
            Stage::LoggingIn { boot, until } => self.log_in(plant, boot, until, now, boots),
            Stage::Running(mut system) => {
                let changed = self.run(plant, &mut system, now);
                self.stage = Stage::Running(system);
                return changed;
            }
            Stage::Off | Stage::Halted => {
                self.stage = stage;
                return false;
            }
        }
        true
    }

    fn log_in(&mut self, plant: &Plant, boot: IscsiBoot, until: Time, now: Time, boots: &mut u64) {
        let target = plant.targets.get(&boot.target);
        let image = target.and_then(|volume| Some((volume, plant.owners.get(volume)?)));
        let from = self.reachable();
        let session = image.and_then(|(volume, persona)| {
            let session = System::log_in(plant, &boot, volume, &from, now)?;
            Some((volume.clone(), persona.clone(), session))
        });
        let Some((image, persona, session)) = session else {
            if now < until {
                self.due = Some(now + plant.latency.login_retry);
                self.stage = Stage::LoggingIn { boot, until };
            }
            return;
        };
        *boots += 1;
        self.stage = Stage::Running(Box::new(System {
            guest: MemoryGuest::new(persona.clone(), []),
            persona,
            boot,
            disks: BTreeMap::from([(image.clone(), Some(session))]),
            image,
            ready: now + self.vary(plant.latency.boot, plant),
            up: false,
            number: *boots,
            pulse: None,
            told_by: 0,
            cut_off: BTreeMap::new(),
            wrote: None,
            writes: true,
            agent_hangs: false,
            leaving: None,
            retry: now,
        }));
        self.due = Some(now);
    }

    /// One period of an operating system: it writes its disks, and perhaps gets ready.
    fn run(&mut self, plant: &Plant, system: &mut System, now: Time) -> bool {
        let before = (
            system.writes,
            system.up,
            system.disks.values().flatten().count(),
        );
        if system.leaving.is_some_and(|leaving| leaving <= now) {
            self.bmc.turn_off_by_hand();
            return true;
        }
        let left = system.write(plant, &self.reachable(), now);
        let replaced = !left.is_empty();
        self.left.extend(left);
        if !system.up && system.ready <= now && system.disks.values().all(Option::is_some) {
            system.up = true;
            let of = plant.persona(&system.persona);
            for volume in of.into_iter().flat_map(|of| &of.persona.data) {
                system.disks.insert(volume.clone(), None);
            }
            system.write(plant, &self.reachable(), now);
            self.show_faults(plant);
        }
        let next = now + plant.site.heartbeat.period;
        let soon = [Some(system.ready).filter(|_| !system.up), system.leaving];
        let soon = soon.into_iter().flatten().filter(|at| *at > now).min();
        self.due = Some(soon.map_or(next, |soon| soon.min(next)));
        replaced
            || before
                != (
                    system.writes,
                    system.up,
                    system.disks.values().flatten().count(),
                )
    }

    /// Its NICs as an operating system sees them.
    pub(crate) fn nics(&self, powered: impl Fn(&Cable) -> bool) -> Vec<Nic> {
        let nic = |(channel, cable): (&Channel, &Cable)| Nic {
            mac: cable.mac,
            link: if self.is_whole(*channel) && powered(cable) {
                Link::Up
            } else {
                Link::Down
            },
        };
        self.cables.iter().map(nic).collect()
    }

    /// How a persona that brings its own network setup sets itself up here.
    pub(crate) fn own_setup(&self, plant: &Plant, system: &System) -> GuestPlan {
        let of = plant.persona(&system.persona);
        let cabling = plant.site.cabling(&self.name);
        of.and_then(|of| guest_plan(&of.connections, &plant.site.networks, &cabling).ok())
            .unwrap_or_default()
    }

    /// Shows its management controller what is broken.
    pub(crate) fn show_faults(&self, plant: &Plant) {
        let latency = &plant.latency;
        let runs = matches!(&self.stage, Stage::Running(system) if system.up);
        self.bmc.set_faults(Faults {
            answer_after: latency.bmc_call,
            off_takes: latency.power_off,
            shut_down_takes: latency.shut_down,
            silent: self.broken.bmc,
            reads: self.broken.reads.map(|reads| match reads {
                Reads::On => PowerState::On,
                Reads::Off => PowerState::Off,
            }),
            frozen: self.broken.frozen || !runs,
            ..Faults::default()
        });
    }

    fn vary(&mut self, length: Duration, plant: &Plant) -> Duration {
        let variation = plant.latency.variation;
        let percent = 100 - variation + self.random.next_u64() % (2 * variation + 1);
        length * u32::try_from(percent).unwrap_or(100) / 100
    }
}
