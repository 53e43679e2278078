//! What to do about copies that do not replicate: the script of the white paper's appendix.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Action, CopyId, CopyState, CopyStatus};

/// The comment that a suspension by [`repair`] leaves with the copy.
pub const COMMENT: &str = "suspended to be resumed: repair after a failure";

/// One step of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// What to do.
    pub action: Action,
    /// Why.
    pub reason: RepairReason,
}

/// Why a copy is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairReason {
    /// It is *Failed*: suspended first, so that resuming begins anew.
    Failed,
    /// It is *`FailedAndSuspended`*: only resuming makes the system try again.
    FailedAndSuspended,
    /// It is *Suspended*, and nobody wanted it to be before the failure.
    Suspended,
}

impl fmt::Display for RepairReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "it is Failed",
            Self::FailedAndSuspended => "it is FailedAndSuspended",
            Self::Suspended => "it is Suspended, and was not before the failure",
        })
    }
}

/// The copies that somebody has suspended, whole or for activation only: looked up while all is
/// well, and handed to [`repair`] after a failure, so that what an administrator had suspended
/// ends suspended.
pub fn suspended_on_purpose<'a>(
    copies: impl IntoIterator<Item = &'a CopyState>,
) -> BTreeSet<CopyId> {
    let copies = copies.into_iter();
    let suspended = copies.filter(|copy| {
        let ours = copy.suspend_comment.as_deref() == Some(COMMENT);
        copy.status == CopyStatus::Suspended && !ours
    });
    suspended.map(|copy| copy.copy.clone()).collect()
}

/// The appendix's script as one function: the states of a member's copies in, the actions in
/// their order out.
///
/// 1. Suspend each copy that is *Failed*.
/// 2. Resume each that is *`FailedAndSuspended`*.
/// 3. Resume each that is *Suspended* by now: those of step 1, and those that were before, except
///    what an administrator had suspended before the failure (`keep`). A block of activation
///    stays as it is.
///
/// The script compares with the text `Failed and Suspended`, which the graphical tools show; the
/// shell prints `FailedAndSuspended`, so its second step never finds anything. Here it is done as
/// it was meant.
///
/// When nothing is left to do the list is empty; a copy whose trouble persists falls back, and
/// has to be seeded anew ([`Action::Reseed`]).
pub fn repair<'a>(
    copies: impl IntoIterator<Item = &'a CopyState>,
    keep: &BTreeSet<CopyId>,
) -> Vec<Repair> {
    let of_purpose = |copy: &&CopyState| !copy.active && !keep.contains(&copy.copy);
    let copies: Vec<&CopyState> = copies.into_iter().filter(of_purpose).collect();
    let with = |status| copies.iter().filter(move |copy| copy.status == status);
    let suspend = |copy: &&CopyState| Repair {
        action: Action::Suspend {
            copy: copy.copy.clone(),
            comment: COMMENT.to_owned(),
        },
        reason: RepairReason::Failed,
    };
    let resume = |reason| {
        move |copy: &&CopyState| Repair {
            action: Action::Resume {
                copy: copy.copy.clone(),
                replication_only: copy.activation_suspended,
            },
            reason,
        }
    };
    let failed = || with(CopyStatus::Failed);
    let given_up = with(CopyStatus::FailedAndSuspended);
    let suspended = with(CopyStatus::Suspended);
    failed()
        .map(suspend)
        .chain(given_up.map(resume(RepairReason::FailedAndSuspended)))
        .chain(failed().map(resume(RepairReason::Failed)))
        .chain(suspended.map(resume(RepairReason::Suspended)))
        .collect()
}

#[cfg(test)]
mod tests;
