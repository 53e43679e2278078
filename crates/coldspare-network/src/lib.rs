//! Logical networks, channels and channel failover, switch ports, guest interfaces.

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
mod network;
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
pub use guest_plan::{GuestNetwork, GuestPlan, guest_plan};
pub use network::{ChannelPair, LogicalNetwork, Mtu, NetworkKind, Networks, VlanId};
pub use park::{Parked, park, read_parked, wire};
pub use port::{Link, Membership, Observed, PortStatus, Trunk};
pub use port_change::{PortStep, port_change};
pub use port_plan::{PortPlan, SwitchPlan, port_plan};
pub use problem::Problem;
pub use switch::Switch;
