//! Which channel carries each network, and what changes when a link goes or comes back.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{Channel, NetworkName};

use crate::GuestPlan;

/// Which channel carries each network of a plan, given which channels have a link: the primary
/// while it is up, else the secondary. A network that is cut off is missing.
pub fn carriers(plan: &GuestPlan, up: &BTreeSet<Channel>) -> BTreeMap<NetworkName, Channel> {
    let carrier = |(name, network): (&NetworkName, &crate::GuestNetwork)| {
        let channel = network
            .channels
            .in_order()
            .find(|channel| up.contains(channel))?;
        Some((name.clone(), channel))
    };
    plan.networks.iter().filter_map(carrier).collect()
}
