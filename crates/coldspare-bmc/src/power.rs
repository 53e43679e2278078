//! Power: what a machine's state may be, what may be asked of it, what was read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Identity;

/// The power of a machine, as its controller reads it.
///
/// Only [`Off`](Self::Off) is off: a machine that is powering off may still write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerState {
    /// It runs.
    On,
    /// It does not run.
    Off,
    /// On its way to [`On`](Self::On).
    PoweringOn,
    /// On its way to [`Off`](Self::Off), and perhaps never to arrive.
    PoweringOff,
    /// The controller says nothing, or something that is none of these (`Paused`).
    Unknown,
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "on",
            Self::Off => "off",
            Self::PoweringOn => "powering on",
            Self::PoweringOff => "powering off",
            Self::Unknown => "unknown",
        })
    }
}

/// What may be asked of a machine's power. There is no restart: off is read back before on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerCommand {
    /// Turn on. (Redfish `On`, IPMI chassis control 1.)
    On,
    /// Turn off at once, whatever the operating system does. (Redfish `ForceOff`, IPMI 0.)
    ForceOff,
    /// Ask the operating system to end; it may refuse. (Redfish `GracefulShutdown`, IPMI 5.)
    ShutDown,
}

impl fmt::Display for PowerCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::On => "power on",
            Self::ForceOff => "power off",
            Self::ShutDown => "shut down",
        })
    }
}

/// What a machine does when its mains return. (IPMI 2.0 table 28-3; Redfish `PowerRestorePolicy`.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestorePolicy {
    /// It stays off.
    AlwaysOff,
    /// It is what it was before.
    LastState,
    /// It starts.
    AlwaysOn,
}

/// Identity and power, read over one connection, so that both are of the same machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Which machine the controller manages.
    pub identity: Identity,
    /// Its power.
    pub power: PowerState,
}
