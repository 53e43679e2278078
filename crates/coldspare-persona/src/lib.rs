//! Who a server is, apart from the machine it runs on: personas, servers, pools, placement.

mod error;
mod label;
mod persona;
pub mod placement;
mod pool;
mod quantity;
mod server;
mod state;

pub use error::Error;
pub use label::{FailureDomain, Label};
pub use persona::{
    BootTimer, HealthMonitor, NetworkMode, OperatingSystem, OperatingSystemFamily, Persona,
    PersonaSpec, Priority, Requirements, RoutingAndDns, SystemControlAddressing,
};
pub use placement::place;
pub use pool::{CallLimits, FenceLevel, Pool, PoolPolicy, SanLostPolicy, UnknownPolicy};
pub use quantity::{LinkSpeed, Memory};
pub use server::{Architecture, BootMode, Identity, Nic, SanPort, SanPorts, Server};
pub use state::{PersonaEvent, PersonaState};
