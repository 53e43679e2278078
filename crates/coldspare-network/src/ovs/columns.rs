//! What the database's columns mean (ovs-vswitchd.conf.db(5)).

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::PortName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure::Failure;
use crate::{Membership, Observed, Trunk, VlanId};

/// The one VLAN of parked ports: reserved, so that no host sends it and no network has it.
const PARKING: u16 = 4095;

/// A set as the protocol writes it (RFC 7047, 5.1): one value stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set<T>(pub(super) BTreeSet<T>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenSet<T> {
    Any(SetMark, Vec<T>),
    One(T),
}

#[derive(Serialize, Deserialize)]
enum SetMark {
    #[serde(rename = "set")]
    Set,
}

impl<T: Serialize + Clone> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values: Vec<_> = self.0.iter().cloned().collect();
        match <[T; 1]>::try_from(values) {
            Ok([one]) => WrittenSet::One(one),
            Err(values) => WrittenSet::Any(SetMark::Set, values),
        }
        .serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match WrittenSet::deserialize(deserializer)? {
            WrittenSet::Any(_, values) => Self(values.into_iter().collect()),
            WrittenSet::One(value) => Self([value].into()),
        })
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The identity of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Uuid(UuidMark, String);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum UuidMark {
    #[serde(rename = "uuid")]
    Uuid,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rows<T> {
    pub(super) rows: Vec<T>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Count {
    count: u64,
}

impl Count {
    pub(super) const ONE: Self = Self { count: 1 };
}

/// Which configuration is wanted of the daemon, and which it has done.
#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    #[serde(rename = "next_cfg")]
    pub(super) wanted: i64,
    #[serde(rename = "cur_cfg")]
    pub(super) done: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Interface {
    #[serde(rename = "_uuid")]
    pub(super) uuid: Uuid,
    link_state: Set<String>,
}

impl Interface {
    pub(super) fn is_up(&self) -> bool {
        self.link_state.0.contains("up")
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct BridgeRow {
    ports: Set<Uuid>,
    controller: Set<Uuid>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PortRow {
    name: String,
    #[serde(flatten)]
    port: Port,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Port {
    #[serde(rename = "_uuid")]
    pub(super) uuid: Uuid,
    pub(super) interfaces: Set<Uuid>,
    #[serde(flatten)]
    pub(super) vlans: Vlans,
}

/// A bridge with its ports.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) controller: Set<Uuid>,
    pub(super) ports: BTreeMap<PortName, Port>,
}

impl Bridge {
    /// The ports are all that the database has, those of other bridges included.
    pub(super) fn new(bridge: BridgeRow, ports: Vec<PortRow>) -> Result<Self, Failure> {
        let mut here = BTreeMap::new();
        for PortRow { name, port } in ports {
            if bridge.ports.0.contains(&port.uuid) {
                let name = PortName::new(&name);
                let name = name.map_err(|error| Failure::unexpected(error.to_string()))?;
                here.insert(name, port);
            }
        }
        Ok(Self {
            controller: bridge.controller,
            ports: here,
        })
    }

    /// Whether a controller, not the ports' settings, may say what passes.
    pub(super) fn is_controlled(&self) -> bool {
        !self.controller.0.is_empty()
    }
}

/// All columns that decide what a port passes. They are set together, or the old value of one
/// changes the meaning of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vlans {
    vlan_mode: Set<String>,
    tag: Set<u16>,
    trunks: Set<u16>,
    cvlans: Set<u16>,
    protected: bool,
}

impl Vlans {
    fn new(vlan_mode: &str, tag: Option<VlanId>, trunks: Set<u16>) -> Self {
        Self {
            vlan_mode: [vlan_mode.to_owned()].into_iter().collect(),
            tag: tag.map(VlanId::number).into_iter().collect(),
            trunks,
            cvlans: Set(BTreeSet::new()),
            protected: false,
        }
    }

    /// What the port passes. Only what we would have written counts as known, and a tag without a
    /// mode, which means access.
    pub(super) fn observed(&self) -> Observed {
        let known = self.decoded();
        match known.filter(|known| Self::from(known) == self.with_its_mode()) {
            Some(known) => Observed::Known(known),
            None => Observed::Foreign(self.in_words()),
        }
    }

    /// The only membership that these columns can be.
    fn decoded(&self) -> Option<Membership> {
        let tag = self.tag.0.first().map(|&tag| VlanId::new(tag));
        let tag = tag.transpose().ok()?;
        if self.protected {
            return Some(Membership::Parked);
        }
        let trunks = self.trunks.0.iter().copied().map(VlanId::new);
        let mut tagged: BTreeSet<_> = trunks.collect::<Result<_, _>>().ok()?;
        if tagged.is_empty() {
            return tag.map(Membership::Access);
        }
        tagged.retain(|&vlan| Some(vlan) != tag);
        Trunk::new(tagged, tag).ok().map(Membership::Trunk)
    }

    fn with_its_mode(&self) -> Self {
        let mut vlans = self.clone();
        if vlans.vlan_mode.0.is_empty() && !vlans.tag.0.is_empty() {
            vlans.vlan_mode.0.insert("access".to_owned());
        }
        vlans
    }

    /// In the database's words, which its tools understand.
    fn in_words(&self) -> String {
        let Self {
            vlan_mode,
            tag,
            trunks,
            cvlans,
            protected,
        } = self;
        format!(
            "vlan_mode {:?}, tag {:?}, trunks {:?}, cvlans {:?}, protected {protected}",
            vlan_mode.0, tag.0, trunks.0, cvlans.0
        )
    }
}

impl From<&Membership> for Vlans {
    fn from(membership: &Membership) -> Self {
        let numbers = |vlans: BTreeSet<VlanId>| vlans.into_iter().map(VlanId::number).collect();
        match membership {
            Membership::Parked => Self {
                protected: true,
                ..Self::new("trunk", None, [PARKING].into_iter().collect())
            },
            Membership::Access(vlan) => Self::new("access", Some(*vlan), Set(BTreeSet::new())),
            // Without trunks a port passes every VLAN: the native one is named among them.
            Membership::Trunk(trunk) => {
                let mode = trunk.native().map_or("trunk", |_| "native-untagged");
                Self::new(mode, trunk.native(), numbers(membership.vlans()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
