//! What the kernel has, and what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use coldspare_names::{Channel, NetworkName};
use ipnet::Ipv4Net;
use macaddr::MacAddr6;

use crate::{ChannelPair, GuestNetwork, GuestPlan, Interfaces, Link, Mtu, Nic, VlanId};

/// Which of a network's channels an interface is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Primary,
    Secondary,
}

/// What an interface is ours for, as its alias says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) channel: Channel,
    /// None for a NIC that carries sub-interfaces alone.
    pub(super) network: Option<(Role, NetworkName)>,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "coldspare channel {}", self.channel)?;
        match &self.network {
            None => Ok(()),
            Some((Role::Primary, network)) => write!(f, " primary of {network}"),
            Some((Role::Secondary, network)) => write!(f, " secondary of {network}"),
        }
    }
}

impl Mark {
    pub(super) fn read(alias: &str) -> Option<Self> {
        let rest = alias.strip_prefix("coldspare channel ")?;
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let channel = Channel::new(number.parse().ok()?).ok()?;
        let network = match rest.split_once(" of ") {
            None if rest.is_empty() => None,
            Some(("primary", network)) => Some((Role::Primary, NetworkName::new(network).ok()?)),
            Some(("secondary", network)) => {
                Some((Role::Secondary, NetworkName::new(network).ok()?))
            }
            _ => return None,
        };
        Some(Self { channel, network })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A NIC.
    Nic(MacAddr6),
    /// A tagged sub-interface, over the interface of that index.
    Tagged { over: u32, tag: VlanId },
}

/// An interface that is of some interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) mark: Option<Mark>,
    pub(super) mtu: u32,
    pub(super) is_up: bool,
    pub(super) has_link: bool,
    pub(super) addresses: BTreeSet<Ipv4Net>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub(super) interfaces: Vec<Interface>,
    /// Our default route: by that router, over the interface of that index.
    pub(super) gateway: Option<(Ipv4Addr, u32)>,
}

impl Found {
    /// The NIC of that address.
    pub(super) fn nic(&self, mac: MacAddr6) -> Option<&Interface> {
        let mut interfaces = self.interfaces.iter();
        interfaces.find(|interface| interface.kind == Kind::Nic(mac))
    }

    /// The channels whose NIC has a link.
    pub(super) fn channels_up(&self, plan: &GuestPlan) -> BTreeSet<Channel> {
        let up = |mac| self.nic(mac).is_some_and(|nic| nic.has_link);
        let channels = plan.nics.iter().filter(|(_, mac)| up(**mac));
        channels.map(|(&channel, _)| channel).collect()
    }

    /// Each network's interfaces with their channels, by role.
    pub(super) fn networks(&self) -> BTreeMap<&NetworkName, BTreeMap<Role, (Channel, &Interface)>> {
        let mut networks: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for interface in &self.interfaces {
            if let Some(Mark {
                channel,
                network: Some((role, network)),
            }) = &interface.mark
            {
                let roles = networks.entry(network).or_default();
                roles.insert(*role, (*channel, interface));
            }
        }
        networks
    }

    /// In the terms of the seam.
    pub(super) fn interfaces(&self) -> Interfaces {
        let mut all = Interfaces::default();
        for interface in &self.interfaces {
            if let Kind::Nic(mac) = interface.kind {
                let link = if interface.has_link {
                    Link::Up
                } else {
                    Link::Down
                };
                all.nics.push(Nic { mac, link });
                if let Some(mark) = &interface.mark {
                    all.configured.nics.insert(mark.channel, mac);
                }
            }
        }
        for (name, roles) in self.networks() {
            let carrier = roles.values().find(|(_, one)| one.is_up && one.has_link);
            if let Some((channel, _)) = carrier {
                all.carriers.insert(name.clone(), *channel);
            }
            if let Some(network) = network(&roles) {
                all.configured.networks.insert(name.clone(), network);
            }
        }
        all.configured.gateway = self.gateway.map(|(router, _)| router);
        all
    }
}

/// What a network's interfaces amount to; half of them is none.
fn network(roles: &BTreeMap<Role, (Channel, &Interface)>) -> Option<GuestNetwork> {
    let (primary, interface) = roles.get(&Role::Primary)?;
    let secondary = roles.get(&Role::Secondary).map(|(channel, _)| *channel);
    let mut addresses = roles.values().flat_map(|(_, one)| &one.addresses);
    Some(GuestNetwork {
        tag: match interface.kind {
            Kind::Nic(_) => None,
            Kind::Tagged { tag, .. } => Some(tag),
        },
        channels: ChannelPair::new(*primary, secondary).ok()?,
        address: addresses.next().copied(),
        mtu: Mtu::new(u16::try_from(interface.mtu).ok()?).ok()?,
    })
}
