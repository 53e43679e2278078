//! What follows from a site by joining its names: the layers hold names only, and only here are
//! they followed from one layer to another.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use coldspare_bmc::Identity;
use coldspare_names::{PersonaName, ServerName, SwitchName, VolumeId};
use coldspare_network::{Cabling, LogicalNetwork, NetworkKind};
use coldspare_persona::PoolPolicy;
use ipnet::IpNet;

use crate::site::Site;

impl Site {
    /// The policy of a server's pool.
    pub fn policy_of(&self, server: &ServerName) -> Option<&PoolPolicy> {
        let pool = &self.servers.get(server)?.server.pool;
        self.pools.get(pool).map(|pool| &pool.policy)
    }

    /// By what a server's management controller must show that it manages this very machine.
    pub fn identity(&self, server: &ServerName) -> Option<Identity> {
        let identity = &self.servers.get(server)?.server.identity;
        let serial = identity
            .serial
            .as_ref()
            .map(coldspare_persona::Label::as_str);
        Some(Identity::new(Some(identity.uuid), serial))
    }

    /// Which NIC of a server ends on which port.
    pub fn cabling(&self, server: &ServerName) -> Cabling {
        let cabling = self
            .servers
            .get(server)
            .map(crate::site::SiteServer::cabling);
        // A site file with a port twice is refused, so that this one has none.
        cabling.and_then(Result::ok).unwrap_or_default()
    }

    /// Whether a switch is managed: others are never touched.
    pub fn manages(&self, switch: &SwitchName) -> bool {
        self.switches
            .get(switch)
            .is_some_and(crate::site::SiteSwitch::is_managed)
    }

    /// The fixed addresses of a server's SAN ports.
    pub fn san_addresses(&self, server: &ServerName) -> BTreeSet<IpAddr> {
        let ports = self.servers.get(server).map(|of| &of.server.san_ports);
        ports
            .into_iter()
            .flat_map(coldspare_persona::SanPorts::iter)
            .map(|port| port.address)
            .collect()
    }

    /// The same with the prefix of the SAN.
    pub fn san_networks(&self, server: &ServerName) -> Vec<IpNet> {
        let prefix = self.san_subnet.prefix_len();
        let addresses = self.san_addresses(server).into_iter();
        addresses
            .filter_map(|address| IpNet::new(address, prefix).ok())
            .collect()
    }

    /// A persona's image and data volumes.
    pub fn volumes_of(&self, persona: &PersonaName) -> Vec<VolumeId> {
        let Some(of) = self.personas.get(persona) else {
            return Vec::new();
        };
        std::iter::once(&of.persona.image)
            .chain(&of.persona.data)
            .cloned()
            .collect()
    }

    /// The system control network.
    pub fn system_control(&self) -> Option<&LogicalNetwork> {
        self.networks
            .iter()
            .find(|network| network.kind == NetworkKind::SystemControl)
    }

    /// Which persona a volume belongs to.
    pub fn owners(&self) -> BTreeMap<VolumeId, PersonaName> {
        let personas = self.personas.keys();
        let volumes = personas.flat_map(|name| {
            self.volumes_of(name)
                .into_iter()
                .map(move |volume| (volume, name.clone()))
        });
        volumes.collect()
    }
}
