//! Which active copies to move to where they belong.
//!
//! The rules are those of `RedistributeActiveDatabases.ps1`, which Microsoft ships with Exchange,
//! in our own words; where it draws lots, databases come in order of name here.
//!
//! | parameter of the script | here |
//! |---|---|
//! | `BalanceDbsByActivationPreference`, `BalanceDbsBySiteAndActivationPreference` with `AllowedDeviationFromMeanPercentage`, `BalanceDbsIgnoringActivationPreference` | [`Balance`], exactly one |
//! | `WhatIf` | [`redistribute`]: nothing is done by it |
//! | none of these, `Confirm` | [`carry_out`] |
//! | `ShowDatabaseCurrentActives` | [`Redistribution::databases`] |
//! | `ShowDatabaseDistributionByServer`, `ShowFinalDatabaseDistribution` | [`distribution`] |
//! | `IncludeNonReplicatedDatabases` | always: a database with one copy is counted and never moved |
//! | `DagName`, `RunOnlyOnPAM`, `LogEvents`, `SkipMoveSuppressionChecks`, `DotSourceMode` | left to the caller |
//! | `ShowDatabaseDistributionBySite`, `BalanceActivationPreferences`, `ShuffleActiveDatabases` | not there: the second rewrites what an administrator has decided, the last is for tests |

mod carry_out;
mod report;
mod run;

use std::fmt;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

pub use self::carry_out::carry_out;
pub use self::report::{Counters, Distribution, MoveReport, MoveStatus, distribution};
use self::run::{Run, States};
use crate::{Action, CopyState, Dag, DatabaseName, MemberName, Move, Refusal};

/// What a redistribution goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// `BalanceDbsByActivationPreference`: each database to its most preferred copy that can be
    /// activated. Not the number of databases on a server is balanced but the preferences.
    ByActivationPreference,
    /// `BalanceDbsBySiteAndActivationPreference`: the same, while no site gets too many; then, if
    /// one still has too many, to less preferred copies elsewhere until it has not.
    BySiteAndActivationPreference {
        /// By how many percent a site may deviate from the mean, up and down together; 20 unless
        /// set. The number of databases that the fullest site may have more than the emptiest is
        /// twice that share of the mean, as the script reckons, and at least 2. (Documentation
        /// explains 20 % as 10 % to either side, which is half of it.)
        allowed_deviation: u8,
    },
    /// `BalanceDbsIgnoringActivationPreference`: only the number of databases on each server.
    IgnoringActivationPreference,
}

/// A move that a redistribution makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMove {
    /// The database.
    pub database: DatabaseName,
    /// Where its active copy is.
    pub from: MemberName,
    /// That copy's activation preference.
    pub from_preference: NonZeroU8,
    /// Where its active copy shall be.
    pub to: MemberName,
    /// That copy's activation preference.
    pub to_preference: NonZeroU8,
}

impl PlannedMove {
    /// The action that makes the move: lossless, with every check.
    pub fn action(&self) -> Action {
        Action::Move(Move::lossless(&self.database, &self.to))
    }
}

impl fmt::Display for PlannedMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            database,
            from,
            from_preference,
            to,
            to_preference,
        } = self;
        write!(
            f,
            "{database} from {from} (preference {from_preference}) to {to} (preference {to_preference})"
        )
    }
}

/// A copy that was tried and could not be activated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedMove {
    /// What was tried.
    pub tried: PlannedMove,
    /// Why it cannot be.
    pub refusals: Vec<Refusal>,
}

/// What a redistribution would do, or has done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redistribution {
    /// The moves in their order.
    pub moves: Vec<PlannedMove>,
    /// What was tried in vain, with reasons.
    pub failed: Vec<FailedMove>,
    /// What became of each database.
    pub databases: Vec<MoveReport>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// What a redistribution would do, each move judged by the checks that a switchover makes: a dry
/// run.
///
/// By preference, a move goes only to a strictly more preferred copy; from the server with the
/// most active databases first, to the one with the fewest, so that the imbalance on the way stays
/// small. Each copy is tried once, so it ends. Every database stays as mounted as it was.
pub fn redistribute(dag: &Dag, copies: &[CopyState], balance: Balance) -> Redistribution {
    let states = States::new(copies);
    let mut run = Run::new(dag, balance);
    let mut done = Redistribution::default();
    while let Some(attempt) = run.next() {
        let refusals = run.refusals(&states, &attempt);
        let planned = run.planned(&attempt);
        if refusals.is_empty() {
            run.succeeded(&attempt);
            done.moves.push(planned);
        } else {
            run.failed(&attempt);
            let tried = planned;
            done.failed.push(FailedMove { tried, refusals });
        }
    }
    done.databases = run.reports();
    done.warnings = run.warnings();
    done
}

/// What Active Manager moves by itself at each interval of preference moves (2016 CU2 and later):
/// a database whose copy of preference 1 is healthy and not active goes there, without loss, and
/// nowhere else.
///
/// Source: Microsoft's page on `Set-DatabaseAvailabilityGroup`. Limits against ping-pong exist
/// and are not documented.
pub fn preference_moves(dag: &Dag, copies: &[CopyState]) -> Vec<PlannedMove> {
    if dag.preference_moves.is_none() || !dag.version.moves_to_preferred_copy() {
        return Vec::new();
    }
    let plan = redistribute(dag, copies, Balance::ByActivationPreference);
    let moves = plan.moves.into_iter();
    moves
        .filter(|planned| planned.to_preference == NonZeroU8::MIN)
        .collect()
}

#[cfg(test)]
mod tests;
