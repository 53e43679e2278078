//! Every rule that a description of networks must keep. Each check finds all that is wrong, so
//! that a person mends a file once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use coldspare_names::{PersonaName, PortName, SwitchName};

use crate::{
    Assignment, Cabling, Connection, Connections, LogicalNetwork, Mode, NetworkKind, Networks,
    PortPlan, Problem,
};

/// What is wrong with a site's networks: names, VLANs and addresses that are used twice.
pub fn networks(networks: &[LogicalNetwork]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (mut names, mut vlans) = (BTreeSet::new(), BTreeMap::new());
    for network in networks {
        let name = &network.name;
        if !names.insert(name) {
            problems.push(Problem::NetworkTwice {
                network: name.clone(),
            });
        }
        if let Some(earlier) = vlans.insert(network.vlan, name) {
            problems.push(Problem::VlanTwice {
                vlan: network.vlan,
                network: earlier.clone(),
                other: name.clone(),
            });
        }
        if network.subnet != network.subnet.trunc() {
            problems.push(Problem::SubnetHasHostBits {
                network: name.clone(),
                subnet: network.subnet,
            });
        }
    }
    problems.extend(overlaps(networks));
    problems
}

/// Two subnets are disjoint or one holds the other: sorted by where they begin, the larger first,
/// a subnet that overlaps with any earlier one lies inside the last that did not.
fn overlaps(networks: &[LogicalNetwork]) -> Vec<Problem> {
    let mut sorted: Vec<_> = networks.iter().collect();
    sorted.sort_by_key(|network| (network.subnet.network(), network.subnet.prefix_len()));
    let mut problems = Vec::new();
    let mut outer: Option<&LogicalNetwork> = None;
    for network in sorted {
        match outer {
            Some(outer) if outer.subnet.contains(&network.subnet.network()) => {
                problems.push(Problem::SubnetsOverlap {
                    network: network.name.clone(),
                    subnet: network.subnet,
                    other: outer.name.clone(),
                });
            }
            _ => outer = Some(network),
        }
    }
    problems
}

/// What is wrong with the connections of all personas, each alone and together.
pub fn personas(
    personas: &BTreeMap<PersonaName, Connections>,
    networks: &Networks,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut addresses = BTreeMap::new();
    for (persona, connected) in personas {
        let own = connections(connected, networks);
        problems.extend(own.into_iter().map(|problem| problem.of_persona(persona)));
        for connection in &connected.connections {
            let Assignment::Static(address) = connection.assignment else {
                continue;
            };
            if let Some(earlier) = addresses.insert(address, persona) {
                problems.push(Problem::AddressTwice {
                    address,
                    persona: earlier.clone(),
                    other: persona.clone(),
                });
            }
        }
    }
    problems
}

/// What is wrong with the connections of one persona, on whichever server it wakes.
pub fn connections(connections: &Connections, networks: &Networks) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut connected: BTreeMap<_, &LogicalNetwork> = BTreeMap::new();
    for connection in &connections.connections {
        let network = match networks.get(&connection.network) {
            Ok(network) => network,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if connected.insert(&network.name, network).is_some() {
            problems.push(Problem::ConnectedTwice {
                network: network.name.clone(),
            });
        }
        problems.extend(address(connection, network));
    }
    if connections.mode == Mode::Access {
        problems.extend(plain_interfaces(connected.values().copied()));
    }
    if let Some(gateway) = connections.gateway {
        let is_own =
            |connection: &Connection| connection.assignment.fixed().any(|own| own == gateway);
        let reached = connected.values().any(|network| is_host(gateway, network));
        if !reached || connections.connections.iter().any(is_own) {
            problems.push(Problem::GatewayUnreachable { gateway });
        }
    }
    problems
}

fn address(connection: &Connection, network: &LogicalNetwork) -> Vec<Problem> {
    let name = network.name.clone();
    match connection.assignment {
        Assignment::Pool if network.kind == NetworkKind::SystemControl => Vec::new(),
        Assignment::Pool => vec![Problem::StaticAddressMissing { network: name }],
        Assignment::Static(address) => fixed(address, network).into_iter().collect(),
        Assignment::OnEachChannel { primary, secondary } => [primary, secondary]
            .into_iter()
            .filter_map(|address| fixed(address, network))
            .collect(),
    }
}

fn fixed(address: Ipv4Addr, network: &LogicalNetwork) -> Option<Problem> {
    let name = network.name.clone();
    if !network.subnet.contains(&address) {
        return Some(Problem::AddressOutside {
            network: name,
            address,
            subnet: network.subnet,
        });
    }
    (!is_host(address, network)).then_some(Problem::AddressReserved {
        network: name,
        address,
    })
}

/// Whether the address can be a host's: on a link of two addresses both can (RFC 3021).
fn is_host(address: Ipv4Addr, network: &LogicalNetwork) -> bool {
    let subnet = network.subnet;
    let is_end = address == subnet.network() || address == subnet.broadcast();
    subnet.contains(&address) && (subnet.prefix_len() >= 31 || !is_end)
}

fn plain_interfaces<'a>(networks: impl Iterator<Item = &'a LogicalNetwork>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut carried = BTreeMap::new();
    for network in networks {
        let name = &network.name;
        if network.channels.secondary().is_some() {
            problems.push(Problem::FailoverInAccessMode {
                network: name.clone(),
            });
        }
        let channel = network.channels.primary();
        if let Some(earlier) = carried.insert(channel, name) {
            problems.push(Problem::ChannelShared {
                channel,
                network: earlier.clone(),
                other: name.clone(),
            });
        }
    }
    problems
}

/// Which channels a persona's networks name and a server lacks. With one of two a network still
/// works there, but nothing protects it.
pub fn server(connections: &Connections, networks: &Networks, cabling: &Cabling) -> Vec<Problem> {
    let mut problems = Vec::new();
    for connection in &connections.connections {
        let Ok(network) = networks.get(&connection.network) else {
            continue;
        };
        let named = network
            .channels
            .in_order()
            .take(connections.mode.channels());
        let lacking = named.filter(|&channel| cabling.get(channel).is_none());
        problems.extend(lacking.map(|channel| Problem::ChannelMissing {
            network: network.name.clone(),
            channel,
        }));
    }
    problems
}

/// Which ports of a plan may not be set: only those that the site lists, of managed switches, may.
pub fn ports(plan: &PortPlan, managed: &BTreeMap<SwitchName, BTreeSet<PortName>>) -> Vec<Problem> {
    let unmanaged = plan.ports().filter(|(port, _)| {
        let listed = managed.get(&port.switch);
        !listed.is_some_and(|ports| ports.contains(&port.port))
    });
    unmanaged
        .map(|(port, _)| Problem::PortUnmanaged { port })
        .collect()
}

#[cfg(test)]
mod tests;
