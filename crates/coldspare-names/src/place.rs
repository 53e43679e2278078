//! Names that lie inside another name: a port of a switch, a volume of an array.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ArrayName, PortName, SwitchName, VolumeName};

/// One port of one switch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortId {
    /// The switch.
    pub switch: SwitchName,
    /// Its port.
    pub port: PortName,
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port {} of {}", self.port, self.switch)
    }
}

/// One volume of one array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeId {
    /// The array.
    pub array: ArrayName,
    /// Its volume.
    pub volume: VolumeName,
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volume {} on {}", self.volume, self.array)
    }
}
