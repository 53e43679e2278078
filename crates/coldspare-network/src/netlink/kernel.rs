//! The kernel, as rtnetlink shows it.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use futures::channel::mpsc::UnboundedReceiver;
use futures::{StreamExt, TryStreamExt};
use ipnet::Ipv4Net;
use macaddr::MacAddr6;
use rtnetlink::packet_core::NetlinkMessage;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol};
use rtnetlink::sys::SocketAddr;
use rtnetlink::{
    AddressMessageBuilder, Handle, LinkMessageBuilder, LinkUnspec, LinkVlan, MulticastGroup,
    RouteMessageBuilder, new_connection, new_multicast_connection,
};

use super::found::{Found, Interface, Kind, Mark};
use super::operation::Operation;
use crate::VlanId;

/// Marks our routes: a number that no routing daemon has (`/etc/iproute2/rt_protos`).
const OURS: RouteProtocol = RouteProtocol::Other(203);

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the kernel refused {what}")]
    Refused {
        what: String,
        source: rtnetlink::Error,
    },
    #[error("interface {0} is gone")]
    Gone(String),
    #[error("interface {0} cannot be told to announce its address")]
    Mute(String, #[source] io::Error),
}

#[derive(Debug)]
pub(super) struct Kernel(Handle);

type Changes = UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>;

impl Kernel {
    pub(super) fn new() -> io::Result<Self> {
        let (connection, handle, _) = new_connection()?;
        tokio::spawn(connection);
        Ok(Self(handle))
    }

    pub(super) async fn look(&self) -> Result<Found, Failure> {
        let refused = |source| Failure::Refused {
            what: "a look".to_owned(),
            source,
        };
        let links = self.0.link().get().execute();
        let links: Vec<LinkMessage> = links.try_collect().await.map_err(refused)?;
        let addresses = self.0.address().get().execute();
        let addresses: Vec<AddressMessage> = addresses.try_collect().await.map_err(refused)?;
        let routes = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let routes = self.0.route().get(routes).execute();
        let routes: Vec<RouteMessage> = routes.try_collect().await.map_err(refused)?;
        let mut interfaces: BTreeMap<u32, Interface> = links
            .into_iter()
            .filter_map(|link| Some((link.header.index, interface(link)?)))
            .collect();
        for address in addresses {
            if let (Some(net), Some(one)) =
                (net(&address), interfaces.get_mut(&address.header.index))
            {
                one.addresses.insert(net);
            }
        }
        Ok(Found {
            interfaces: interfaces.into_values().collect(),
            gateway: routes.iter().find_map(gateway),
        })
    }

    pub(super) async fn perform(&self, operation: &Operation) -> Result<(), Failure> {
        let done = match operation {
            Operation::RemoveGateway(router) => {
                self.0
                    .route()
                    .del(default_route(*router).build())
                    .execute()
                    .await
            }
            Operation::AddGateway(router, name) => {
                let route = default_route(*router).output_interface(self.index(name).await?);
                self.0.route().add(route.build()).execute().await
            }
            Operation::RemoveInterface { index, .. } => self.0.link().del(*index).execute().await,
            Operation::CreateTagged { name, over, tag } => {
                let link = LinkVlan::new(name, *over, tag.number()).build();
                self.0.link().add(link).execute().await
            }
            Operation::SetMark(name, mark) => {
                let alias = mark.as_ref().map(Mark::to_string).unwrap_or_default();
                self.change(name, |link| link.alias(alias)).await
            }
            Operation::SetMtu(name, mtu) => self.change(name, |link| link.mtu(*mtu)).await,
            Operation::BringDown(name) => self.change(name, LinkMessageBuilder::down).await,
            Operation::BringUp(name) => {
                let notify = format!("/proc/sys/net/ipv4/conf/{name}/arp_notify");
                let told = std::fs::write(notify, "1");
                told.map_err(|error| Failure::Mute(name.clone(), error))?;
                self.change(name, LinkMessageBuilder::up).await
            }
            Operation::AddAddress(name, net) => {
                let index = self.index(name).await?;
                let (address, length) = (net.addr().into(), net.prefix_len());
                self.0.address().add(index, address, length).execute().await
            }
            Operation::RemoveAddress(name, net) => {
                let address = AddressMessageBuilder::<Ipv4Addr>::new()
                    .index(self.index(name).await?)
                    .address(net.addr(), net.prefix_len());
                self.0.address().del(address.build()).execute().await
            }
        };
        done.map_err(|source| Failure::Refused {
            what: format!("{operation:?}"),
            source,
        })
    }

    async fn change(
        &self,
        name: &str,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<(), rtnetlink::Error> {
        let message = change(LinkUnspec::new_with_name(name)).build();
        self.0.link().change(message).execute().await
    }

    async fn index(&self, name: &str) -> Result<u32, Failure> {
        let mut links = Box::pin(self.0.link().get().match_name(name).execute());
        match links.next().await {
            Some(Ok(link)) => Ok(link.header.index),
            _ => Err(Failure::Gone(name.to_owned())),
        }
    }
}

/// A message whenever a link has changed.
pub(super) fn link_changes() -> io::Result<Changes> {
    let (connection, _, changes) = new_multicast_connection(&[MulticastGroup::Link])?;
    tokio::spawn(connection);
    Ok(changes)
}

fn default_route(router: Ipv4Addr) -> RouteMessageBuilder<Ipv4Addr> {
    RouteMessageBuilder::<Ipv4Addr>::new()
        .gateway(router)
        .protocol(OURS)
}

/// An interface that is a NIC or a tagged sub-interface.
fn interface(link: LinkMessage) -> Option<Interface> {
    let flags = link.header.flags;
    let (mut name, mut mac, mut mtu, mut over, mut alias) = (None, None, 0, None, None);
    let (mut kind, mut tag) = (None, None);
    for attribute in link.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text),
            LinkAttribute::IfAlias(text) => alias = Some(text),
            LinkAttribute::Mtu(bytes) => mtu = bytes,
            LinkAttribute::Link(index) => over = Some(index),
            LinkAttribute::Address(bytes) => mac = <[u8; 6]>::try_from(bytes).ok(),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(named) => kind = Some(named),
                        LinkInfo::Data(InfoData::Vlan(data)) => tag = tag_in(&data),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(Interface {
        index: link.header.index,
        name: name?,
        kind: match kind {
            Some(InfoKind::Vlan) => Kind::Tagged {
                over: over?,
                tag: tag?,
            },
            // A container's NIC is one end of a pair.
            None | Some(InfoKind::Veth) if link.header.link_layer_type == LinkLayerType::Ether => {
                Kind::Nic(MacAddr6::from(mac?))
            }
            _ => return None,
        },
        mark: alias.as_deref().and_then(Mark::read),
        mtu,
        is_up: flags.contains(LinkFlags::Up),
        has_link: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        addresses: [].into(),
    })
}

fn tag_in(data: &[InfoVlan]) -> Option<VlanId> {
    let mut numbers = data.iter().filter_map(|one| match one {
        InfoVlan::Id(number) => Some(*number),
        _ => None,
    });
    VlanId::new(numbers.next()?).ok()
}

/// An address that was given for good.
fn net(address: &AddressMessage) -> Option<Ipv4Net> {
    if !address.header.flags.contains(AddressHeaderFlags::Permanent) {
        return None;
    }
    let mut local = address.attributes.iter().filter_map(|one| match one {
        AddressAttribute::Local(IpAddr::V4(local)) => Some(*local),
        _ => None,
    });
    Ipv4Net::new(local.next()?, address.header.prefix_len).ok()
}

fn gateway(route: &RouteMessage) -> Option<(Ipv4Addr, u32)> {
    if route.header.protocol != OURS || route.header.destination_prefix_length != 0 {
        return None;
    }
    let (mut router, mut index) = (None, None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => router = Some(*address),
            RouteAttribute::Oif(number) => index = Some(*number),
            _ => {}
        }
    }
    Some((router?, index?))
}
