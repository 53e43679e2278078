//! Logical networks, channels and channel failover, switch ports, guest interfaces.
//!
//! A persona knows networks, a server knows cables. This crate joins them: what every switch port
//! is to pass, and which interfaces the persona's operating system needs, on whichever server it
//! wakes. Its decisions are pure functions ([`port_plan()`], [`guest_plan()`], [`carriers`],
//! [`failover()`], [`change()`], [`port_change()`], [`validate`]); the devices are behind two
//! seams, [`Switch`] and [`Guest`]; [`wire`] and [`park()`] put a plan on a switch.
//!
//! **The one rule:** a port passes the VLANs that its server has business on and no others, also
//! on the way from one plan to the next. So a port is always set whole ([`Membership`]), against
//! what was read before, and read back.
//!
//! The networks of the white paper (its Table 2, with 101 and 102 for its VLANs X and Y): MAPI and
//! replication have a NIC each, and each is the other's way out.
//!
//! ```
//! use std::collections::{BTreeMap, BTreeSet};
//!
//! use coldspare_names::{Channel, PortId};
//! use coldspare_network::memory::MemorySwitch;
//! use coldspare_network::{
//!     Cable, Cabling, Connections, Networks, VlanId, carriers, guest_plan, park, port_plan, wire,
//! };
//! use serde_json::{from_value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let networks: Networks = from_value(json!([
//!     { "name": "SCN", "vlan": 4004, "subnet": "10.4.0.0/24", "kind": "system-control",
//!       "channels": { "primary": 1, "secondary": 2 } },
//!     { "name": "MAPI", "vlan": 101, "subnet": "10.101.0.0/24", "kind": "application",
//!       "channels": { "primary": 3, "secondary": 4 } },
//!     { "name": "replication", "vlan": 102, "subnet": "10.102.0.0/24", "kind": "application",
//!       "channels": { "primary": 4, "secondary": 3 } },
//! ]))?;
//! let exchange: Connections = from_value(json!({
//!     "mode": "trunk",
//!     "connections": [
//!         { "network": "SCN", "assignment": "pool" },
//!         { "network": "MAPI", "assignment": { "static": "10.101.0.11" } },
//!         { "network": "replication", "assignment": { "static": "10.102.0.11" } },
//!     ],
//! }))?;
//! let mut cables = BTreeMap::new();
//! for number in 1..=4 {
//!     let mac = [2, 0, 0, 0, 0, number].into();
//!     let port = PortId { switch: "lan-1".parse()?, port: format!("1/g{number}").parse()? };
//!     cables.insert(Channel::new(number)?, Cable { mac, port });
//! }
//! let cabling = Cabling::new(cables)?;
//!
//! // The ports pass every network on its primary and on its secondary channel.
//! let plan = port_plan(&exchange, &networks, &cabling)?;
//! let (name, ports) = plan.switches().next().ok_or("all ports are on one switch")?;
//! let switch = MemorySwitch::new(name.clone(), ports.keys().cloned());
//! wire(&switch, ports).await?;
//! let mapi = VlanId::new(101)?;
//! let passing: Vec<_> = ports.keys().filter(|port| switch.carries(port, mapi)).collect();
//! assert_eq!(passing, [&"1/g3".parse()?, &"1/g4".parse()?]);
//!
//! // The persona moves MAPI to channel 4 by itself when channel 3 has no link.
//! let guest = guest_plan(&exchange, &networks, &cabling)?;
//! let links = [1, 2, 4].map(Channel::new).into_iter().collect::<Result<BTreeSet<_>, _>>()?;
//! assert_eq!(carriers(&guest, &links)["MAPI"], Channel::new(4)?);
//!
//! // A server that must fall silent is parked; what is returned can be had in no other way.
//! let evidence = park(&switch, &ports.keys().cloned().collect()).await?;
//! assert_eq!(evidence.ports().len(), 4);
//! # Ok(())
//! # }
//! ```

mod cabling;
mod change;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod connection;
mod error;
mod failover;
mod guest;
mod guest_plan;
pub mod memory;
#[cfg(all(feature = "netlink", target_os = "linux"))]
pub mod netlink;
mod network;
#[cfg(feature = "ovs")]
pub mod ovs;
mod park;
mod port;
mod port_change;
mod port_plan;
mod problem;
#[cfg(test)]
mod study;
mod switch;
pub mod validate;

pub use cabling::{Cable, Cabling};
pub use change::{Running, Stage, change};
pub use connection::{Assignment, Connection, Connections, Mode};
pub use error::{Error, Source};
pub use failover::{Failover, Move, Share, carriers, failover};
pub use guest::{Guest, Interfaces, Nic};
pub use guest_plan::{GuestNetwork, GuestPlan, guest_plan, on_secondary};
pub use network::{ChannelPair, LogicalNetwork, Mtu, NetworkKind, Networks, VlanId};
pub use park::{Parked, park, read_parked, wire};
pub use port::{Link, Membership, Observed, PortStatus, Trunk};
pub use port_change::{PortStep, port_change};
pub use port_plan::{PortPlan, SwitchPlan, port_plan};
pub use problem::Problem;
pub use switch::Switch;
