//! Why a machine is not known to be what it was asked to be.

use crate::{Error, Identity, PowerState, Settings};

/// Why there is no proof of what was wanted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unmet<Found> {
    /// The controller manages another machine than the expected one, or cannot show that it does
    /// not. From then on nothing was sent to it.
    #[error(
        "the management controller manages another machine: expected {expected}, found {found}"
    )]
    OtherMachine {
        /// Which machine it should manage.
        expected: Identity,
        /// Which it says it manages.
        found: Identity,
    },
    /// It is still something else; this was read last.
    #[error("the machine still reads: {0}")]
    Reads(Found),
    /// The controller could not be asked, or did not answer in time.
    #[error("the management controller did not do or tell what it was asked")]
    Failed(#[from] Error),
    /// Not even one call was answered within the time limit.
    #[error("the management controller did not answer within the time limit")]
    TooSlow,
}

/// Why a machine is not proven off.
pub type NotOff = Unmet<PowerState>;
/// Why a machine is not on.
pub type NotOn = Unmet<PowerState>;
/// Why a machine is not armed or disarmed.
pub type NotSet = Unmet<Settings>;

/// Refuses the machine that is not surely the expected one.
pub(crate) fn same_machine<Found>(
    found: &Identity,
    expected: &Identity,
) -> Result<(), Unmet<Found>> {
    if found.matches(expected) {
        return Ok(());
    }
    Err(Unmet::OtherMachine {
        expected: expected.clone(),
        found: found.clone(),
    })
}
