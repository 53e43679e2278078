//! Why a server is not chosen, and what would have to change.

use std::collections::BTreeSet;
use std::fmt;

use coldspare_names::{Channel, NetworkName, PersonaName, PoolName, ServerName};
use serde::{Deserialize, Serialize};

use crate::{Architecture, BootMode, FailureDomain, Label, LinkSpeed, Memory};

/// Why a server does not get a persona. The name of each is its `reason` in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    tag = "reason",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Refusal {
    /// It belongs to another pool: no failover leaves a pool.
    OtherPool {
        /// Its pool.
        pool: PoolName,
        /// The persona's.
        needs: PoolName,
    },
    /// It is in maintenance.
    Maintenance,
    /// It wears a persona, or may still act as one.
    WearsAPersona {
        /// Which.
        persona: PersonaName,
    },
    /// It is reserved for another persona.
    Reserved {
        /// Which.
        persona: PersonaName,
    },
    /// It has not been made fit to be a spare.
    NotScrubbed,
    /// It is on.
    PoweredOn,
    /// Nobody knows whether it is on.
    PowerUnknown,
    /// It has no NIC on a channel, and none on the network's other channel would do.
    ChannelMissing {
        /// The channel.
        channel: Channel,
        /// The network that needs it.
        network: NetworkName,
    },
    /// Its NIC on a channel is too slow, and none on the network's other channel would do.
    ChannelSlow {
        /// The channel.
        channel: Channel,
        /// The network that needs it.
        network: NetworkName,
        /// How fast the NIC is.
        has: LinkSpeed,
        /// How fast it must be.
        needs: LinkSpeed,
    },
    /// It has too little memory.
    MemoryShort {
        /// How much it has.
        has: Memory,
        /// How much it must have.
        needs: Memory,
    },
    /// It has too few processor cores.
    ProcessorsShort {
        /// How many it has.
        has: u32,
        /// How many it must have.
        needs: u32,
    },
    /// Its processors do not run the operating system.
    Architecture {
        /// What they are.
        has: Architecture,
        /// What the operating system was made for.
        needs: Architecture,
    },
    /// None of its SAN ports boots from iSCSI.
    NoIscsiBoot,
    /// It starts through another firmware interface than the image.
    BootMode {
        /// The server's.
        has: BootMode,
        /// The image's.
        needs: BootMode,
    },
    /// It cannot do something that the persona needs.
    CapabilityMissing {
        /// What.
        capability: Label,
    },
    /// It would share its fate with a peer of the persona.
    SameFailureDomain {
        /// What they would share.
        domain: FailureDomain,
        /// The peer.
        peer: PersonaName,
    },
    /// It failed this persona already, in this episode.
    FailedBefore {
        /// How, in words.
        how: String,
    },
    /// It is the persona's own server, but cannot be proven off.
    OffUnprovable {
        /// Why not, in words.
        why: String,
    },
    /// It would do, but another persona gets it.
    TakenBy {
        /// Which.
        persona: PersonaName,
    },
    /// It would do, but not as well as the chosen one.
    Outranked {
        /// The chosen one.
        by: ServerName,
    },
}

/// What a chosen server lacks, though the persona can do without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    tag = "reason",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Warning {
    /// No NIC on a channel of a network: it cannot change channels.
    ChannelMissing {
        /// The channel.
        channel: Channel,
        /// The network.
        network: NetworkName,
    },
    /// A NIC too slow on a channel of a network: it suffers when it changes channels.
    ChannelSlow {
        /// The channel.
        channel: Channel,
        /// The network.
        network: NetworkName,
        /// How fast the NIC is.
        has: LinkSpeed,
        /// How fast it should be.
        needs: LinkSpeed,
    },
    /// Only one SAN port boots from iSCSI: when its path is gone, so is the next boot.
    OneBootPort,
    /// Only one SAN port.
    OneSanPort,
}

/// What would have to change for a refusal to go away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "remedy",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Remedy {
    /// Nothing for now: the server is of use elsewhere.
    None,
}
