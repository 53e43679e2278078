//! What only the whole site can tell: what is there twice, what does not reach the other.
//!
//! The rules of networks are those of `coldspare-network`; here their findings get their place.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use coldspare_exchange::{DagName, WitnessName};
use coldspare_names::{ArrayName, NetworkName, PersonaName, ServerName, SwitchName, VolumeId};
use coldspare_network::{
    Assignment, Connection, Connections, LogicalNetwork, Mode, NetworkKind, Networks, Problem,
    validate,
};
use coldspare_persona::Label;
use ipnet::IpNet;

use super::error::KeyPath;
use super::persona::Membership;
use super::reader::Table;
use super::{
    External, ExternalRole, SiteArray, SiteDag, SitePersona, SiteServer, SiteSwitch, WorkloadKind,
};

/// Values that a site may use once, each with the key that used it first.
struct Once<'t, 'd, V> {
    top: &'t Table<'d>,
    used: BTreeMap<V, KeyPath>,
}

impl<'t, 'd, V: Ord + Display> Once<'t, 'd, V> {
    fn new(top: &'t Table<'d>) -> Self {
        let used = BTreeMap::new();
        Self { top, used }
    }

    fn used(&mut self, value: V, at: KeyPath) {
        match self.used.get(&value) {
            Some(first) => self
                .top
                .report_at(at, format!("{value} is already used at {first}")),
            None => drop(self.used.insert(value, at)),
        }
    }
}

fn path<const N: usize>(names: [&str; N]) -> KeyPath {
    let path = KeyPath::default();
    names.into_iter().fold(path, |path, name| path.then(name))
}

/// The group and the volumes of each persona that is a member of one.
pub(super) fn memberships(
    dags: &BTreeMap<DagName, SiteDag>,
    top: &Table<'_>,
) -> BTreeMap<PersonaName, Membership> {
    let mut memberships = BTreeMap::new();
    let mut once = Once::new(top);
    for (name, group) in dags {
        for (member, persona) in &group.personas {
            let at = path(["dags", name.as_str(), "members", member.as_str(), "persona"]);
            once.used(persona, at);
            let volumes = group
                .volumes
                .iter()
                .filter(|(copy, _)| copy.member == *member);
            let membership = Membership {
                workload: WorkloadKind::DagMember {
                    dag: name.clone(),
                    member: member.clone(),
                },
                volumes: volumes.map(|(_, volume)| volume.clone()).collect(),
            };
            memberships.insert(persona.clone(), membership);
        }
    }
    memberships
}

/// Identities, cables and SAN ports of the servers.
pub(super) fn servers(
    servers: &BTreeMap<ServerName, SiteServer>,
    switches: &BTreeMap<SwitchName, SiteSwitch>,
    san: Option<IpNet>,
    top: &Table<'_>,
) {
    let (mut uuids, mut macs) = (Once::new(top), Once::new(top));
    let (mut ports, mut addresses) = (Once::new(top), Once::new(top));
    for (name, SiteServer { server, .. }) in servers {
        let at = path(["servers", name.as_str()]);
        uuids.used(server.identity.uuid, at.then("uuid"));
        for (channel, nic) in &server.nics {
            let at = at.then("nics").then(channel.to_string().as_str());
            macs.used(nic.mac, at.then("mac"));
            ports.used(&nic.cable, at.then("port"));
            let switch = switches.get(&nic.cable.switch);
            if switch.is_some_and(|switch| !switch.is_managed()) {
                let reason = format!("switch {} is not managed", nic.cable.switch);
                top.report_at(at.then("switch"), reason);
            }
            if switch.is_some_and(|switch| switch.uplinks.contains(&nic.cable.port)) {
                top.report_at(at.then("port"), format!("{} is an uplink", nic.cable));
            }
        }
        for (index, port) in server.san_ports.iter().enumerate() {
            let at = at.then("san-ports").then(index);
            macs.used(port.mac, at.then("mac"));
            addresses.used(port.address, at.then("address"));
            inside(port.address, san, at.then("address"), top);
        }
    }
}

/// Portals of the arrays.
pub(super) fn arrays(arrays: &BTreeMap<ArrayName, SiteArray>, san: Option<IpNet>, top: &Table<'_>) {
    let mut portals = Once::new(top);
    for (name, array) in arrays {
        for (index, portal) in array.portals.iter().enumerate() {
            let at = path(["arrays", name.as_str(), "portals"]).then(index);
            inside(portal.address().ip(), san, at.clone(), top);
            portals.used(portal, at);
        }
    }
}

fn inside(address: IpAddr, subnet: Option<IpNet>, at: KeyPath, top: &Table<'_>) {
    if let Some(subnet) = subnet.filter(|subnet| !subnet.contains(&address)) {
        top.report_at(
            at,
            format!("address {address} is outside the SAN, {subnet}"),
        );
    }
}

/// The networks, if nothing is wrong with them.
pub(super) fn networks(
    networks: BTreeMap<NetworkName, LogicalNetwork>,
    top: &Table<'_>,
) -> Option<Networks> {
    let networks: Vec<LogicalNetwork> = networks.into_values().collect();
    for problem in validate::networks(&networks) {
        let at = match &problem {
            Problem::VlanTwice { other, .. } => path(["networks", other.as_str(), "vlan"]),
            Problem::SubnetHasHostBits { network, .. }
            | Problem::SubnetsOverlap { network, .. } => {
                path(["networks", network.as_str(), "subnet"])
            }
            _ => path(["networks"]),
        };
        top.report_at(at, problem.to_string());
    }
    Networks::new(networks).ok()
}

/// What personas must not share, and whether each can run where it begins.
pub(super) fn personas(
    personas: &BTreeMap<PersonaName, SitePersona>,
    servers: &BTreeMap<ServerName, SiteServer>,
    networks: Option<&Networks>,
    top: &Table<'_>,
) {
    let (mut initiators, mut homes) = (Once::new(top), Once::new(top));
    for (name, site) in personas {
        let at = path(["personas", name.as_str()]);
        initiators.used(&site.persona.initiator, at.then("initiator"));
        if let Some(home) = &site.home {
            homes.used(home, at.then("home"));
        }
        let home = site.home.as_ref().and_then(|home| servers.get(home));
        if let Some(home) = home.filter(|home| home.server.pool != site.persona.pool) {
            let reason = format!("{} is in pool {}", home.server.name, home.server.pool);
            top.report_at(at.then("home"), reason);
        }
        let Some(networks) = networks else { continue };
        for problem in validate::connections(&site.connections, networks) {
            top.report_at(at_connection(&at, &problem), problem.to_string());
        }
        let cabling = home.and_then(|home| home.cabling().ok());
        let lacking =
            cabling.map(|cabling| validate::server(&site.connections, networks, &cabling));
        for problem in lacking.into_iter().flatten() {
            top.report_at(at.then("home"), problem.to_string());
        }
        if site.persona.agent && !is_watched(site, networks) {
            let reason = "its agent is heard over a system control network, and it is on none";
            top.report_at(at.then("connections"), reason);
        }
    }
}

/// Whether it is on the system control network.
fn is_watched(site: &SitePersona, networks: &Networks) -> bool {
    site.connections.connections.iter().any(|connection| {
        let network = networks.get(&connection.network);
        network.is_ok_and(|network| network.kind == NetworkKind::SystemControl)
    })
}

fn at_connection(persona: &KeyPath, problem: &Problem) -> KeyPath {
    match problem {
        Problem::StaticAddressMissing { network }
        | Problem::AddressOutside { network, .. }
        | Problem::AddressReserved { network, .. } => {
            persona.then("connections").then(network.as_str())
        }
        Problem::GatewayUnreachable { .. } => persona.then("default-gateway"),
        Problem::ChannelShared { .. } | Problem::FailoverInAccessMode { .. } => {
            persona.then("network-mode")
        }
        _ => persona.then("connections"),
    }
}

/// Addresses on the networks: of personas and of hosts outside.
pub(super) fn addresses(
    personas: &BTreeMap<PersonaName, SitePersona>,
    externals: &BTreeMap<Label, External>,
    networks: Option<&Networks>,
    top: &Table<'_>,
) {
    let mut addresses = Once::new(top);
    let host = |network: &NetworkName, address: Ipv4Addr, at: &KeyPath| {
        let connection = Connection {
            network: network.clone(),
            assignment: Assignment::Static(address),
        };
        let alone = Connections {
            mode: Mode::Trunk,
            connections: vec![connection],
            gateway: None,
        };
        let problems = networks.map(|networks| validate::connections(&alone, networks));
        for problem in problems.into_iter().flatten() {
            top.report_at(at.clone(), problem.to_string());
        }
    };
    for (name, site) in personas {
        let at = path(["personas", name.as_str(), "connections"]);
        for connection in &site.connections.connections {
            for address in connection.assignment.fixed() {
                addresses.used(address, at.then(connection.network.as_str()));
            }
        }
    }
    for (name, external) in externals {
        let at = path(["externals", name.as_str(), "address"]);
        host(&external.network, external.address, &at);
        addresses.used(external.address, at);
    }
}

/// One volume, one user: each image and each database copy has a volume of its own.
pub(super) fn volumes(
    dags: &BTreeMap<DagName, SiteDag>,
    personas: &BTreeMap<PersonaName, SitePersona>,
    top: &Table<'_>,
) {
    let mut volumes: Once<'_, '_, &VolumeId> = Once::new(top);
    for (name, group) in dags {
        for (copy, volume) in &group.volumes {
            let (database, member) = (copy.database.as_str(), copy.member.as_str());
            let at = path([
                "dags",
                name.as_str(),
                "databases",
                database,
                "copies",
                member,
            ]);
            volumes.used(volume, at.then("volume"));
        }
    }
    for (name, site) in personas {
        let at = path(["personas", name.as_str()]);
        volumes.used(&site.persona.image, at.then("image"));
        for (index, volume) in site.own_data(dags).iter().enumerate() {
            volumes.used(volume, at.then("data").then(index));
        }
    }
}

/// Witnesses of the groups.
pub(super) fn witnesses(
    dags: &BTreeMap<DagName, SiteDag>,
    externals: &BTreeMap<Label, External>,
    top: &Table<'_>,
) {
    for (name, group) in dags {
        let witness = group.dag.witness.as_ref().map(|witness| &witness.server);
        let keeps = |(label, external): (&Label, &External)| {
            external.role == ExternalRole::Witness
                && WitnessName::new(label.as_str()).is_ok_and(|label| Some(&label) == witness)
        };
        if witness.is_some() && !externals.iter().any(keeps) {
            let at = path(["dags", name.as_str(), "witness"]);
            top.report_at(at, "its role is not witness");
        }
    }
}
