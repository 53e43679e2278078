//! How a persona is connected: the same on whichever server it wakes.

use std::net::Ipv4Addr;

use coldspare_names::NetworkName;
use serde::{Deserialize, Serialize};

/// How a persona's operating system uses its NICs. AIM's third mode, *auto*, is trunk on a
/// physical server and access in a virtual machine; whoever plans has resolved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Tagged sub-interfaces: a NIC carries several networks, and a network can change its NIC.
    Trunk,
    /// Plain interfaces: a NIC carries one network, and nothing fails over.
    Access,
}

impl Mode {
    /// How many channels of a network it can use.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Trunk => 2,
            Self::Access => 1,
        }
    }
}

/// Where a persona's address on a network comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignment {
    /// Fixed: it moves with the persona.
    Static(Ipv4Addr),
    /// Fixed, and another one on each channel: both carry at once, and nothing fails over. So the
    /// system control network is two paths. In access mode there is the primary only.
    OnEachChannel {
        /// On the primary channel.
        primary: Ipv4Addr,
        /// On the secondary channel.
        secondary: Ipv4Addr,
    },
    /// Handed out on the network when the persona boots (DHCP): for the system control network.
    Pool,
}

impl Assignment {
    /// The addresses that are the persona's own, wherever it runs.
    pub fn fixed(self) -> impl Iterator<Item = Ipv4Addr> {
        let (first, second) = match self {
            Self::Static(address) => (Some(address), None),
            Self::OnEachChannel { primary, secondary } => (Some(primary), Some(secondary)),
            Self::Pool => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// A persona's place on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connection {
    /// The network.
    pub network: NetworkName,
    /// Its address there.
    pub assignment: Assignment,
}

/// All of a persona's places, and how it takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connections {
    /// Tagged or plain interfaces.
    pub mode: Mode,
    /// One connection per network.
    pub connections: Vec<Connection>,
    /// The router for all other addresses, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Ipv4Addr>,
}
