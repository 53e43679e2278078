//! What is wrong with a description of networks: refused before anything is touched.

use std::net::Ipv4Addr;

use coldspare_names::{Channel, NetworkName, PersonaName, PortId};
use ipnet::Ipv4Net;
use macaddr::MacAddr6;

use crate::VlanId;

/// A rule that a description of networks breaks, and what breaks it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// IEEE 802.1Q reserves 0 (priority tag) and 4095.
    #[error("{number} is no VLAN: they are numbered 1 to 4094")]
    VlanOutOfRange {
        /// The refused number.
        number: u16,
    },
    /// RFC 791 asks every link for 68 bytes at least.
    #[error("{bytes} is no MTU: it is at least 68 bytes")]
    MtuTooSmall {
        /// The refused number.
        bytes: u16,
    },
    /// A pair of channels with one channel in both places protects against nothing.
    #[error("channel {channel} is both primary and secondary")]
    SameChannel {
        /// The channel.
        channel: Channel,
    },
    /// A trunk without a VLAN is a parked port, and several switches take it for "all VLANs".
    #[error("a trunk needs at least one VLAN: a port that passes nothing is parked")]
    EmptyTrunk,
    /// A VLAN leaves a port tagged or untagged, not both.
    #[error("VLAN {vlan} is both tagged and native on one trunk")]
    TaggedAndNative {
        /// The VLAN.
        vlan: VlanId,
    },
    /// Two networks have one name.
    #[error("network {network} is described twice")]
    NetworkTwice {
        /// The name.
        network: NetworkName,
    },
    /// Two networks in one VLAN would hear each other; also while one takes it over from another.
    #[error("VLAN {vlan} is used by network {network} and by network {other}")]
    VlanTwice {
        /// The VLAN.
        vlan: VlanId,
        /// One network.
        network: NetworkName,
        /// The other.
        other: NetworkName,
    },
    /// A subnet is written with its own address: 10.1.0.0/16, not 10.1.2.3/16.
    #[error("network {network}: {subnet} has bits beyond its mask")]
    SubnetHasHostBits {
        /// The network.
        network: NetworkName,
        /// Its subnet as written.
        subnet: Ipv4Net,
    },
    /// An address in two subnets is ambiguous.
    #[error("subnet {subnet} of network {network} overlaps with that of network {other}")]
    SubnetsOverlap {
        /// One network.
        network: NetworkName,
        /// Its subnet.
        subnet: Ipv4Net,
        /// The other network.
        other: NetworkName,
    },
    /// A connection names a network that is not described.
    #[error("network {network} is not described")]
    NetworkUnknown {
        /// The name.
        network: NetworkName,
    },
    /// One persona has two connections to one network.
    #[error("network {network} is connected twice")]
    ConnectedTwice {
        /// The network.
        network: NetworkName,
    },
    /// On an application network a persona is found by its address, so the address must stay
    /// when the persona moves; only the system control network hands out addresses.
    #[error("network {network} needs a static address")]
    StaticAddressMissing {
        /// The network.
        network: NetworkName,
    },
    /// A static address lies outside its network.
    #[error("address {address} is outside {subnet} of network {network}")]
    AddressOutside {
        /// The network.
        network: NetworkName,
        /// The address.
        address: Ipv4Addr,
        /// The network's subnet.
        subnet: Ipv4Net,
    },
    /// The first and last address of a subnet belong to no host (RFC 1122, 3.2.1.3).
    #[error("address {address} is the network or broadcast address of network {network}")]
    AddressReserved {
        /// The network.
        network: NetworkName,
        /// The address.
        address: Ipv4Addr,
    },
    /// Two personas have one address.
    #[error("address {address} is used by persona {persona} and by persona {other}")]
    AddressTwice {
        /// The address.
        address: Ipv4Addr,
        /// One persona.
        persona: PersonaName,
        /// The other.
        other: PersonaName,
    },
    /// A default gateway is reached over a connected network, and is another host.
    #[error("gateway {gateway} is no other host of a connected network")]
    GatewayUnreachable {
        /// The gateway.
        gateway: Ipv4Addr,
    },
    /// One NIC is on two channels.
    #[error("channels {channel} and {other} both have the NIC {mac}")]
    NicTwice {
        /// The NIC.
        mac: MacAddr6,
        /// One channel.
        channel: Channel,
        /// The other.
        other: Channel,
    },
    /// Two NICs end on one port.
    #[error("channels {channel} and {other} both end on {port}")]
    PortTwice {
        /// The port.
        port: PortId,
        /// One channel.
        channel: Channel,
        /// The other.
        other: Channel,
    },
    /// A connected network needs a channel on which the server has no NIC.
    #[error("network {network} needs channel {channel}, where the server has no NIC")]
    ChannelMissing {
        /// The network.
        network: NetworkName,
        /// The channel.
        channel: Channel,
    },
    /// In access mode a NIC carries one network.
    #[error("in access mode channel {channel} cannot carry both {network} and {other}")]
    ChannelShared {
        /// The channel.
        channel: Channel,
        /// One network.
        network: NetworkName,
        /// The other.
        other: NetworkName,
    },
    /// Plain interfaces cannot fail over: that takes tagged ones, so trunk mode.
    #[error("network {network} has a secondary channel, which access mode cannot use")]
    FailoverInAccessMode {
        /// The network.
        network: NetworkName,
    },
    /// A plan touches a port that is an uplink, is not listed, or is on an unmanaged switch.
    #[error("{port} is not managed: an uplink, an unlisted port or an unmanaged switch")]
    PortUnmanaged {
        /// The port.
        port: PortId,
    },
    /// Something is wrong with one persona's connections.
    #[error("persona {persona}: {problem}")]
    OfPersona {
        /// The persona.
        persona: PersonaName,
        /// What is wrong.
        problem: Box<Problem>,
    },
}

impl Problem {
    /// The same problem, with the persona it belongs to.
    #[must_use]
    pub fn of_persona(self, persona: &PersonaName) -> Self {
        Self::OfPersona {
            persona: persona.clone(),
            problem: Box::new(self),
        }
    }
}
