use proptest::prelude::*;

use super::*;
use crate::Trunk;
use crate::study::vlan;

/// A port as a bridge keeps it.
#[derive(Debug, Clone)]
struct Port {
    up: bool,
    egress: BTreeSet<VlanId>,
    untagged: BTreeSet<VlanId>,
    /// `None`: the parking VLAN, or before any change VLAN 1, which is not filtered.
    enters: Option<VlanId>,
    filtered: bool,
    tagged_only: bool,
}

impl Port {
    fn take(&mut self, step: PortStep) {
        match step {
            PortStep::Disable => self.up = false,
            PortStep::Enable => self.up = true,
            PortStep::LeaveUntagged(vlan) => assert!(self.untagged.remove(&vlan)),
            PortStep::LeaveEgress(vlan) => assert!(self.egress.remove(&vlan)),
            PortStep::ParkUntagged => self.enters = None,
            PortStep::FilterIngress => self.filtered = true,
            PortStep::AcceptTaggedOnly => self.tagged_only = true,
            PortStep::AcceptAll => self.tagged_only = false,
            PortStep::JoinEgress(vlan) => assert!(self.egress.insert(vlan)),
            PortStep::JoinUntagged(vlan) => assert!(self.untagged.insert(vlan)),
            PortStep::TakeUntagged(vlan) => self.enters = Some(vlan),
            PortStep::ReadBack => assert!(self.filtered, "ingress filtering is on"),
        }
    }
}

fn any_vlans() -> impl Strategy<Value = BTreeSet<VlanId>> {
    proptest::collection::btree_set((2..12_u16).prop_map(vlan), 0..5)
}

fn any_membership() -> impl Strategy<Value = Membership> {
    (
        any_vlans(),
        proptest::option::of((2..12_u16).prop_map(vlan)),
    )
        .prop_map(|(mut tagged, native)| {
            native.inspect(|vlan| {
                tagged.remove(vlan);
            });
            match native {
                Some(vlan) if tagged.is_empty() => Membership::Access(vlan),
                _ => Trunk::new(tagged, native).map_or(Membership::Parked, Membership::Trunk),
            }
        })
}

proptest! {
    #[test]
    fn no_step_of_a_change_leaks(egress in any_vlans(), extra in any_vlans(), wanted in any_membership()) {
        let untagged = &egress & &extra;
        let mut port = Port {
            up: true,
            egress: egress.clone(),
            untagged: untagged.clone(),
            enters: untagged.first().copied(),
            filtered: false,
            tagged_only: false,
        };
        let steps = port_change(&egress, &untagged, &wanted);
        for &step in &steps {
            port.take(step);
            prop_assert!(port.untagged.is_subset(&port.egress), "after {:?}", step);
            if port.up {
                prop_assert_eq!(step, PortStep::Enable, "it is down all the way");
            }
        }
        prop_assert_eq!(steps.iter().rev().nth(1), Some(&PortStep::ReadBack));
        let native = match &wanted {
            Membership::Parked => None,
            Membership::Access(vlan) => Some(*vlan),
            Membership::Trunk(trunk) => trunk.native(),
        };
        prop_assert_eq!(port.egress, wanted.vlans());
        prop_assert_eq!(port.untagged, native.into_iter().collect());
        prop_assert_eq!(port.enters, native);
        prop_assert_eq!(port.tagged_only, native.is_none());
    }
}
