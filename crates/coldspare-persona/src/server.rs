//! Servers: the machines that can wear a persona.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use coldspare_names::{Channel, PoolName, PortId, ServerName};
use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, FailureDomain, Label, LinkSpeed, Memory, mac_text};

/// A physical machine, as it is bolted in and cabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Server {
    /// What people call it.
    pub name: ServerName,
    /// The pool whose personas it may wear.
    pub pool: PoolName,
    /// By what its management controller and its agent know it.
    pub identity: Identity,
    /// The instruction set of its processors.
    pub architecture: Architecture,
    /// How many processor cores it has.
    pub processors: u32,
    /// How much main memory it has.
    pub memory: Memory,
    /// Which firmware interface it boots with.
    pub boot_mode: BootMode,
    /// Its NICs on managed LAN switches, by channel.
    #[serde(default)]
    pub nics: BTreeMap<Channel, Nic>,
    /// Its ports on the SAN.
    pub san_ports: SanPorts,
    /// What it shares its fate with: rack, feed, anything the site names.
    #[serde(default)]
    pub domains: BTreeSet<FailureDomain>,
    /// What else it can do, in the site's words; compared with a persona's requirements.
    #[serde(default)]
    pub capabilities: BTreeSet<Label>,
    /// Whether it begins in maintenance: nothing is placed on it then.
    #[serde(default)]
    pub maintenance: bool,
}

/// What tells one machine from all others, also when cables or addresses were swapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// The SMBIOS system UUID (DSP0134, 7.2.1).
    pub uuid: Uuid,
    /// The maker's serial number or service tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<Label>,
}

/// A processor's instruction set, in AIM's words and one that came later.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 32-bit x86.
    #[serde(rename = "x86_32")]
    X86With32Bits,
    /// 64-bit x86.
    #[default]
    #[serde(rename = "x86_64")]
    X86With64Bits,
    /// 64-bit Arm.
    Aarch64,
    /// Not known: such an operating system may be tried on any server, but such a server is
    /// trusted with no other.
    Unknown,
}

impl Architecture {
    /// Whether such a processor runs an operating system made for `system`.
    pub fn runs(self, system: Self) -> bool {
        self == system
            || system == Self::Unknown
            || (self, system) == (Self::X86With64Bits, Self::X86With32Bits)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::X86With32Bits => "x86_32",
            Self::X86With64Bits => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Unknown => "unknown",
        })
    }
}

/// The firmware interface through which an operating system is started. An image made for one
/// does not start through the other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum BootMode {
    /// The PC BIOS, also called legacy.
    Bios,
    /// UEFI.
    #[default]
    Uefi,
}

impl fmt::Display for BootMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bios => "BIOS",
            Self::Uefi => "UEFI",
        })
    }
}

/// A NIC on a managed LAN switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Nic {
    /// Its address.
    #[serde(with = "mac_text")]
    pub mac: MacAddr6,
    /// The speed its link has.
    pub speed: LinkSpeed,
    /// The switch port at the other end of its cable.
    pub cable: PortId,
}

/// A port on the SAN. The iSCSI SAN element gives it an address that stays with the machine,
/// whichever persona the machine wears; SAN switches are not managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SanPort {
    /// Its hardware address.
    #[serde(with = "mac_text")]
    pub mac: MacAddr6,
    /// Its address on the SAN: arrays tell servers apart by it.
    pub address: IpAddr,
    /// Whether its firmware can boot from an iSCSI target.
    pub iscsi_boot: bool,
}

/// The one or two SAN ports of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<SanPort>", into = "Vec<SanPort>")]
pub struct SanPorts(Vec<SanPort>);

impl SanPorts {
    /// These ports, if they are one or two.
    pub fn new(ports: impl Into<Vec<SanPort>>) -> Result<Self, Error> {
        let ports = ports.into();
        match ports.len() {
            1 | 2 => Ok(Self(ports)),
            other => Err(Error::SanPorts(other)),
        }
    }

    /// The ports, in the order given.
    pub fn as_slice(&self) -> &[SanPort] {
        &self.0
    }

    /// The ports, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &SanPort> {
        self.0.iter()
    }
}

impl TryFrom<Vec<SanPort>> for SanPorts {
    type Error = Error;

    fn try_from(ports: Vec<SanPort>) -> Result<Self, Error> {
        Self::new(ports)
    }
}

impl From<SanPorts> for Vec<SanPort> {
    fn from(ports: SanPorts) -> Self {
        ports.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::server;

    #[test]
    fn a_server_has_one_or_two_san_ports() {
        let port = server("r720-1").san_ports.as_slice()[0].clone();
        for (count, fits) in [(0, false), (1, true), (2, true), (3, false)] {
            let ports = vec![port.clone(); count];
            let json = serde_json::to_value(&ports).unwrap();
            assert_eq!(SanPorts::new(ports).is_ok(), fits);
            assert_eq!(serde_json::from_value::<SanPorts>(json).is_ok(), fits);
        }
    }

    #[test]
    fn a_server_is_read_as_it_was_written() {
        let server = server("r720-1");
        let text = serde_json::to_string(&server).unwrap();
        assert!(text.contains(&format!(
            "{:?}",
            server.nics.values().next().unwrap().mac.to_string()
        )));
        assert_eq!(serde_json::from_str::<Server>(&text).unwrap(), server);
    }

    #[test]
    fn older_systems_run_on_newer_processors_and_not_the_other_way() {
        use Architecture::{Aarch64, Unknown, X86With32Bits, X86With64Bits};
        assert!(X86With64Bits.runs(X86With32Bits));
        assert!(!X86With32Bits.runs(X86With64Bits));
        assert!(!Aarch64.runs(X86With64Bits));
        assert!(X86With64Bits.runs(Unknown));
        assert!(!Unknown.runs(X86With64Bits));
    }
}
