//! A site as it runs before anything breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coldspare::Clock;
use coldspare::site::{Site, SiteArray, SiteServer};
use coldspare_bmc::{Bmc, BootSource, Chap, Identity, IscsiBoot, MemoryBmc, RestorePolicy};
use coldspare_exchange::memory::{LoadProfile, Settings, SimulatedCluster};
use coldspare_names::{Generation, PersonaName, PortName, ServerName, SwitchName, VolumeId};
use coldspare_network::memory::{MemoryGuest, MemorySwitch};
use coldspare_network::{Observed, guest_plan, port_plan, wire};
use coldspare_san::memory::{MemoryArray, Traps};
use coldspare_san::{Admission, Array, SecretKey, admit, chap};
use coldspare_store::MemoryStore;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::machine::Broken;
use super::{Machine, Plant, Stage, State, System, World};
use crate::Latency;

/// Why a site cannot be built in memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The SAN does not take what the site says of it.
    #[error("the SAN cannot be as the site says")]
    San(#[from] coldspare_san::Error),
    /// The LAN does not take what the site says of it.
    #[error("the LAN cannot be as the site says")]
    Network(#[from] coldspare_network::Error),
    /// A persona does not fit on its server's networks.
    #[error("a persona cannot be where the site says")]
    Unplugged(#[from] coldspare_network::Problem),
    /// A management controller does not take what it is told.
    #[error("a management controller cannot be as the site says")]
    Bmc(#[from] coldspare_bmc::Error),
    /// A database availability group cannot be.
    #[error("a group cannot be as the site says")]
    Exchange(#[from] coldspare_exchange::Error),
    /// A secret that no firmware takes.
    #[error("a secret cannot be kept by firmware")]
    Secret(#[from] coldspare_bmc::ChapError),
    /// The heartbeat profile contradicts itself.
    #[error("the site's heartbeat limits contradict one another")]
    Heartbeat(#[from] coldspare_heartbeat::Error),
    /// No runtime can be started to simulate on.
    #[error("no runtime can be started")]
    Runtime(#[from] std::io::Error),
}

/// The generation under which personas run before anything breaks.
const FIRST: Generation = Generation::new(1);

impl World {
    /// The site as it runs: each persona on the server that is its home, under generation 1, and
    /// every other server off and clean; whatever drives its devices, here they are in memory, and
    /// its arrays have the traits of the real ones. Must be called inside a runtime, whose clock it goes by.
    pub async fn running(
        site: &Site,
        latency: Latency,
        seed: u64,
        clock: Clock,
    ) -> Result<Self, Error> {
        let mut key = [0; 32];
        stream(seed, "site key").fill_bytes(&mut key);
        let mut plant = Plant {
            site: Arc::new(site.clone()),
            key: SecretKey::new(key),
            store: store(&latency),
            arrays: BTreeMap::new(),
            switches: switches(site),
            clusters: clusters(site, &latency, clock)?,
            targets: BTreeMap::new(),
            owners: site.owners(),
            control: site.system_control().cloned(),
            latency,
        };
        for (name, of) in &site.arrays {
            let (portals, traits) = (of.portals.clone(), of.driver.traits());
            let array = MemoryArray::new(name.clone(), portals, plant.key.clone(), traits);
            fill(&array, of, &mut plant).await?;
            plant.arrays.insert(name.clone(), array);
        }
        let mut machines = BTreeMap::new();
        for (name, of) in &site.servers {
            machines.insert(name.clone(), machine(&plant, name, of, seed).await?);
        }
        let mut state = State {
            machines,
            controller_linked: true,
            own_links: true,
            ..State::default()
        };
        for (name, of) in &site.personas {
            if let Some(home) = &of.home {
                bring_up(&plant, &mut state, name, home, clock).await?;
            }
        }
        for array in plant.arrays.values() {
            array.set_traps(Traps {
                latency: plant.latency.array_call,
                ..Traps::default()
            });
        }
        for switch in plant.switches.values() {
            switch.set_latency(plant.latency.switch_call);
        }
        for machine in state.machines.values() {
            machine.show_faults(&plant);
        }
        Ok(Self::new(plant, state, clock))
    }
}

/// One stream of randomness for each entity: what one draws changes nothing for another.
pub(crate) fn stream(seed: u64, entity: &str) -> ChaCha8Rng {
    // FNV-1a: any spread will do, as long as it is the same everywhere.
    let spread = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let number = entity.bytes().fold(0xcbf2_9ce4_8422_2325, spread);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

fn store(latency: &Latency) -> MemoryStore {
    let store = MemoryStore::new();
    store.set_faults(coldspare_store::Faults {
        answer_after: latency.store_call,
        ..coldspare_store::Faults::default()
    });
    store
}

fn switches(site: &Site) -> BTreeMap<SwitchName, MemorySwitch> {
    let mut ports: BTreeMap<&SwitchName, BTreeSet<&PortName>> = BTreeMap::new();
    for nic in site.servers.values().flat_map(|of| of.server.nics.values()) {
        ports
            .entry(&nic.cable.switch)
            .or_default()
            .insert(&nic.cable.port);
    }
    let built = ports.into_iter().map(|(name, ports)| {
        let ports = ports.into_iter().cloned();
        let switch = if site.manages(name) {
            MemorySwitch::new(name.clone(), ports)
        } else {
            // Set by hand, once and for all.
            let any = || Observed::Foreign("set by hand".to_owned());
            let bare = MemorySwitch::new(name.clone(), []);
            ports.fold(bare, |switch, port| switch.with_unmanaged(port, any()))
        };
        (name.clone(), switch)
    });
    built.collect()
}

fn clusters(
    site: &Site,
    latency: &Latency,
    clock: Clock,
) -> Result<BTreeMap<coldspare_exchange::DagName, SimulatedCluster>, Error> {
    let settings = Settings {
        detection: latency.node_detection,
        mounting: latency.mount,
        services_start: latency.services,
        replay_rate: latency.replay_rate,
        ..Settings::default()
    };
    let mut clusters = BTreeMap::new();
    for (name, of) in &site.dags {
        let cluster = SimulatedCluster::new(of.dag.clone(), settings.clone(), clock.now())?;
        for database in of.dag.databases.keys() {
            cluster.set_load(database, LoadProfile::steady(latency.logs))?;
        }
        clusters.insert(name.clone(), cluster);
    }
    Ok(clusters)
}

async fn fill(array: &MemoryArray, of: &SiteArray, plant: &mut Plant) -> Result<(), Error> {
    for spec in of.volumes.values() {
        let made = array.create(spec).await?;
        let volume = VolumeId {
            array: array.name().clone(),
            volume: made.name,
        };
        plant.targets.insert(made.target, volume);
    }
    Ok(())
}

async fn machine(
    plant: &Plant,
    name: &ServerName,
    of: &SiteServer,
    seed: u64,
) -> Result<Machine, Error> {
    let identity = plant.site.identity(name);
    let identity = identity.unwrap_or_else(|| Identity::of_uuid(of.server.identity.uuid));
    let bmc = MemoryBmc::new(name.clone(), identity);
    bmc.set_restore_policy(RestorePolicy::AlwaysOff).await?;
    let cabling = plant.site.cabling(name);
    Ok(Machine {
        name: name.clone(),
        bmc,
        cables: cabling
            .iter()
            .map(|(channel, cable)| (channel, cable.clone()))
            .collect(),
        addresses: of
            .server
            .san_ports
            .iter()
            .map(|port| port.address)
            .collect(),
        broken: Broken::default(),
        stage: Stage::Off,
        due: None,
        left: Vec::new(),
        random: stream(seed, name.as_str()),
    })
}

/// Brings a persona to life on its home, as if it had been there for long.
async fn bring_up(
    plant: &Plant,
    state: &mut State,
    persona: &PersonaName,
    home: &ServerName,
    clock: Clock,
) -> Result<(), Error> {
    let Some(of) = plant.persona(persona) else {
        return Ok(());
    };
    let initiator = of.persona.initiator.clone();
    let admission = Admission {
        initiator: initiator.clone(),
        server: home.clone(),
        generation: FIRST,
        addresses: plant.site.san_addresses(home),
    };
    for volume in plant.site.volumes_of(persona) {
        if let Some(array) = plant.arrays.get(&volume.array) {
            admit(array, &volume.volume, &admission).await?;
        }
    }
    let cabling = plant.site.cabling(home);
    let ports = port_plan(&of.connections, &plant.site.networks, &cabling)?;
    for (name, ports) in ports
        .switches()
        .filter(|(name, _)| plant.site.manages(name))
    {
        wire(&plant.switches[name], ports).await?;
    }

    let secret = chap(&plant.key, &initiator, home, FIRST);
    let image = of.persona.image.clone();
    let boot = IscsiBoot {
        initiator,
        initiator_addresses: plant.site.san_networks(home),
        target: target_of(plant, &image),
        portals: plant.site.arrays[&image.array]
            .portals
            .iter()
            .map(|at| at.address())
            .collect(),
        lun: 0,
        chap: Some(Chap::new(secret.user, secret.secret)?),
        generation: FIRST,
    };
    let setup = guest_plan(&of.connections, &plant.site.networks, &cabling)?;
    state.setups.insert(persona.clone(), setup);
    state.boots += 1;
    let Some(machine) = state.machines.get_mut(home) else {
        return Ok(());
    };
    machine
        .bmc
        .set_boot(&BootSource::Iscsi(boot.clone()))
        .await?;
    machine
        .bmc
        .set_restore_policy(RestorePolicy::LastState)
        .await?;
    machine.bmc.turn_on_by_hand();
    let now = clock.now();
    let mut system = System {
        persona: persona.clone(),
        boot,
        disks: plant
            .site
            .volumes_of(persona)
            .into_iter()
            .map(|volume| (volume, None))
            .collect(),
        image,
        guest: MemoryGuest::new(persona.clone(), []),
        ready: now,
        up: true,
        number: state.boots,
        pulse: None,
        told_by: 0,
        cut_off: BTreeMap::new(),
        wrote: None,
        writes: true,
        agent_hangs: false,
        leaving: None,
        retry: now,
    };
    system.write(plant, &machine.reachable(), now);
    machine.stage = Stage::Running(Box::new(system));
    // Servers were not started all at the same moment.
    let period = u64::try_from(plant.site.heartbeat.period.as_millis()).unwrap_or(u64::MAX);
    let phase = machine.random.next_u64() % period.max(1);
    machine.due = Some(now + std::time::Duration::from_millis(phase));
    state.set_up_network(plant, home);
    Ok(())
}

fn target_of(plant: &Plant, volume: &VolumeId) -> coldspare_names::IscsiName {
    let found = plant.targets.iter().find(|(_, of)| *of == volume);
    found
        .map(|(target, _)| target.clone())
        .expect("every volume of the site was created")
}
