//! Logical networks: a VLAN, a subnet, and the channels that carry them.

use std::collections::BTreeMap;
use std::fmt;

use coldspare_names::{Channel, NetworkName};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::{Problem, validate};

/// The number of a virtual LAN: 1 to 4094 (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VlanId(u16);

impl VlanId {
    /// The VLAN of that number.
    pub const fn new(number: u16) -> Result<Self, Problem> {
        match number {
            1..=4094 => Ok(Self(number)),
            _ => Err(Problem::VlanOutOfRange { number }),
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for VlanId {
    type Error = Problem;

    fn try_from(number: u16) -> Result<Self, Problem> {
        Self::new(number)
    }
}

impl From<VlanId> for u16 {
    fn from(vlan: VlanId) -> u16 {
        vlan.0
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The largest IP packet of a network, in bytes: 68 at least (RFC 791), 1500 unless set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Mtu(u16);

impl Mtu {
    /// The MTU of that many bytes.
    pub const fn new(bytes: u16) -> Result<Self, Problem> {
        match bytes {
            68.. => Ok(Self(bytes)),
            _ => Err(Problem::MtuTooSmall { bytes }),
        }
    }

    /// Its number of bytes.
    pub const fn bytes(self) -> u16 {
        self.0
    }
}

impl Default for Mtu {
    fn default() -> Self {
        Self(1500)
    }
}

impl TryFrom<u16> for Mtu {
    type Error = Problem;

    fn try_from(bytes: u16) -> Result<Self, Problem> {
        Self::new(bytes)
    }
}

impl From<Mtu> for u16 {
    fn from(mtu: Mtu) -> u16 {
        mtu.0
    }
}

/// The channel that carries a network, and the one that takes over when its link is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "WrittenChannelPair")]
pub struct ChannelPair {
    primary: Channel,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary: Option<Channel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChannelPair {
    primary: Channel,
    secondary: Option<Channel>,
}

impl TryFrom<WrittenChannelPair> for ChannelPair {
    type Error = Problem;

    fn try_from(written: WrittenChannelPair) -> Result<Self, Problem> {
        Self::new(written.primary, written.secondary)
    }
}

impl ChannelPair {
    /// The pair; the two channels differ.
    pub fn new(primary: Channel, secondary: Option<Channel>) -> Result<Self, Problem> {
        if secondary == Some(primary) {
            return Err(Problem::SameChannel { channel: primary });
        }
        Ok(Self { primary, secondary })
    }

    /// One channel, and none to take over.
    pub const fn single(primary: Channel) -> Self {
        Self {
            primary,
            secondary: None,
        }
    }

    /// The channel that carries the network while its link is up.
    pub fn primary(self) -> Channel {
        self.primary
    }

    /// The channel that carries it otherwise.
    pub fn secondary(self) -> Option<Channel> {
        self.secondary
    }

    /// Both, in order of preference.
    pub fn in_order(self) -> impl Iterator<Item = Channel> {
        std::iter::once(self.primary).chain(self.secondary)
    }
}

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// The system control network (SCN): heartbeats, discovery, status, configuration.
    SystemControl,
    /// A network of the applications.
    Application,
}

/// A network as personas see it, wherever they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogicalNetwork {
    /// Its name.
    pub name: NetworkName,
    /// Its VLAN, no other network's.
    pub vlan: VlanId,
    /// Its addresses, none of them another network's.
    pub subnet: Ipv4Net,
    /// The channels that carry it.
    pub channels: ChannelPair,
    /// What it is for.
    pub kind: NetworkKind,
    /// Its largest packet.
    #[serde(default)]
    pub mtu: Mtu,
}

/// All logical networks of a site: names, VLANs and subnets are each used once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<LogicalNetwork>", into = "Vec<LogicalNetwork>")]
pub struct Networks(BTreeMap<NetworkName, LogicalNetwork>);

impl Networks {
    /// The networks, or the first problem that [`validate::networks`] finds with them.
    pub fn new(networks: Vec<LogicalNetwork>) -> Result<Self, Problem> {
        match validate::networks(&networks).into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(Self(
                networks
                    .into_iter()
                    .map(|network| (network.name.clone(), network))
                    .collect(),
            )),
        }
    }

    /// The network of that name.
    pub fn get(&self, name: &NetworkName) -> Result<&LogicalNetwork, Problem> {
        self.0.get(name).ok_or_else(|| Problem::NetworkUnknown {
            network: name.clone(),
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &LogicalNetwork> {
        self.0.values()
    }
}

impl TryFrom<Vec<LogicalNetwork>> for Networks {
    type Error = Problem;

    fn try_from(networks: Vec<LogicalNetwork>) -> Result<Self, Problem> {
        Self::new(networks)
    }
}

impl From<Networks> for Vec<LogicalNetwork> {
    fn from(networks: Networks) -> Self {
        networks.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{channel, table_2};

    #[test]
    fn vlans_are_numbered_1_to_4094() {
        for (number, good) in [(0, false), (1, true), (4094, true), (4095, false)] {
            assert_eq!(VlanId::new(number).is_ok(), good, "{number}");
            let json = number.to_string();
            assert_eq!(
                serde_json::from_str::<VlanId>(&json).is_ok(),
                good,
                "{number}"
            );
        }
    }

    #[test]
    fn a_channel_does_not_protect_itself() {
        let channel = channel(3);
        let refused = ChannelPair::new(channel, Some(channel));
        assert_eq!(refused, Err(Problem::SameChannel { channel }));
        let file = r#"{"primary": 3, "secondary": 3}"#;
        assert!(serde_json::from_str::<ChannelPair>(file).is_err());
        assert!(serde_json::from_str::<ChannelPair>(r#"{"primary": 3}"#).is_ok());
    }

    #[test]
    fn a_file_cannot_smuggle_a_vlan_in_twice() {
        let mut described = table_2();
        let json = serde_json::to_string(&described).unwrap();
        let read = serde_json::from_str::<Networks>(&json).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap()[0]["name"], "mapi");
        described[1].vlan = described[2].vlan;
        let json = serde_json::to_string(&described).unwrap();
        let error = serde_json::from_str::<Networks>(&json).unwrap_err();
        assert!(error.to_string().contains("VLAN 102 is used by"), "{error}");
    }
}
