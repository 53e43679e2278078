//! One machine's management controller: identity, power, boot, inventory.

mod arming;
mod bmc;
mod boot;
mod identity;
mod inventory;
mod memory;
mod power;
mod power_control;
mod unmet;

pub use arming::{Disarmed, arm, disarm};
pub use bmc::{Bmc, Cause, Error, Settings};
pub use boot::{ArmedBoot, ArmedIscsi, BootSource, Chap, ChapError, IscsiBoot};
pub use identity::Identity;
pub use inventory::{BootMode, BootProgress, Health, Inventory, Nic, Processors};
pub use memory::{Faults, MemoryBmc};
pub use power::{PowerCommand, PowerState, Reading, RestorePolicy};
pub use power_control::{ProvenOff, Timing, power_on, prove_off, read_off, shut_down};
pub use unmet::{NotOff, NotOn, NotSet, Unmet};
