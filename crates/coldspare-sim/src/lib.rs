//! A data centre in memory, on virtual time, in which everything can break.
//!
//! The devices are those that every layer brings along for tests; here they are *wired*: a server
//! with power tests itself, reads what its NIC remembers, logs in to the array that admits it or
//! does not, boots, and is heard if its port, its cable and its switch let it through. A real
//! [`coldspare::Shell`] looks after it and cannot tell the difference.
//!
//! **The one rule:** causes are physical, and nobody tells the controller anything that a real data
//! centre would not tell. [`FaultKind`] says what breaks; [`Truth`] shows how things really are, and
//! only checkers and people may look; [`possible`] says what could have been done at all.
//!
//! Everything happens on a runtime of one thread with a paused clock and with one stream of
//! randomness for each entity: the same seed gives the same run, byte for byte.
//!
//! ```
//! use coldspare::site::Site;
//! use coldspare_sim::{Scenario, simulate};
//!
//! # let folder: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
//! let site = Site::load(format!("{folder}/sites/white-paper.toml"))?;
//! let text = r#"
//!     duration = "12m"
//!     [[fault]]
//!     at = "10m"
//!     kind = "power-loss"
//!     server = "r720-1"
//! "#;
//! let scenario = Scenario::parse(text, "power-loss.toml", &site)?;
//! let outcome = simulate(&site, &scenario, 1)?;
//!
//! // Seconds after the loss the group has helped itself; its persona takes minutes to boot.
//! let database = "Database-1".parse()?;
//! assert_eq!(outcome.before.active[&database].as_str(), "exchange-1");
//! assert_eq!(outcome.after.active[&database].as_str(), "exchange-2");
//! assert_eq!(outcome.after.home["exchange-1"], None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod devices;
mod fault;
mod latency;
mod oracle;
pub mod random;
mod scenario;
mod simulation;
mod truth;
mod world;

pub use fault::{Fault, FaultKind, Reads};
pub use latency::Latency;
pub use oracle::{Possibility, possible};
pub use scenario::Scenario;
pub use simulation::{Outcome, Picture, Simulation, simulate, simulate_observed};
pub use truth::{Port, Speaker, Truth, Worn, Writer};
pub use world::{Error, Observer, World};
