//! From a persona's connections to the interfaces that its operating system needs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use coldspare_names::{Channel, NetworkName};
use ipnet::Ipv4Net;
use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};

use crate::port_plan::{Carried, carried};
use crate::{Assignment, Cabling, ChannelPair, Connections, Mode, Mtu, Networks, Problem, VlanId};

/// One network inside a persona.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GuestNetwork {
    /// The tag of its sub-interfaces, one on each of its channels; without a tag it is the plain
    /// interface of its primary channel, and has no secondary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<VlanId>,
    /// Which NIC carries it, and which one when that has no link.
    pub channels: ChannelPair,
    /// Its static address and subnet; without one the guest asks on the network (DHCP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Net>,
    /// Its largest packet.
    pub mtu: Mtu,
}

/// All network settings of a persona on one server, as a whole: what is ours in the guest and not
/// in the plan is removed. The default plan is that of a persona without networks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GuestPlan {
    /// The NIC of each channel that a network uses.
    pub nics: BTreeMap<Channel, MacAddr6>,
    /// Every connected network.
    pub networks: BTreeMap<NetworkName, GuestNetwork>,
    /// The router for all other addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
}

/// The settings of a persona on the server with that cabling.
pub fn guest_plan(
    connections: &Connections,
    networks: &Networks,
    cabling: &Cabling,
) -> Result<GuestPlan, Problem> {
    let mut plan = GuestPlan {
        gateway: connections.gateway,
        ..GuestPlan::default()
    };
    for carried in carried(connections, networks, cabling)? {
        let Carried {
            connection,
            network,
            channels,
        } = carried;
        let nics = channels
            .iter()
            .filter_map(|&channel| Some((channel, cabling.get(channel)?)));
        plan.nics
            .extend(nics.map(|(channel, cable)| (channel, cable.mac)));
        let mut add = |name, address: Option<Ipv4Addr>, channels: &[Channel]| {
            let mask = network.subnet.prefix_len();
            let settings = GuestNetwork {
                tag: (connections.mode == Mode::Trunk).then_some(network.vlan),
                channels: ChannelPair::new(channels[0], channels.get(1).copied())?,
                address: address.and_then(|address| Ipv4Net::new(address, mask).ok()),
                mtu: network.mtu,
            };
            plan.networks.insert(name, settings);
            Ok(())
        };
        match connection.assignment {
            Assignment::Pool => add(network.name.clone(), None, &channels)?,
            Assignment::Static(address) => add(network.name.clone(), Some(address), &channels)?,
            Assignment::OnEachChannel { primary, secondary } => {
                for &channel in &channels {
                    let (name, address) = if channel == network.channels.primary() {
                        (network.name.clone(), primary)
                    } else {
                        (on_secondary(&network.name), secondary)
                    };
                    add(name, Some(address), &[channel])?;
                }
            }
        }
    }
    Ok(plan)
}

/// What a guest calls the secondary path of a network that has an address on each channel: to the
/// guest they are two networks. (A name too long for that stays as it is, and has one path.)
pub fn on_secondary(network: &NetworkName) -> NetworkName {
    NetworkName::new(format!("{network} (secondary)")).unwrap_or_else(|_| network.clone())
}

#[cfg(test)]
mod tests;
