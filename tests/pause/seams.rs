//! The devices and the store as a controller behind a gate reaches them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare::{Devices, Handle, Pinger, Prober, Progress, Workload, WorkloadError};
use coldspare_bmc::{self as bmc, Bmc};
use coldspare_heartbeat::Path;
use coldspare_names::{ArrayName, PersonaName, PortName, ServerName, SwitchName, VolumeName};
use coldspare_network::{self as network, Guest, Switch};
use coldspare_san::{self as san, Array};
use coldspare_sim::World;
use coldspare_store::{
    Entry, Error, Key, Listing, Outcome, Prefix, Put, Revision, Store, Txn, Watch,
};
use tokio::sync::watch;

use crate::gate::{Gate, Kind};
use crate::scene::worn;

/// Something beyond the gate.
#[derive(Debug)]
pub(crate) struct Beyond<T: ?Sized> {
    real: Arc<T>,
    gate: Arc<Gate>,
}

/// The devices of a world, beyond a controller's gate.
pub(crate) fn beyond(
    gate: &Arc<Gate>,
    world: &World,
    controller: &watch::Receiver<Option<Handle>>,
) -> Devices {
    let devices = world.devices();
    let agent = |(name, real)| {
        let agent = Agent {
            real,
            gate: gate.clone(),
            world: world.clone(),
            controller: controller.clone(),
        };
        (name, Arc::new(agent) as Arc<dyn Guest>)
    };
    macro_rules! each {
        ($devices:expr => $seam:ty) => {
            $devices
                .into_iter()
                .map(|(name, real)| {
                    let gate = gate.clone();
                    (name, Arc::new(Beyond { real, gate }) as Arc<$seam>)
                })
                .collect()
        };
    }
    Devices {
        bmcs: each!(devices.bmcs => dyn Bmc),
        switches: each!(devices.switches => dyn Switch),
        arrays: each!(devices.arrays => dyn Array),
        guests: devices.guests.into_iter().map(agent).collect(),
        workloads: each!(devices.workloads => dyn Workload),
        // Only looked at, to tell how a group is.
        groups: devices.groups,
        san_key: devices.san_key,
        prober: Arc::new(Beyond {
            real: devices.prober,
            gate: gate.clone(),
        }),
        pinger: Arc::new(Beyond {
            real: devices.pinger,
            gate: gate.clone(),
        }),
    }
}

/// Makes a call through the gate, with arguments of its own: it goes on without its caller.
macro_rules! through {
    ($self:ident, $kind:ident, $verb:ident($($argument:ident),*)) => {{
        let real = $self.real.clone();
        $(let $argument = $argument.to_owned();)*
        $self.gate.call(Kind::$kind, async move { real.$verb($(&$argument),*).await }).await
    }};
}

#[async_trait]
impl Bmc for Beyond<dyn Bmc> {
    async fn read(&self) -> Result<bmc::Reading, bmc::Error> {
        through!(self, Looks, read())
    }

    async fn set_power(&self, command: bmc::PowerCommand) -> Result<(), bmc::Error> {
        let real = self.real.clone();
        let kind = match command {
            bmc::PowerCommand::On => Kind::Gives,
            bmc::PowerCommand::ForceOff | bmc::PowerCommand::ShutDown => Kind::Switches,
        };
        let call = async move { real.set_power(command).await };
        self.gate.call(kind, call).await
    }

    async fn settings(&self) -> Result<bmc::Settings, bmc::Error> {
        through!(self, Looks, settings())
    }

    async fn set_boot(&self, source: &bmc::BootSource) -> Result<(), bmc::Error> {
        through!(self, Switches, set_boot(source))
    }

    async fn set_restore_policy(&self, policy: bmc::RestorePolicy) -> Result<(), bmc::Error> {
        let real = self.real.clone();
        let call = async move { real.set_restore_policy(policy).await };
        self.gate.call(Kind::Switches, call).await
    }

    async fn inventory(&self) -> Result<bmc::Inventory, bmc::Error> {
        through!(self, Looks, inventory())
    }
}

#[async_trait]
impl Switch for Beyond<dyn Switch> {
    fn name(&self) -> &SwitchName {
        self.real.name()
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, network::PortStatus>, network::Error> {
        through!(self, Looks, ports())
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, network::Observed>,
        wanted: &network::SwitchPlan,
    ) -> Result<(), network::Error> {
        through!(self, Changes, set_ports(expected, wanted))
    }
}

/// A persona's agent, beyond the gate. It takes calls only of a controller that expects its
/// generation: of another one it does not have the key.
#[derive(Debug)]
struct Agent {
    real: Arc<dyn Guest>,
    gate: Arc<Gate>,
    world: World,
    controller: watch::Receiver<Option<Handle>>,
}

impl Agent {
    async fn call<T: Send + 'static>(
        &self,
        kind: Kind,
        call: impl Future<Output = Result<T, network::Error>> + Send + 'static,
    ) -> Result<T, network::Error> {
        let (persona, world) = (self.real.persona().clone(), self.world.clone());
        let roster = self.controller.borrow().as_ref().map(Handle::expected);
        let call = async move {
            let worn = worn(&world);
            let mut expected = roster.iter().flat_map(|roster| roster.borrow().clone());
            let is_known = expected.any(|(server, expected)| {
                worn.get(&server).is_some_and(|worn| {
                    worn.persona == persona && worn.generation == expected.generation
                })
            });
            if is_known {
                return call.await;
            }
            Err(network::Error::GuestSilent {
                persona,
                source: None,
            })
        };
        self.gate.call(kind, call).await
    }
}

#[async_trait]
impl Guest for Agent {
    fn persona(&self) -> &PersonaName {
        self.real.persona()
    }

    async fn interfaces(&self) -> Result<network::Interfaces, network::Error> {
        let real = self.real.clone();
        self.call(Kind::Looks, async move { real.interfaces().await })
            .await
    }

    async fn set_plan(&self, plan: &network::GuestPlan) -> Result<(), network::Error> {
        let (real, plan) = (self.real.clone(), plan.clone());
        self.call(Kind::Changes, async move { real.set_plan(&plan).await })
            .await
    }

    async fn shut_down(&self) -> Result<(), network::Error> {
        let real = self.real.clone();
        self.call(Kind::Changes, async move { real.shut_down().await })
            .await
    }
}

#[async_trait]
impl Workload for Beyond<dyn Workload> {
    async fn leave(&self) -> Result<Progress, WorkloadError> {
        through!(self, Drains, leave())
    }

    async fn ready(&self) -> Result<Progress, WorkloadError> {
        through!(self, Looks, ready())
    }

    async fn rejoin(&self) -> Result<Progress, WorkloadError> {
        through!(self, Changes, rejoin())
    }

    async fn rebalance(&self) -> Result<Progress, WorkloadError> {
        through!(self, Changes, rebalance())
    }
}

impl Prober for Beyond<dyn Prober> {
    fn probe(&self, server: &ServerName, path: Path) {
        let (real, gate, server) = (self.real.clone(), self.gate.clone(), server.clone());
        let probe = async move { real.probe(&server, path) };
        tokio::spawn(async move { gate.call(Kind::Looks, probe).await });
    }
}

#[async_trait]
impl Pinger for Beyond<dyn Pinger> {
    async fn answers(&self, address: IpAddr) -> bool {
        let real = self.real.clone();
        let call = async move { real.answers(address).await };
        self.gate.call(Kind::Looks, call).await
    }
}

#[async_trait]
impl Array for Beyond<dyn Array> {
    fn name(&self) -> &ArrayName {
        self.real.name()
    }

    fn traits(&self) -> san::ArrayTraits {
        self.real.traits()
    }

    async fn portals(&self) -> Result<Vec<san::Portal>, san::Error> {
        through!(self, Looks, portals())
    }

    async fn volumes(&self) -> Result<Vec<san::Volume>, san::Error> {
        through!(self, Looks, volumes())
    }

    async fn create(&self, spec: &san::VolumeSpec) -> Result<san::Volume, san::Error> {
        through!(self, Changes, create(spec))
    }

    // No controller copies volumes: these three go straight through.

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: san::Progress<'_>,
    ) -> Result<san::Volume, san::Error> {
        self.real.clone_volume(source, clone, progress).await
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: san::Progress<'_>,
    ) -> Result<san::Volume, san::Error> {
        self.real.snapshot(volume, snapshot, progress).await
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: san::Progress<'_>,
    ) -> Result<(), san::Error> {
        self.real.restore(volume, snapshot, progress).await
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), san::Error> {
        through!(self, Changes, delete(volume))
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, san::Admissions>, san::Error> {
        through!(self, Looks, admissions())
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &san::Admissions,
        wanted: &san::Admissions,
    ) -> Result<(), san::Error> {
        if wanted.admitted.is_subset(&expected.admitted) {
            through!(self, Changes, set_admissions(volume, expected, wanted))
        } else {
            through!(self, Gives, set_admissions(volume, expected, wanted))
        }
    }

    async fn sessions(&self) -> Result<Vec<san::Session>, san::Error> {
        through!(self, Looks, sessions())
    }

    async fn drop_sessions(&self, sessions: &[san::SessionId]) -> Result<(), san::Error> {
        through!(self, Changes, drop_sessions(sessions))
    }
}

/// The store, beyond the gate.
#[derive(Debug)]
pub(crate) struct StoreBeyond {
    pub(crate) real: Arc<dyn Store>,
    pub(crate) gate: Arc<Gate>,
    /// What commits expect of the term is left out: a safeguard less.
    pub(crate) forgets_the_term: bool,
}

#[async_trait]
impl Store for StoreBeyond {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        self.gate.read(self.real.get(key)).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        self.gate.read(self.real.list(prefix)).await
    }

    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
        let (real, gate) = (self.real.clone(), self.gate.clone());
        let txn = if self.forgets_the_term {
            without_term(txn)
        } else {
            txn.clone()
        };
        let call = async move {
            let outcome = real.commit(&txn).await;
            if matches!(outcome, Ok(Outcome::Committed(_))) {
                gate.committed();
            }
            outcome
        };
        self.gate.call(Kind::Records, call).await
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
        self.real.watch(prefix, after).await
    }
}

fn without_term(txn: &Txn) -> Txn {
    let expectations = txn.expectations().iter();
    let kept = expectations.filter(|(key, _)| !key.as_str().starts_with("leadership/"));
    let mut bare = Txn::new();
    for (key, expected) in kept {
        bare = bare.expect(key.clone(), *expected);
    }
    for (key, put) in txn.changes() {
        bare = match put {
            Put::Value(value) => bare.put(key.clone(), value.clone()),
            Put::Delete => bare.delete(key.clone()),
        };
    }
    bare
}
