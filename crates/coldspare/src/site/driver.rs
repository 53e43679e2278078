//! Which implementation drives a device: one enum per seam, so that connecting a site is one
//! `match` per seam, and a new driver is one variant here and one line where it is read.
//!
//! Drivers of real devices stand behind a feature each. A build without it refuses a site that
//! names the driver, and says which feature brings it.

use coldspare_san::ArrayTraits;
use coldspare_san::memory::MemoryArray;
#[cfg(feature = "tgt")]
use coldspare_san::tgt::TgtArray;
use serde::{Deserialize, Serialize};

use super::reader::Table;
use super::value::plain;

#[cfg(feature = "ipmi")]
mod ipmi;
#[cfg(feature = "ovs")]
mod ovs;
#[cfg(feature = "tgt")]
mod tgt;

#[cfg(feature = "ipmi")]
pub use ipmi::IpmiDriver;
#[cfg(feature = "ovs")]
pub use ovs::OvsDriver;
#[cfg(feature = "tgt")]
pub use tgt::TgtDriver;

/// Drives a server's management controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "kebab-case")]
pub enum BmcDriver {
    /// One in memory.
    Memory,
    /// IPMI 2.0 over the LAN.
    #[cfg(feature = "ipmi")]
    Ipmi(IpmiDriver),
}

/// Drives a LAN switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "kebab-case")]
pub enum SwitchDriver {
    /// Nobody: its ports are set by hand and never changed by us. So it is with SAN switches.
    Unmanaged,
    /// One in memory.
    Memory,
    /// A bridge of an Open vSwitch, over OVSDB.
    #[cfg(feature = "ovs")]
    Ovs(OvsDriver),
}

/// Drives a storage array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "kebab-case")]
pub enum ArrayDriver {
    /// One in memory that behaves like an array of these traits.
    Memory {
        /// What it can do.
        traits: ArrayTraits,
    },
    /// The Linux SCSI target in user space, on this machine.
    #[cfg(feature = "tgt")]
    Tgt(TgtDriver),
}

impl ArrayDriver {
    /// What an array that it drives can do.
    pub fn traits(&self) -> ArrayTraits {
        match self {
            Self::Memory { traits } => *traits,
            #[cfg(feature = "tgt")]
            Self::Tgt(_) => TgtArray::TRAITS,
        }
    }
}

/// Drives a database availability group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "kebab-case")]
pub enum DagDriver {
    /// A simulated cluster.
    Memory,
}

pub(super) fn bmc(table: &mut Table<'_>) -> Option<BmcDriver> {
    table.choose(
        "driver",
        &[
            ("memory", |_| Some(BmcDriver::Memory)),
            #[cfg(feature = "ipmi")]
            ("ipmi", |table| ipmi::read(table).map(BmcDriver::Ipmi)),
            #[cfg(not(feature = "ipmi"))]
            ("ipmi", |table| lacking(table, "ipmi")),
        ],
    )
}

pub(super) fn switch(table: &mut Table<'_>) -> Option<SwitchDriver> {
    table.choose(
        "driver",
        &[
            ("unmanaged", |_| Some(SwitchDriver::Unmanaged)),
            ("memory", |_| Some(SwitchDriver::Memory)),
            #[cfg(feature = "ovs")]
            ("ovs", |table| ovs::read(table).map(SwitchDriver::Ovs)),
            #[cfg(not(feature = "ovs"))]
            ("ovs", |table| lacking(table, "ovs")),
        ],
    )
}

pub(super) fn array(table: &mut Table<'_>) -> Option<ArrayDriver> {
    table.choose(
        "driver",
        &[
            ("memory", |table| Some(memory_array(table))),
            #[cfg(feature = "tgt")]
            ("tgt", |table| tgt::read(table).map(ArrayDriver::Tgt)),
            #[cfg(not(feature = "tgt"))]
            ("tgt", |table| lacking(table, "tgt")),
        ],
    )
}

pub(super) fn dag(table: &mut Table<'_>) -> Option<DagDriver> {
    table.choose("driver", &[("memory", |_| Some(DagDriver::Memory))])
}

/// A driver that exists and that this build was made without.
#[cfg(not(all(feature = "ipmi", feature = "ovs", feature = "tgt")))]
fn lacking<T>(table: &mut Table<'_>, driver: &str) -> Option<T> {
    table.ignore_rest();
    let reason = format!("this build lacks it: coldspare's feature {driver:?} brings it");
    table.report("driver", reason);
    None
}

/// Traits that are left out are those of a well-behaved array.
fn memory_array(table: &mut Table<'_>) -> ArrayDriver {
    let mut traits = MemoryArray::TRAITS;
    table.optional_table("traits", |table| {
        let mut set = |key, yes: &mut bool| *yes = table.optional(key, plain).unwrap_or(*yes);
        set("binds-by-address", &mut traits.binds_by_address);
        set("binds-by-secret", &mut traits.binds_by_secret);
        set("rules-are-ored", &mut traits.rules_are_ored);
        set("removal-ends-sessions", &mut traits.removal_ends_sessions);
        set("knows-last-write", &mut traits.knows_last_write);
        set(
            "opens-when-last-account-goes",
            &mut traits.opens_when_last_account_goes,
        );
        set(
            "loses-configuration-on-restart",
            &mut traits.loses_configuration_on_restart,
        );
        traits.stamps = table.optional("stamps", plain).unwrap_or(traits.stamps);
    });
    ArrayDriver::Memory { traits }
}
