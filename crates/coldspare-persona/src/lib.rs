//! Who a server is, apart from the machine it runs on: personas, servers, pools, placement.
//!
//! A [`Persona`] is an identity captured on a boot volume. A [`Server`] is a machine that can wear
//! it. A [`Pool`] says among which of them failover happens, and how. What becomes of a persona is
//! a [`PersonaState`]; which server it gets, [`place`] decides, and for every other server it says
//! why not and what would have to change.
//!
//! **The one rule:** a persona is placed only on a server of its own pool that is nobody's, off and
//! scrubbed; the one exception is its own server, started again when no spare is left.
//!
//! The layer holds the *names* of networks, channels and volumes. Whoever knows them tells
//! placement what each network needs ([`NetworkNeed`](placement::NetworkNeed)).
//!
//! # The paper's three servers
//!
//! Two R720 wear the two Exchange personas, the third stands by. The first is found dead:
//!
//! ```
//! use coldspare_persona::placement::{Candidate, Claim, Power};
//! use coldspare_persona::{Persona, Server, place};
//! use serde_json::{from_value, json};
//!
//! let r720 = |number: u8| -> Result<Server, serde_json::Error> {
//!     let san_port = |path: u8| json!({
//!         "mac": format!("02:00:00:01:0{path}:0{number}"),
//!         "address": format!("10.50.{path}.{number}"),
//!         "iscsi-boot": true,
//!     });
//!     from_value(json!({
//!         "name": format!("r720-{number}"),
//!         "pool": "exchange",
//!         "identity": { "uuid": format!("00000000-0000-0000-0000-00000000000{number}") },
//!         "architecture": "x86_64",
//!         "processors": 16,
//!         "memory": "64 GiB",
//!         "boot-mode": "bios",
//!         "san-ports": [san_port(1), san_port(2)],
//!     }))
//! };
//! let exchange_1: Persona = from_value(json!({
//!     "name": "exchange-1",
//!     "pool": "exchange",
//!     "operating-system": { "family": "windows", "version": "Server 2008 R2 SP1" },
//!     "initiator": "iqn.2012-08.com.example:exchange1",
//!     "image": { "array": "ps6110", "volume": "exchange-server-1" },
//!     "requirements": { "memory": "48 GiB", "boot-mode": "bios" },
//!     "boot-timer": "20m",
//! }))?;
//!
//! let (first, second, third) = (r720(1)?, r720(2)?, r720(3)?);
//! let wears = |server, persona: &str| -> Result<Candidate<'_>, coldspare_names::NameError> {
//!     let wears = Some(persona.parse()?);
//!     Ok(Candidate { wears, scrubbed: false, power: Power::On, ..Candidate::spare(server) })
//! };
//! let candidates = [
//!     wears(&first, "exchange-1")?,
//!     wears(&second, "exchange-2")?,
//!     Candidate::spare(&third),
//! ];
//!
//! let placed = &place(&[Claim::new(&exchange_1)], &candidates)[0];
//! let choice = placed.choice.as_ref().expect("the third fits");
//! assert_eq!(choice.server.as_str(), "r720-3");
//! let reason = &placed.refused["r720-2"][0];
//! assert_eq!(reason.to_string(), "wears exchange-2");
//! assert_eq!(reason.remedy().to_string(), "move or stop exchange-2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clash;
mod error;
mod label;
mod mac_text;
mod persona;
pub mod placement;
mod pool;
mod quantity;
#[cfg(test)]
mod samples;
mod server;
mod state;

pub use clash::{Clash, Owner, Unique, clashes};
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
