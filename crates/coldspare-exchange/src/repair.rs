//! What to do about copies that do not replicate: the script of the white paper's appendix.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Action, CopyId, CopyState, CopyStatus, DatabaseName, SeedParts, auto_reseed};

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
    /// It is *`FailedAndSuspended`* again, however often it was resumed: its files are beyond
    /// repair.
    ResumedInVain,
}

impl fmt::Display for RepairReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "it is Failed",
            Self::FailedAndSuspended => "it is FailedAndSuspended",
            Self::Suspended => "it is Suspended, and was not before the failure",
            Self::ResumedInVain => "it is FailedAndSuspended each time it is resumed",
        })
    }
}

/// The copies that somebody has suspended on purpose: handed to [`repair`] after a failure, so that
/// what an administrator had suspended before it ends suspended.
///
/// It may be asked before the failure or after it. No failure makes a copy *Suspended*: only a
/// person does, or [`repair`], which leaves [`COMMENT`] with it. Two cases are seen before the
/// failure only, so whoever watches a group keeps the last answer and adds to it: while its member
/// is down a copy is *`ServiceDown`*, and one whose seeding was under way when its source was lost
/// is *`FailedAndSuspended`*. A block of activation alone is no concern: resuming leaves it.
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
/// When nothing is left to do the list is empty. A copy whose trouble persists falls back, and
/// is resumed again by the next call: whoever calls leaves it time in between, counts, and asks
/// [`reseed`] what to do in the end.
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

/// What to seed anew: the copies that are *`FailedAndSuspended`* though they were `resumed` as often
/// as Exchange itself would try ([`auto_reseed::RESUMES`]: three times, five minutes apart), because
/// their volume is damaged, their logs diverge beyond repair, or logs that they need are gone.
///
/// Seeding deletes what is left of a copy, so it is the last resort, and only for a database that
/// is mounted elsewhere: `copies` must be those of the whole group. Where automatic reseed is set
/// up (2013 and later) leave it to Exchange. What an administrator had suspended before the
/// failure (`keep`) is left alone.
pub fn reseed(
    copies: &[CopyState],
    resumed: &BTreeMap<CopyId, u8>,
    keep: &BTreeSet<CopyId>,
) -> Vec<Repair> {
    let mounted = |copy: &CopyState| copy.status == CopyStatus::Mounted;
    let sources: BTreeSet<&DatabaseName> = copies
        .iter()
        .filter(|copy| mounted(copy))
        .map(|copy| &copy.copy.database)
        .collect();
    let in_vain = copies.iter().filter(|copy| {
        copy.status == CopyStatus::FailedAndSuspended
            && resumed.get(&copy.copy) >= Some(&auto_reseed::RESUMES.0)
            && sources.contains(&copy.copy.database)
            && !keep.contains(&copy.copy)
    });
    let seed = in_vain.map(|copy| Repair {
        action: Action::Reseed {
            copy: copy.copy.clone(),
            parts: SeedParts::DatabaseAndIndex,
            source: None,
            manual_resume: false,
        },
        reason: RepairReason::ResumedInVain,
    });
    seed.collect()
}

#[cfg(test)]
mod tests;
