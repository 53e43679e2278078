//! Why a server is not chosen, and what would have to change.

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
    /// It failed the last persona that it wore, and nobody has looked at it since.
    Failed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPool { pool, needs } => write!(f, "is in pool {pool}, not in {needs}"),
            Self::Maintenance => f.write_str("is in maintenance"),
            Self::WearsAPersona { persona } => write!(f, "wears {persona}"),
            Self::Reserved { persona } => write!(f, "is reserved for {persona}"),
            Self::NotScrubbed => f.write_str("has not been scrubbed"),
            Self::PoweredOn => f.write_str("is on"),
            Self::PowerUnknown => f.write_str("may be on"),
            Self::ChannelMissing { channel, network } => {
                write!(f, "has no NIC on channel {channel} for {network}")
            }
            Self::ChannelSlow {
                channel,
                network,
                has,
                needs,
            } => write!(f, "has {has} on channel {channel}; {network} needs {needs}"),
            Self::MemoryShort { has, needs } => write!(f, "has {has} of memory, not {needs}"),
            Self::ProcessorsShort { has, needs } => {
                write!(f, "has {has} processor cores, not {needs}")
            }
            Self::Architecture { has, needs } => write!(f, "is {has}, not {needs}"),
            Self::NoIscsiBoot => f.write_str("cannot boot from iSCSI"),
            Self::BootMode { has, needs } => write!(f, "starts through {has}, not {needs}"),
            Self::CapabilityMissing { capability } => write!(f, "lacks {capability}"),
            Self::SameFailureDomain { domain, peer } => write!(f, "shares {domain} with {peer}"),
            Self::FailedBefore { how } => write!(f, "failed before: {how}"),
            Self::OffUnprovable { why } => write!(f, "cannot be proven off: {why}"),
            Self::TakenBy { persona } => write!(f, "goes to {persona}"),
            Self::Outranked { by } => write!(f, "fits less well than {by}"),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChannelMissing { channel, network } => {
                write!(f, "{network} cannot use channel {channel}: no NIC there")
            }
            Self::ChannelSlow {
                channel,
                network,
                has,
                needs,
            } => write!(
                f,
                "{network} would get {has} on channel {channel}, not {needs}"
            ),
            Self::OneBootPort => f.write_str("only one of its SAN ports boots from iSCSI"),
            Self::OneSanPort => f.write_str("it has only one SAN port"),
            Self::Failed => f.write_str("it failed the last persona that it wore"),
        }
    }
}
