//! What never moves: the site and the handles on its devices.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use coldspare::site::{ExternalRole, Site, SitePersona, WorkloadKind};
use coldspare_exchange::DagName;
use coldspare_exchange::memory::SimulatedCluster;
use coldspare_names::{ArrayName, IscsiName, NetworkName, PersonaName, SwitchName, VolumeId};
use coldspare_network::memory::MemorySwitch;
use coldspare_network::{LogicalNetwork, NetworkKind};
use coldspare_san::SecretKey;
use coldspare_san::memory::MemoryArray;
use coldspare_store::MemoryStore;

use crate::Latency;

/// The iron.
pub(crate) struct Plant {
    pub(crate) site: Arc<Site>,
    pub(crate) latency: Latency,
    pub(crate) key: SecretKey,
    /// The controller's.
    pub(crate) store: MemoryStore,
    pub(crate) arrays: BTreeMap<ArrayName, MemoryArray>,
    /// Unmanaged ones that a NIC is cabled to included.
    pub(crate) switches: BTreeMap<SwitchName, MemorySwitch>,
    pub(crate) clusters: BTreeMap<DagName, SimulatedCluster>,
    /// The volume behind each target.
    pub(crate) targets: BTreeMap<IscsiName, VolumeId>,
    /// Whose each volume is.
    pub(crate) owners: BTreeMap<VolumeId, PersonaName>,
    pub(crate) control: Option<LogicalNetwork>,
}

impl Plant {
    pub(crate) fn persona(&self, name: &PersonaName) -> Option<&SitePersona> {
        self.site.personas.get(name)
    }

    /// The network on which members of groups and clients meet: the one with the domain
    /// controllers; else the one of that name; else any.
    pub(crate) fn mapi(&self) -> Option<NetworkName> {
        let externals = self.site.externals.values();
        let controllers = externals.filter(|it| it.role == ExternalRole::DomainController);
        let named = |name: &str| self.applications().find(|network| network.as_str() == name);
        let of_persona = || {
            let mut personas = self.site.personas.values();
            let controller = personas.find(|it| it.workload == WorkloadKind::DomainController)?;
            let network = controller.connections.connections.first()?;
            Some(network.network.clone())
        };
        let mut external = controllers.map(|it| it.network.clone());
        let known = external
            .next()
            .or_else(of_persona)
            .or_else(|| named("mapi"));
        known.or_else(|| self.applications().next())
    }

    /// The network over which logs are shipped.
    pub(crate) fn replication(&self) -> Option<NetworkName> {
        let mapi = self.mapi();
        let mut others = self
            .applications()
            .filter(|network| Some(network) != mapi.as_ref());
        let named = others
            .clone()
            .find(|network| network.as_str() == "replication");
        named.or_else(|| others.next()).or(mapi.clone())
    }

    /// The network that an address belongs to.
    pub(crate) fn network_of(&self, address: IpAddr) -> Option<&LogicalNetwork> {
        let IpAddr::V4(address) = address else {
            return None;
        };
        self.site
            .networks
            .iter()
            .find(|network| network.subnet.contains(&address))
    }

    fn applications(&self) -> impl Iterator<Item = NetworkName> + Clone {
        let networks: Vec<_> = self
            .site
            .networks
            .iter()
            .filter(|network| network.kind == NetworkKind::Application)
            .map(|network| network.name.clone())
            .collect();
        networks.into_iter()
    }
}
