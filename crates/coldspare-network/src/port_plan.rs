//! From a persona's connections and a server's cabling to the membership of every port, and back.

use std::collections::BTreeMap;

use coldspare_names::{Channel, PortId, PortName, SwitchName};
use serde::{Deserialize, Serialize};

use crate::{
    Cabling, Connection, Connections, LogicalNetwork, Membership, Mode, Networks, Problem,
};

/// What ports of one switch are to pass.
pub type SwitchPlan = BTreeMap<PortName, Membership>;

/// What ports are to pass, switch by switch, since each switch is told in one call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortPlan(BTreeMap<SwitchName, SwitchPlan>);

impl PortPlan {
    /// The plan that parks every port of a server.
    pub fn parking(cabling: &Cabling) -> Self {
        cabling
            .iter()
            .map(|(_, cable)| (cable.port.clone(), Membership::Parked))
            .collect()
    }

    /// Each switch with its part.
    pub fn switches(&self) -> impl Iterator<Item = (&SwitchName, &SwitchPlan)> {
        self.0.iter()
    }

    /// Each port with what it is to pass.
    pub fn ports(&self) -> impl Iterator<Item = (PortId, &Membership)> {
        self.0.iter().flat_map(|(switch, ports)| {
            ports.iter().map(|(port, membership)| {
                let (switch, port) = (switch.clone(), port.clone());
                (PortId { switch, port }, membership)
            })
        })
    }

    /// What that port is to pass, if the plan says.
    pub fn get(&self, port: &PortId) -> Option<&Membership> {
        self.0.get(&port.switch)?.get(&port.port)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<(PortId, Membership)> for PortPlan {
    fn extend<T: IntoIterator<Item = (PortId, Membership)>>(&mut self, ports: T) {
        for (id, membership) in ports {
            let switch = self.0.entry(id.switch).or_default();
            switch.insert(id.port, membership);
        }
    }
}

impl FromIterator<(PortId, Membership)> for PortPlan {
    fn from_iter<T: IntoIterator<Item = (PortId, Membership)>>(ports: T) -> Self {
        let mut plan = Self::default();
        plan.extend(ports);
        plan
    }
}

/// What every cabled port of a server is to pass while it wears the persona: tagged on the primary
/// and the secondary channel in trunk mode, untagged on the primary in access mode, and parked
/// where no network of the persona comes by.
///
/// A network keeps working on one channel when the server lacks the other; lacking both is refused.
/// ([`validate::server`](crate::validate::server) names every lacking one.)
pub fn port_plan(
    connections: &Connections,
    networks: &Networks,
    cabling: &Cabling,
) -> Result<PortPlan, Problem> {
    let mut memberships: BTreeMap<Channel, Membership> = BTreeMap::new();
    for Carried {
        network, channels, ..
    } in carried(connections, networks, cabling)?
    {
        for channel in channels {
            let membership = match connections.mode {
                Mode::Access => Membership::Access(network.vlan),
                Mode::Trunk => {
                    let others = memberships.get(&channel).map(Membership::vlans);
                    let all = others.into_iter().flatten().chain([network.vlan]);
                    Membership::tagged(all)
                }
            };
            memberships.insert(channel, membership);
        }
    }
    let plan = cabling.iter().map(|(channel, cable)| {
        let membership = memberships.remove(&channel);
        (cable.port.clone(), membership.unwrap_or(Membership::Parked))
    });
    Ok(plan.collect())
}

/// A network on a server: the connection, and the channels that the server has for it.
pub(crate) struct Carried<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) network: &'a LogicalNetwork,
    /// In order of preference; never empty; one in access mode.
    pub(crate) channels: Vec<Channel>,
}

/// All networks of a persona on a server.
pub(crate) fn carried<'a>(
    connections: &'a Connections,
    networks: &'a Networks,
    cabling: &Cabling,
) -> Result<Vec<Carried<'a>>, Problem> {
    let mut all: Vec<Carried> = Vec::new();
    for connection in &connections.connections {
        let network = networks.get(&connection.network)?;
        let wanted = network
            .channels
            .in_order()
            .take(connections.mode.channels());
        let channels: Vec<_> = wanted
            .filter(|&channel| cabling.get(channel).is_some())
            .collect();
        if channels.is_empty() {
            return Err(Problem::ChannelMissing {
                network: network.name.clone(),
                channel: network.channels.primary(),
            });
        }
        let name = || network.name.clone();
        for earlier in &all {
            if earlier.network.name == network.name {
                return Err(Problem::ConnectedTwice { network: name() });
            }
            if connections.mode == Mode::Access && earlier.channels == channels {
                return Err(Problem::ChannelShared {
                    channel: channels[0],
                    network: earlier.network.name.clone(),
                    other: name(),
                });
            }
        }
        all.push(Carried {
            connection,
            network,
            channels,
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
