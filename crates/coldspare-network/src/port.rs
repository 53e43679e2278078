//! What a switch port passes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Problem, VlanId};

/// Whether a link is there, as the switch port or the NIC at its end sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Frames can pass.
    Up,
    /// Nothing passes: a cable, a NIC, a power supply or the other end is missing.
    Down,
}

/// The VLANs of a trunk: at least one, and none both tagged and native.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "WrittenTrunk")]
pub struct Trunk {
    tagged: BTreeSet<VlanId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<VlanId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTrunk {
    tagged: BTreeSet<VlanId>,
    native: Option<VlanId>,
}

impl TryFrom<WrittenTrunk> for Trunk {
    type Error = Problem;

    fn try_from(written: WrittenTrunk) -> Result<Self, Problem> {
        Self::new(written.tagged, written.native)
    }
}

impl Trunk {
    /// The trunk of these VLANs; frames of the native one travel untagged.
    pub fn new(tagged: BTreeSet<VlanId>, native: Option<VlanId>) -> Result<Self, Problem> {
        match native {
            None if tagged.is_empty() => Err(Problem::EmptyTrunk),
            Some(vlan) if tagged.contains(&vlan) => Err(Problem::TaggedAndNative { vlan }),
            _ => Ok(Self { tagged, native }),
        }
    }

    /// The VLANs whose frames carry their tag.
    pub fn tagged(&self) -> &BTreeSet<VlanId> {
        &self.tagged
    }

    /// The VLAN of untagged frames; without one, untagged frames are dropped.
    pub fn native(&self) -> Option<VlanId> {
        self.native
    }
}

/// What a port passes, whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Membership {
    /// Nothing of ours. How a switch does that, say with a VLAN that leads nowhere, is its
    /// adapter's business.
    Parked,
    /// Untagged frames of one VLAN.
    Access(VlanId),
    /// Tagged frames of several VLANs.
    Trunk(Trunk),
}

impl Membership {
    /// A trunk of tagged VLANs alone; parked if there is none.
    pub fn tagged(vlans: impl IntoIterator<Item = VlanId>) -> Self {
        Trunk::new(vlans.into_iter().collect(), None).map_or(Self::Parked, Self::Trunk)
    }

    /// Whether frames of that VLAN pass, tagged or not.
    pub fn passes(&self, vlan: VlanId) -> bool {
        match self {
            Self::Parked => false,
            Self::Access(access) => *access == vlan,
            Self::Trunk(trunk) => trunk.native == Some(vlan) || trunk.tagged.contains(&vlan),
        }
    }

    /// All VLANs that pass.
    pub fn vlans(&self) -> BTreeSet<VlanId> {
        match self {
            Self::Parked => BTreeSet::new(),
            Self::Access(vlan) => BTreeSet::from([*vlan]),
            Self::Trunk(trunk) => trunk.tagged.iter().copied().chain(trunk.native).collect(),
        }
    }
}

/// What a port was found to pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// Something that a plan could want.
    Known(Membership),
    /// A configuration that no plan wants: never configured (to several switches that means every
    /// VLAN), provider tags, two untagged VLANs. In words, for a person. It may pass anything.
    Foreign(String),
}

impl Observed {
    /// Whether frames of that VLAN may pass: of a foreign configuration the worst is assumed.
    pub fn may_pass(&self, vlan: VlanId) -> bool {
        match self {
            Self::Known(membership) => membership.passes(vlan),
            Self::Foreign(_) => true,
        }
    }

    /// Whether it is exactly that.
    pub fn is(&self, membership: &Membership) -> bool {
        matches!(self, Self::Known(known) if known == membership)
    }
}

impl From<Membership> for Observed {
    fn from(membership: Membership) -> Self {
        Self::Known(membership)
    }
}

/// One port as its switch reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortStatus {
    /// What it passes.
    pub observed: Observed,
    /// Whether something is at its other end.
    pub link: Link,
    /// Whether it may be set: uplinks and ports that the site does not list may not.
    pub managed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{tagged, vlan};
    use proptest::prelude::*;

    #[test]
    fn a_trunk_without_vlans_is_a_parked_port() {
        assert_eq!(Trunk::new([].into(), None), Err(Problem::EmptyTrunk));
        assert_eq!(tagged(&[]), Membership::Parked);
        assert!(serde_json::from_str::<Membership>(r#"{"trunk": {"tagged": []}}"#).is_err());
    }

    #[test]
    fn a_vlan_leaves_a_trunk_tagged_or_untagged() {
        let vlan = vlan(101);
        let refused = Trunk::new([vlan].into(), Some(vlan));
        assert_eq!(refused, Err(Problem::TaggedAndNative { vlan }));
    }

    proptest! {
        #[test]
        fn a_port_passes_its_vlans_and_survives_the_journal(
            numbers in proptest::collection::btree_set(1..20_u16, 0..5),
            native in proptest::option::of(20..25_u16),
        ) {
            let tagged: BTreeSet<_> = numbers.into_iter().map(vlan).collect();
            let trunk = Trunk::new(tagged, native.map(vlan));
            let membership = trunk.map_or(Membership::Parked, Membership::Trunk);
            for number in (1..25).map(vlan) {
                prop_assert_eq!(membership.passes(number), membership.vlans().contains(&number));
            }
            let json = serde_json::to_string(&membership).unwrap();
            prop_assert_eq!(serde_json::from_str::<Membership>(&json).unwrap(), membership);
        }
    }
}
