//! One machine's management controller: who the machine is, its power, what it boots, what it is
//! made of.
//!
//! [`Bmc`] is the seam behind which Redfish, IPMI or a [machine in memory](MemoryBmc) stand. The
//! free functions act through it so that the outcome is known: [`prove_off`], [`shut_down`],
//! [`power_on`], [`arm`] and [`disarm`].
//!
//! **The one rule:** what a controller *accepted* proves nothing; only what it *reads* does, and
//! only if over the same connection it shows that it manages the expected machine. So each
//! function checks the identity first, then commands, then reads until a limit has passed; and
//! *off* is exactly `Off`, twice, with a pause between. What was proven once ([`ProvenOff`],
//! [`Disarmed`]) can be recorded but never be read back from a record.
//!
//! A controller that lies consistently is beyond this crate: whoever relies on *off* also looks
//! for signs of life that do not come from the controller.
//!
//! ```
//! use coldspare_bmc::{Bmc, Identity, MemoryBmc, NotOff, PowerState, Timing, Unmet, prove_off};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let pause = std::time::Duration::from_millis(1);
//! let expected = Identity::new(None, Some("5XKQ3R1"));
//! let bmc = MemoryBmc::new("r720-1".parse()?, expected.clone());
//! bmc.turn_on_by_hand();
//!
//! let timing = Timing { pause, ..Timing::default() };
//! let proof = prove_off(&bmc, &expected, &timing).await?;
//! assert_eq!(proof.identity(), &expected);
//! assert_eq!(bmc.read().await?.power, PowerState::Off);
//!
//! // A controller that manages another machine is sent nothing.
//! let other = Identity::new(None, Some("7ZZZ9Y2"));
//! let refused: NotOff = prove_off(&bmc, &other, &timing).await.unwrap_err();
//! assert!(matches!(refused, Unmet::OtherMachine { .. }));
//! # Ok(())
//! # }
//! ```
//!
//! Features: `ipmi` speaks to real controllers; `nic-file` puts a NIC beside a controller whose
//! memory is a file, for laboratories; `conformance` is the contract of [`Bmc`] as a suite to run
//! against any implementation.

mod arming;
mod bmc;
mod boot;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod identity;
mod inventory;
#[cfg(feature = "ipmi")]
mod ipmi;
mod memory;
#[cfg(feature = "nic-file")]
mod nic_file;
mod power;
mod power_control;
mod unmet;

pub use arming::{Disarmed, arm, disarm};
pub use bmc::{Bmc, Cause, Error, Settings};
pub use boot::{ArmedBoot, ArmedIscsi, BootSource, Chap, ChapError, IscsiBoot};
pub use identity::Identity;
pub use inventory::{BootMode, BootProgress, Health, Inventory, Nic, Processors};
#[cfg(feature = "ipmi")]
pub use ipmi::{CipherSuite, GuidOrder, Ipmi, IpmiAccess, IpmiUser, IpmiUserError};
pub use memory::{Faults, MemoryBmc};
#[cfg(feature = "nic-file")]
pub use nic_file::NicFile;
pub use power::{PowerCommand, PowerState, Reading, RestorePolicy};
pub use power_control::{ProvenOff, Timing, power_on, prove_off, read_off, shut_down};
pub use unmet::{NotOff, NotOn, NotSet, Unmet};
