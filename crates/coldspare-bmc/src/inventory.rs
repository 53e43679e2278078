//! What a machine is made of, as far as its controller knows.

use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};

use crate::Identity;

/// What a machine is made of. What the controller does not tell is `None`, never a guess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// UUID and serial number.
    pub identity: Identity,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// The model, as the maker calls it.
    pub model: Option<String>,
    /// Its processors.
    pub processors: Option<Processors>,
    /// Its memory, in MiB.
    pub memory_mib: Option<u64>,
    /// How its firmware boots now.
    pub boot_mode: Option<BootMode>,
    /// Its network ports, in the controller's order.
    pub nics: Vec<Nic>,
    /// How well it is.
    pub health: Option<Health>,
    /// How far its latest boot came.
    pub boot_progress: Option<BootProgress>,
}

impl Inventory {
    /// The inventory of a machine of which only the identity is known.
    pub const fn of(identity: Identity) -> Self {
        Self {
            identity,
            manufacturer: None,
            model: None,
            processors: None,
            memory_mib: None,
            boot_mode: None,
            nics: Vec::new(),
            health: None,
            boot_progress: None,
        }
    }
}

/// The processors of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Processors {
    /// How many sockets are filled.
    pub count: u32,
    /// The model, as the maker calls it.
    pub model: Option<String>,
}

/// How firmware boots. An image made for one does not start in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootMode {
    /// As a PC BIOS does.
    Legacy,
    /// By UEFI.
    Uefi,
}

/// One network port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// The controller's name for it: `NIC.Slot.1-1`.
    pub name: String,
    /// Its hardware address.
    pub mac: MacAddr6,
    /// Its speed, in Mbit/s.
    pub speed_mbps: Option<u64>,
    /// Whether it can boot from iSCSI.
    pub iscsi_boot: Option<bool>,
}

/// How well a machine is, all its parts together. (Redfish `HealthRollup`.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing is wrong.
    Ok,
    /// Something needs attention.
    Warning,
    /// Something needs attention now.
    Critical,
}

/// How far a boot came. (Redfish `BootProgress.LastState`, in fewer stages.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootProgress {
    /// It is off.
    None,
    /// The firmware tests and sets up the hardware.
    Firmware,
    /// The operating system is being loaded.
    OsBootStarted,
    /// The operating system runs.
    OsRunning,
}
