//! What a call to a switch or to a guest came to.

use coldspare_names::{PersonaName, PortId, SwitchName};

use crate::{Membership, Observed};

/// Where an adapter's error came from.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a switch or a guest is not known to be as it was asked to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The switch did not answer: whether anything was set is unknown.
    #[error("switch {switch} did not answer")]
    SwitchSilent {
        /// The switch.
        switch: SwitchName,
        /// What happened on the way.
        source: Option<Source>,
    },
    /// The switch said no, and nothing was set.
    #[error("switch {switch} refused: {reason}")]
    SwitchRefused {
        /// The switch.
        switch: SwitchName,
        /// In its own words.
        reason: String,
        /// Whether the same call may succeed later: another writer's lock, say.
        try_again: bool,
    },
    /// An uplink, a port that the site does not list, or none of this switch: nothing was set.
    #[error("{port} is not managed")]
    PortUnmanaged {
        /// The port.
        port: PortId,
    },
    /// Somebody else set the port: nothing was set.
    #[error("{port} was expected to be {expected:?} and is {found:?}")]
    Conflict {
        /// The port.
        port: PortId,
        /// What it was expected to pass.
        expected: Observed,
        /// What it passes.
        found: Observed,
    },
    /// Read back, the port is not as it was set, or not as it was claimed to be.
    #[error("{port} should be {wanted:?} and is {found:?}")]
    NotAsWanted {
        /// The port.
        port: PortId,
        /// What it should pass.
        wanted: Membership,
        /// What it passes.
        found: Observed,
    },
    /// The persona's agent did not answer: whether anything was done is unknown.
    #[error("the agent of persona {persona} did not answer")]
    GuestSilent {
        /// The persona.
        persona: PersonaName,
        /// What happened on the way.
        source: Option<Source>,
    },
    /// The persona's agent said no, and nothing was done.
    #[error("the agent of persona {persona} refused: {reason}")]
    GuestRefused {
        /// The persona.
        persona: PersonaName,
        /// In its own words.
        reason: String,
        /// Whether the same call may succeed later.
        try_again: bool,
    },
    /// Read back, the persona's interfaces are not as planned.
    #[error("the interfaces of persona {persona} are not as planned")]
    GuestNotAsPlanned {
        /// The persona.
        persona: PersonaName,
    },
}

impl Error {
    /// Whether the same call may succeed later, as far as the cause is known: silence may end; what
    /// was refused for good stays refused; after a conflict one must look anew.
    pub fn try_again(&self) -> bool {
        match self {
            Self::SwitchSilent { .. }
            | Self::NotAsWanted { .. }
            | Self::GuestSilent { .. }
            | Self::GuestNotAsPlanned { .. } => true,
            Self::SwitchRefused { try_again, .. } | Self::GuestRefused { try_again, .. } => {
                *try_again
            }
            Self::PortUnmanaged { .. } | Self::Conflict { .. } => false,
        }
    }
}
