//! Personas: who a server is, apart from the machine it runs on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Deref;
use std::time::Duration;

use coldspare_names::{IscsiName, NetworkName, PersonaName, PoolName, VolumeId};
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use crate::{Architecture, BootMode, Error, Label, LinkSpeed, Memory};

#[cfg(test)]
mod tests;

/// An identity captured on a boot volume: whichever server boots it is that server.
///
/// Made from a [`PersonaSpec`] whose fields do not contradict one another, and read like one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PersonaSpec", into = "PersonaSpec")]
pub struct Persona(PersonaSpec);

/// Everything that is said about a persona: the fields that Dell's AIM had, and what placement
/// and failover need besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "AIM's personas had these four switches"
)]
pub struct PersonaSpec {
    /// What people call it.
    pub name: PersonaName,
    /// The pool whose servers may wear it.
    pub pool: PoolName,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The operating system on the boot volume.
    pub operating_system: OperatingSystem,
    /// Whether it boots from the network. One that does not is bound to a server's own disk and
    /// is refused; the field is here because AIM's personas had it.
    #[serde(default = "yes")]
    pub net_boot: bool,
    /// How its networks reach its NICs.
    #[serde(default)]
    pub network_mode: NetworkMode,
    /// Whether its agent may change the operating system's network setup.
    #[serde(default = "yes")]
    pub networking_enabled: bool,
    /// Who sets its routes and its DNS.
    #[serde(default)]
    pub routing_and_dns: RoutingAndDns,
    /// Its default gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_gateway: Option<IpAddr>,
    /// The domain appended to short host names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_search_domain: Option<String>,
    /// Its addresses on the system control network.
    #[serde(default)]
    pub system_control: SystemControlAddressing,
    /// Whether an agent runs in it. Without one its life shows only at the health monitor.
    #[serde(default = "yes")]
    pub agent: bool,
    /// An address that answers while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_monitor: Option<HealthMonitor>,
    /// Whether the site's own scripts are run for it.
    #[serde(default)]
    pub extensions_enabled: bool,
    /// The name under which it logs in to its volumes, on whichever server. No other persona has it.
    pub initiator: IscsiName,
    /// The volume it boots from.
    pub image: VolumeId,
    /// Its other volumes.
    #[serde(default)]
    pub data: Vec<VolumeId>,
    /// The logical networks it is on.
    #[serde(default)]
    pub networks: BTreeSet<NetworkName>,
    /// What a server must offer it.
    #[serde(default)]
    pub requirements: Requirements,
    /// How long it may take from power-on until it is up.
    #[serde(default)]
    pub boot_timer: BootTimer,
    /// Who goes first when spares are short.
    #[serde(default)]
    pub priority: Priority,
    /// How soon it should serve again; plans say whether they keep to it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "compact::optional"
    )]
    pub recovery_time_objective: Option<Duration>,
}

const fn yes() -> bool {
    true
}

impl PersonaSpec {
    /// A persona with an agent, on trunked networks that are still to be named, without data
    /// volumes, asking nothing special of a server.
    pub fn new(name: PersonaName, pool: PoolName, initiator: IscsiName, image: VolumeId) -> Self {
        Self {
            name,
            pool,
            description: String::new(),
            operating_system: OperatingSystem::default(),
            net_boot: true,
            network_mode: NetworkMode::default(),
            networking_enabled: true,
            routing_and_dns: RoutingAndDns::default(),
            default_gateway: None,
            dns_search_domain: None,
            system_control: SystemControlAddressing::default(),
            agent: true,
            health_monitor: None,
            extensions_enabled: false,
            initiator,
            image,
            data: Vec::new(),
            networks: BTreeSet::new(),
            requirements: Requirements::default(),
            boot_timer: BootTimer::default(),
            priority: Priority::default(),
            recovery_time_objective: None,
        }
    }
}

impl TryFrom<PersonaSpec> for Persona {
    type Error = Error;

    fn try_from(spec: PersonaSpec) -> Result<Self, Error> {
        if !spec.net_boot {
            return Err(Error::OwnDisk(spec.name));
        }
        if !spec.agent && spec.health_monitor.is_none() {
            return Err(Error::NothingToWatch(spec.name));
        }
        if !spec.agent && spec.networking_enabled {
            return Err(Error::NetworkingWithoutAgent(spec.name));
        }
        Ok(Self(spec))
    }
}

impl From<Persona> for PersonaSpec {
    fn from(persona: Persona) -> Self {
        persona.0
    }
}

impl Deref for Persona {
    type Target = PersonaSpec;

    fn deref(&self) -> &PersonaSpec {
        &self.0
    }
}

/// What is installed on the boot volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OperatingSystem {
    /// Its family.
    pub family: OperatingSystemFamily,
    /// The processors it was made for.
    pub architecture: Architecture,
    /// Its version, for people: `Server 2008 R2`.
    pub version: String,
    /// A finer name, for people: `SP1 Enterprise`.
    pub subtype: String,
}

/// The family of an operating system.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum OperatingSystemFamily {
    /// Linux.
    Linux,
    /// Microsoft Windows.
    #[default]
    Windows,
}

/// How a persona's networks reach its NICs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Tagged sub-interfaces: several networks share a NIC, and each can fail over to its
    /// secondary channel.
    Trunk,
    /// Plain interfaces: one network a NIC, no channel failover.
    Access,
    /// Trunk on a physical server, and all servers here are.
    #[default]
    Auto,
}

/// Who sets a persona's routes and DNS.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum RoutingAndDns {
    /// The agent, from the persona's fields.
    #[default]
    Managed,
    /// A person, inside the operating system.
    Manual,
    /// A DHCP server.
    Dhcp,
}

/// How a persona gets its addresses on the system control network, where it is watched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum SystemControlAddressing {
    /// Out of the network's pool of addresses.
    #[default]
    Pool,
    /// Always the same.
    Static {
        /// On the first path.
        primary: IpAddr,
        /// On the second.
        secondary: IpAddr,
    },
}

/// What is probed to tell whether a persona runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HealthMonitor {
    /// Answers pings (ICMP echo) while the persona runs, whichever server wears it.
    pub address: IpAddr,
}

/// What a server must offer to a persona, besides its pool, its networks and an iSCSI boot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirements {
    /// At least this much memory.
    pub memory: Memory,
    /// At least this many processor cores.
    pub processors: u32,
    /// The firmware interface that the image was made for; none if it starts through either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<BootMode>,
    /// The slowest link on which a network is still of use; any will do for one not named.
    pub link_speeds: BTreeMap<NetworkName, LinkSpeed>,
    /// What the server must be able to do.
    pub capabilities: BTreeSet<Label>,
    /// The kinds of failure domain that it must not share with its peers: members of one cluster
    /// kept in different racks.
    pub apart: BTreeSet<Label>,
}

/// How long a persona may take from power-on until it is up; then the server that was to wear it
/// is given up. Never zero. 15 minutes unless set, as in AIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "HumanDuration", into = "HumanDuration")]
pub struct BootTimer(Duration);

#[derive(Serialize, Deserialize)]
struct HumanDuration(#[serde(with = "compact::required")] Duration);

impl BootTimer {
    /// A timer of that length.
    pub fn new(length: Duration) -> Result<Self, Error> {
        if length.is_zero() {
            Err(Error::BootTimerZero)
        } else {
            Ok(Self(length))
        }
    }

    /// Its length.
    pub const fn length(self) -> Duration {
        self.0
    }
}

impl Default for BootTimer {
    fn default() -> Self {
        Self(Duration::from_mins(15))
    }
}

impl TryFrom<HumanDuration> for BootTimer {
    type Error = Error;

    fn try_from(length: HumanDuration) -> Result<Self, Error> {
        Self::new(length.0)
    }
}

impl From<BootTimer> for HumanDuration {
    fn from(timer: BootTimer) -> Self {
        Self(timer.0)
    }
}

/// Who goes first when spares are short: the greater number. 100 unless set, so that there is
/// room on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(pub u16);

impl Default for Priority {
    fn default() -> Self {
        Self(100)
    }
}
