//! Which channel carries each network, and what changes when a link goes or comes back.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{Channel, NetworkName};
use serde::{Deserialize, Serialize};

use crate::GuestPlan;

/// Which channel carries each network of a plan, given which channels have a link: the primary
/// while it is up, else the secondary. A network that is cut off is missing.
pub fn carriers(plan: &GuestPlan, up: &BTreeSet<Channel>) -> BTreeMap<NetworkName, Channel> {
    let mut carriers = BTreeMap::new();
    for (name, network) in &plan.networks {
        let mut in_order = network.channels.in_order();
        if let Some(channel) = in_order.find(|channel| up.contains(channel)) {
            carriers.insert(name.clone(), channel);
        }
    }
    carriers
}

/// A network changes its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The network.
    pub network: NetworkName,
    /// The channel that carried it; none if it was cut off.
    pub from: Option<Channel>,
    /// The channel that carries it now; none if it is cut off.
    pub to: Option<Channel>,
}

/// Several networks share the NIC of one channel, and its bandwidth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The channel.
    pub channel: Channel,
    /// The networks: at least two.
    pub networks: BTreeSet<NetworkName>,
}

impl Share {
    /// What each network can count on of a link of that speed, in the same unit: an even part.
    /// Each may use what the others leave.
    pub fn each(&self, link_speed: u64) -> u64 {
        let sharers = u64::try_from(self.networks.len()).unwrap_or(u64::MAX);
        link_speed / sharers.max(1)
    }
}

/// What a change of carriers means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failover {
    /// Which networks changed their channel, by name.
    pub moves: Vec<Move>,
    /// Which channels carry several networks after it, by channel.
    pub shares: Vec<Share>,
}

/// What changed between two reports of a guest, or between two sets of links put through
/// [`carriers`].
pub fn failover(
    before: &BTreeMap<NetworkName, Channel>,
    after: &BTreeMap<NetworkName, Channel>,
) -> Failover {
    let networks: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let moves = networks.into_iter().map(|network| Move {
        network: network.clone(),
        from: before.get(network).copied(),
        to: after.get(network).copied(),
    });
    let mut loads: BTreeMap<Channel, BTreeSet<NetworkName>> = BTreeMap::new();
    for (network, &channel) in after {
        loads.entry(channel).or_default().insert(network.clone());
    }
    let shares = loads.into_iter().filter(|(_, networks)| networks.len() > 1);
    Failover {
        moves: moves.filter(|moved| moved.from != moved.to).collect(),
        shares: shares
            .map(|(channel, networks)| Share { channel, networks })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
