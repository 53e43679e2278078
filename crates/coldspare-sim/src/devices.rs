//! The controller's end of every device: what it does is seen by the world, and nothing gets
//! through while its link is down.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare::site::WorkloadKind;
use coldspare::{DagMember, Devices, Pinger, Plain, Prober, Workload};
use coldspare_bmc::{self as bmc, Bmc, MemoryBmc};
use coldspare_exchange::memory::SimulatedCluster;
use coldspare_exchange::{self as exchange, DagControl, DagName};
use coldspare_heartbeat::Path;
use coldspare_names::{ArrayName, PersonaName, PortName, ServerName, SwitchName, VolumeName};
use coldspare_network::memory::{MemoryGuest, MemorySwitch};
use coldspare_network::{self as network, Guest, Switch};
use coldspare_san::memory::MemoryArray;
use coldspare_san::{self as san, Array};

use crate::World;

/// One device, as the controller reaches it.
#[derive(Debug, Clone)]
struct End<Name, Device> {
    name: Name,
    device: Device,
    world: World,
}

impl World {
    /// Handles on all devices, for a controller.
    pub fn devices(&self) -> Devices {
        let plant = self.plant();
        let site = &plant.site;
        let bmcs: Vec<_> = self
            .lock()
            .machines
            .iter()
            .map(|(name, of)| (name.clone(), of.bmc.clone()))
            .collect();
        let groups = plant.clusters.iter().map(|(name, cluster)| {
            let control: Arc<dyn DagControl> = Arc::new(self.end(name, cluster));
            (name.clone(), control)
        });
        let groups: BTreeMap<_, _> = groups.collect();
        let workload = |kind: &WorkloadKind| -> Arc<dyn Workload> {
            match kind {
                WorkloadKind::DagMember { dag, member } => Arc::new(DagMember::new(
                    groups[dag].clone(),
                    member.clone(),
                    site.redistribution,
                )),
                WorkloadKind::None | WorkloadKind::DomainController => Arc::new(Plain),
            }
        };
        let managed = plant.switches.iter().filter(|(name, _)| site.manages(name));
        let agents = site.personas.iter().filter(|(_, of)| of.persona.agent);
        Devices {
            bmcs: bmcs
                .into_iter()
                .map(|(name, bmc)| {
                    (
                        name.clone(),
                        Arc::new(self.end(&name, &bmc)) as Arc<dyn Bmc>,
                    )
                })
                .collect(),
            switches: managed
                .map(|(name, of)| {
                    (
                        name.clone(),
                        Arc::new(self.end(name, of)) as Arc<dyn Switch>,
                    )
                })
                .collect(),
            arrays: plant
                .arrays
                .iter()
                .map(|(name, of)| (name.clone(), Arc::new(self.end(name, of)) as Arc<dyn Array>))
                .collect(),
            guests: agents
                .map(|(name, _)| {
                    (
                        name.clone(),
                        Arc::new(self.end(name, &())) as Arc<dyn Guest>,
                    )
                })
                .collect(),
            workloads: site
                .personas
                .iter()
                .map(|(name, of)| (name.clone(), workload(&of.workload)))
                .collect(),
            groups,
            san_key: plant.key.clone(),
            prober: Arc::new(self.clone()),
            pinger: Arc::new(self.clone()),
        }
    }

    fn end<Name: Clone, Device: Clone>(&self, name: &Name, of: &Device) -> End<Name, Device> {
        End {
            name: name.clone(),
            device: of.clone(),
            world: self.clone(),
        }
    }
}

impl<Name: Sync, Device: Sync> End<Name, Device> {
    /// A call that changes nothing, and gets through while the controller's link is up.
    async fn ask<T, E>(
        &self,
        lost: impl FnOnce() -> E + Send,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if self.world.controller_is_linked() {
            call.await
        } else {
            Err(lost())
        }
    }

    /// The same for a call that changes something: it takes effect.
    async fn tell<T, E>(
        &self,
        lost: impl FnOnce() -> E + Send,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let answer = self.ask(lost, call).await;
        self.world.settle();
        answer
    }
}

impl End<ServerName, MemoryBmc> {
    fn lost(&self) -> bmc::Error {
        bmc::Error::NoAnswer {
            server: self.name.clone(),
            source: None,
        }
    }
}

#[async_trait]
impl Bmc for End<ServerName, MemoryBmc> {
    async fn read(&self) -> Result<bmc::Reading, bmc::Error> {
        self.ask(|| self.lost(), self.device.read()).await
    }

    async fn set_power(&self, command: bmc::PowerCommand) -> Result<(), bmc::Error> {
        self.tell(|| self.lost(), self.device.set_power(command))
            .await
    }

    async fn settings(&self) -> Result<bmc::Settings, bmc::Error> {
        self.ask(|| self.lost(), self.device.settings()).await
    }

    async fn set_boot(&self, source: &bmc::BootSource) -> Result<(), bmc::Error> {
        self.tell(|| self.lost(), self.device.set_boot(source))
            .await
    }

    async fn set_restore_policy(&self, policy: bmc::RestorePolicy) -> Result<(), bmc::Error> {
        self.tell(|| self.lost(), self.device.set_restore_policy(policy))
            .await
    }

    async fn inventory(&self) -> Result<bmc::Inventory, bmc::Error> {
        self.ask(|| self.lost(), self.device.inventory()).await
    }
}

impl End<SwitchName, MemorySwitch> {
    fn lost(&self) -> network::Error {
        network::Error::SwitchSilent {
            switch: self.name.clone(),
            source: None,
        }
    }
}

#[async_trait]
impl Switch for End<SwitchName, MemorySwitch> {
    fn name(&self) -> &SwitchName {
        &self.name
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, network::PortStatus>, network::Error> {
        self.ask(|| self.lost(), self.device.ports()).await
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, network::Observed>,
        wanted: &network::SwitchPlan,
    ) -> Result<(), network::Error> {
        self.tell(|| self.lost(), self.device.set_ports(expected, wanted))
            .await
    }
}

/// A persona's agent: reached on whichever server it runs.
impl End<PersonaName, ()> {
    fn lost(&self) -> network::Error {
        network::Error::GuestSilent {
            persona: self.name.clone(),
            source: None,
        }
    }

    /// Its agent where it runs now.
    fn agent(&self) -> Result<MemoryGuest, network::Error> {
        self.world.agent(&self.name).ok_or_else(|| self.lost())
    }
}

#[async_trait]
impl Guest for End<PersonaName, ()> {
    fn persona(&self) -> &PersonaName {
        &self.name
    }

    async fn interfaces(&self) -> Result<network::Interfaces, network::Error> {
        let guest = self.agent()?;
        self.ask(|| self.lost(), guest.interfaces()).await
    }

    async fn set_plan(&self, plan: &network::GuestPlan) -> Result<(), network::Error> {
        let guest = self.agent()?;
        self.tell(|| self.lost(), guest.set_plan(plan)).await
    }

    async fn shut_down(&self) -> Result<(), network::Error> {
        let guest = self.agent()?;
        self.tell(|| self.lost(), guest.shut_down()).await
    }
}

impl End<ArrayName, MemoryArray> {
    fn lost(&self) -> san::Error {
        san::Error::NoAnswer {
            array: self.name.clone(),
        }
    }
}

#[async_trait]
impl Array for End<ArrayName, MemoryArray> {
    fn name(&self) -> &ArrayName {
        &self.name
    }

    fn traits(&self) -> san::ArrayTraits {
        self.device.traits()
    }

    async fn portals(&self) -> Result<Vec<san::Portal>, san::Error> {
        self.ask(|| self.lost(), self.device.portals()).await
    }

    async fn volumes(&self) -> Result<Vec<san::Volume>, san::Error> {
        self.ask(|| self.lost(), self.device.volumes()).await
    }

    async fn create(&self, spec: &san::VolumeSpec) -> Result<san::Volume, san::Error> {
        self.tell(|| self.lost(), self.device.create(spec)).await
    }

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: san::Progress<'_>,
    ) -> Result<san::Volume, san::Error> {
        self.tell(
            || self.lost(),
            self.device.clone_volume(source, clone, progress),
        )
        .await
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: san::Progress<'_>,
    ) -> Result<san::Volume, san::Error> {
        self.tell(
            || self.lost(),
            self.device.snapshot(volume, snapshot, progress),
        )
        .await
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: san::Progress<'_>,
    ) -> Result<(), san::Error> {
        self.tell(
            || self.lost(),
            self.device.restore(volume, snapshot, progress),
        )
        .await
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), san::Error> {
        self.tell(|| self.lost(), self.device.delete(volume)).await
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, san::Admissions>, san::Error> {
        self.ask(|| self.lost(), self.device.admissions()).await
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &san::Admissions,
        wanted: &san::Admissions,
    ) -> Result<(), san::Error> {
        self.tell(
            || self.lost(),
            self.device.set_admissions(volume, expected, wanted),
        )
        .await
    }

    async fn sessions(&self) -> Result<Vec<san::Session>, san::Error> {
        self.ask(|| self.lost(), self.device.sessions()).await
    }

    async fn drop_sessions(&self, sessions: &[san::SessionId]) -> Result<(), san::Error> {
        self.tell(|| self.lost(), self.device.drop_sessions(sessions))
            .await
    }
}

impl End<DagName, SimulatedCluster> {
    fn lost(&self) -> exchange::Error {
        exchange::Error::Unreachable {
            dag: self.name.clone(),
            reason: "the controller is cut off".to_owned(),
            retry: true,
        }
    }

    /// The cluster, brought to the present: nothing else moves it while nothing happens in it.
    fn now(&self) -> &SimulatedCluster {
        self.device.advance(self.world.clock().now());
        &self.device
    }
}

#[async_trait]
impl DagControl for End<DagName, SimulatedCluster> {
    async fn dag(&self) -> Result<exchange::Dag, exchange::Error> {
        self.ask(|| self.lost(), self.now().dag()).await
    }

    async fn copies(&self) -> Result<Vec<exchange::CopyState>, exchange::Error> {
        self.ask(|| self.lost(), self.now().copies()).await
    }

    async fn services(
        &self,
        member: &exchange::MemberName,
    ) -> Result<exchange::MailboxServices, exchange::Error> {
        self.ask(|| self.lost(), self.now().services(member)).await
    }

    async fn act(&self, action: &exchange::Action) -> Result<exchange::Answer, exchange::Error> {
        self.tell(|| self.lost(), self.now().act(action)).await
    }
}

impl Prober for World {
    fn probe(&self, server: &ServerName, path: Path) {
        self.lock()
            .probe(self.plant(), server, path, self.clock().now());
    }
}

#[async_trait]
impl Pinger for World {
    async fn answers(&self, address: IpAddr) -> bool {
        self.lock().answers(self.plant(), address)
    }
}
