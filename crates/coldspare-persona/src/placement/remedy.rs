//! What would have to change for a refused server to be chosen.

use std::fmt;

use coldspare_names::{Channel, PersonaName, PoolName, ServerName};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::{Architecture, BootMode, FailureDomain, Label, LinkSpeed, Memory};

/// What would have to change for one refusal to go away. Once all refusals of a server are gone,
/// it fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "remedy",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Remedy {
    /// Assign the server to another pool.
    ChangePool {
        /// The persona's pool.
        to: PoolName,
    },
    /// Take it out of maintenance.
    EndMaintenance,
    /// Move or stop the persona that it wears.
    FreeFrom {
        /// That persona.
        persona: PersonaName,
    },
    /// Wait for the end of the run that reserved it.
    AwaitRun {
        /// The persona of that run.
        persona: PersonaName,
    },
    /// Scrub it.
    Scrub,
    /// Switch it off.
    PowerOff,
    /// Make its management controller tell its power.
    ReadPower,
    /// Cable a NIC of a speed to a channel.
    Cable {
        /// The channel.
        channel: Channel,
        /// The least speed; none if any will do.
        speed: Option<LinkSpeed>,
    },
    /// Fit more memory.
    AddMemory {
        /// How much more.
        amount: Memory,
    },
    /// Fit more processor cores.
    AddProcessors {
        /// How many more.
        count: u32,
    },
    /// Use another machine: this one cannot be changed so far.
    OtherMachine {
        /// What its processors would have to be.
        architecture: Architecture,
    },
    /// Fit a SAN port that boots from iSCSI, or switch that on.
    EnableIscsiBoot,
    /// Set its firmware interface.
    SetBootMode {
        /// To this.
        to: BootMode,
    },
    /// Give it a capability.
    AddCapability {
        /// Which.
        capability: Label,
    },
    /// Move it or the peer elsewhere, or let them share.
    Separate {
        /// What they share.
        domain: FailureDomain,
        /// The peer.
        peer: PersonaName,
    },
    /// Repair it; a later episode tries it again.
    Repair,
    /// Make its management controller answer, so that it can be proven off.
    ProveOff,
    /// Provide one more spare, or give this persona the higher priority.
    AddSpare {
        /// The persona that gets this one.
        instead_of: PersonaName,
    },
    /// Lose the chosen server: this one stays a spare.
    Lose {
        /// The chosen server.
        server: ServerName,
    },
}

impl Refusal {
    /// What would have to change for it to go away.
    pub fn remedy(&self) -> Remedy {
        match self.clone() {
            Self::OtherPool { needs, .. } => Remedy::ChangePool { to: needs },
            Self::Maintenance => Remedy::EndMaintenance,
            Self::WearsAPersona { persona } => Remedy::FreeFrom { persona },
            Self::Reserved { persona } => Remedy::AwaitRun { persona },
            Self::NotScrubbed => Remedy::Scrub,
            Self::PoweredOn => Remedy::PowerOff,
            Self::PowerUnknown => Remedy::ReadPower,
            Self::ChannelMissing { channel, .. } => Remedy::Cable {
                channel,
                speed: None,
            },
            Self::ChannelSlow { channel, needs, .. } => Remedy::Cable {
                channel,
                speed: Some(needs),
            },
            Self::MemoryShort { has, needs } => Remedy::AddMemory {
                amount: needs.saturating_sub(has),
            },
            Self::ProcessorsShort { has, needs } => Remedy::AddProcessors {
                count: needs.saturating_sub(has),
            },
            Self::Architecture { needs, .. } => Remedy::OtherMachine {
                architecture: needs,
            },
            Self::NoIscsiBoot => Remedy::EnableIscsiBoot,
            Self::BootMode { needs, .. } => Remedy::SetBootMode { to: needs },
            Self::CapabilityMissing { capability } => Remedy::AddCapability { capability },
            Self::SameFailureDomain { domain, peer } => Remedy::Separate { domain, peer },
            Self::FailedBefore { .. } => Remedy::Repair,
            Self::OffUnprovable { .. } => Remedy::ProveOff,
            Self::TakenBy { persona } => Remedy::AddSpare {
                instead_of: persona,
            },
            Self::Outranked { by } => Remedy::Lose { server: by },
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChangePool { to } => write!(f, "assign it to pool {to}"),
            Self::EndMaintenance => f.write_str("take it out of maintenance"),
            Self::FreeFrom { persona } => write!(f, "move or stop {persona}"),
            Self::AwaitRun { persona } => write!(f, "wait for the run of {persona} to end"),
            Self::Scrub => f.write_str("scrub it"),
            Self::PowerOff => f.write_str("switch it off"),
            Self::ReadPower => f.write_str("make its management controller tell its power"),
            Self::Cable {
                channel,
                speed: None,
            } => write!(f, "cable a NIC to channel {channel}"),
            Self::Cable {
                channel,
                speed: Some(speed),
            } => write!(f, "cable a NIC of {speed} to channel {channel}"),
            Self::AddMemory { amount } => write!(f, "fit {amount} more of memory"),
            Self::AddProcessors { count } => write!(f, "fit {count} more processor cores"),
            Self::OtherMachine { architecture } => {
                write!(f, "use a machine that is {architecture}")
            }
            Self::EnableIscsiBoot => f.write_str("enable iSCSI boot on a SAN port"),
            Self::SetBootMode { to } => write!(f, "set its boot mode to {to}"),
            Self::AddCapability { capability } => write!(f, "give it {capability}"),
            Self::Separate { domain, peer } => {
                write!(f, "move it or {peer} out of {domain}, or let them share it")
            }
            Self::Repair => f.write_str("repair it; a later episode tries it again"),
            Self::ProveOff => f.write_str("make its management controller prove it off"),
            Self::AddSpare { instead_of } => {
                write!(
                    f,
                    "add a spare, or give it a higher priority than {instead_of}"
                )
            }
            Self::Lose { server } => write!(f, "nothing: it is next when {server} is lost"),
        }
    }
}
