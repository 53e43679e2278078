//! Changing one port without leaks, for switches that set one thing at a time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Membership, VlanId};

/// One thing to set on a port, in the words of IEEE 802.1Q (RFC 4363 has the objects).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortStep {
    /// Administratively down: nothing passes while the port is half done.
    Disable,
    /// The VLAN's frames no longer leave untagged.
    LeaveUntagged(VlanId),
    /// The VLAN's frames no longer leave at all.
    LeaveEgress(VlanId),
    /// Untagged frames that enter belong to the switch's parking VLAN: never to VLAN 1, where
    /// every port begins.
    ParkUntagged,
    /// Frames of VLANs that the port is no member of are dropped when they enter.
    FilterIngress,
    /// Untagged frames that enter are dropped.
    AcceptTaggedOnly,
    /// Untagged frames that enter are taken.
    AcceptAll,
    /// The VLAN's frames leave, tagged. (The VLAN is created first where it must be.)
    JoinEgress(VlanId),
    /// The VLAN's frames leave untagged.
    JoinUntagged(VlanId),
    /// Untagged frames that enter belong to this VLAN.
    TakeUntagged(VlanId),
    /// Compare all of the above, static and in force, with what is wanted: switches accept and
    /// ignore.
    ReadBack,
    /// Administratively up.
    Enable,
}

/// The order in which a port changes without a leak, from the VLANs whose frames leave it and
/// those of them that leave untagged (the switch's parking VLAN aside) to what is wanted.
///
/// Around the ports of one batch belong: the switch's lock, since one list may hold all its ports
/// and two writers lose each other's updates, and after success saving what runs, once. To undo is
/// to change to what was read before.
pub fn port_change(
    egress: &BTreeSet<VlanId>,
    untagged: &BTreeSet<VlanId>,
    wanted: &Membership,
) -> Vec<PortStep> {
    let native = match wanted {
        Membership::Parked => None,
        Membership::Access(vlan) => Some(*vlan),
        Membership::Trunk(trunk) => trunk.native(),
    };
    let mut steps = vec![PortStep::Disable];
    steps.extend(untagged.iter().copied().map(PortStep::LeaveUntagged));
    steps.extend(egress.iter().copied().map(PortStep::LeaveEgress));
    steps.extend([PortStep::ParkUntagged, PortStep::FilterIngress]);
    steps.push(match native {
        Some(_) => PortStep::AcceptAll,
        None => PortStep::AcceptTaggedOnly,
    });
    steps.extend(wanted.vlans().into_iter().map(PortStep::JoinEgress));
    steps.extend(native.map(PortStep::JoinUntagged));
    steps.extend(native.map(PortStep::TakeUntagged));
    steps.extend([PortStep::ReadBack, PortStep::Enable]);
    steps
}

#[cfg(test)]
mod tests;
