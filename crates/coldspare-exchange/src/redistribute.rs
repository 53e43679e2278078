//! Which active copies to move back to where they belong.
//!
//! The rules are those of `RedistributeActiveDatabases.ps1`, which Microsoft ships with Exchange.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use crate::{
    Action, CopyState, Dag, DatabaseName, MemberName, Move, NodeState, Refusal, switchover,
};

/// What a redistribution goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// `BalanceDbsByActivationPreference`: each database to its most preferred copy. Not the
    /// number of databases on a server is balanced but the preferences.
    ByActivationPreference,
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

/// What a redistribution would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redistribution {
    /// The moves in their order.
    pub moves: Vec<PlannedMove>,
    /// What was tried in vain, with reasons.
    pub failed: Vec<FailedMove>,
}

/// What a redistribution would do, each move judged by the checks that a switchover makes.
///
/// A move goes only to a strictly more preferred copy; each copy is tried once, so it ends. From
/// the server with the most active databases first, to the one with the fewest, so that the
/// imbalance on the way stays small; among equals in order of name, where the original draws
/// lots. Every database stays as mounted as it was.
pub fn redistribute(dag: &Dag, copies: &[CopyState], balance: Balance) -> Redistribution {
    let Balance::ByActivationPreference = balance;
    let mut run = Run::new(dag);
    let mut done = Redistribution::default();
    while let Some(next) = run.next() {
        let refusals = run.refusals(copies, &next);
        if refusals.is_empty() {
            run.succeeded(&next);
            done.moves.push(next);
        } else {
            run.tried.insert((next.database.clone(), next.to.clone()));
            let tried = next;
            done.failed.push(FailedMove { tried, refusals });
        }
    }
    done
}

/// A redistribution under way.
struct Run {
    dag: Dag,
    tried: BTreeSet<(DatabaseName, MemberName)>,
}

impl Run {
    fn new(dag: &Dag) -> Self {
        let dag = dag.clone();
        let tried = BTreeSet::new();
        Self { dag, tried }
    }

    fn active_on(&self, member: &MemberName) -> u32 {
        u32::try_from(self.dag.active_on(member).count()).unwrap_or(u32::MAX)
    }

    /// The next copy to try.
    fn next(&self) -> Option<PlannedMove> {
        let mut sources: Vec<&MemberName> = self.dag.members.keys().collect();
        sources.sort_by_key(|member| std::cmp::Reverse(self.active_on(member)));
        sources.into_iter().find_map(|source| {
            let candidates = self.dag.active_on(source);
            let moves = candidates.filter_map(|database| self.better(database));
            moves.min_by_key(|next| (self.active_on(&next.to), next.database.clone()))
        })
    }

    /// The most preferred copy not yet tried, if it is better than the active one.
    fn better(&self, name: &DatabaseName) -> Option<PlannedMove> {
        let database = &self.dag.databases[name];
        let from_preference = database.active_preference()?;
        let untried = database.copies.iter().filter(|(member, copy)| {
            let key = (name.clone(), (*member).clone());
            copy.preference < from_preference && !self.tried.contains(&key)
        });
        let (to, copy) = untried.min_by_key(|(_, copy)| copy.preference)?;
        Some(PlannedMove {
            database: name.clone(),
            from: database.active.clone(),
            from_preference,
            to: to.clone(),
            to_preference: copy.preference,
        })
    }

    fn refusals(&self, copies: &[CopyState], next: &PlannedMove) -> Vec<Refusal> {
        let of = |member: &MemberName| {
            let mut of = copies.iter();
            of.find(|state| state.copy.database == next.database && state.copy.member == *member)
        };
        let barred = switchover::barred_by_policy(&self.dag, &next.database, &next.to);
        let up = self
            .dag
            .members
            .get(&next.to)
            .is_some_and(|to| to.node == NodeState::Up);
        let down = (!up).then(|| Refusal::NodeNotUp(next.to.clone()));
        let mut refusals: Vec<Refusal> = barred.into_iter().chain(down).collect();
        if refusals.is_empty() {
            let Some(target) = of(&next.to) else {
                return vec![Refusal::NoCopy(next.to.clone())];
            };
            let active_there = self.active_on(&next.to);
            let none = BTreeSet::new();
            refusals = switchover::refusals(&self.dag, of(&next.from), target, active_there, &none);
        }
        refusals
    }

    fn succeeded(&mut self, done: &PlannedMove) {
        self.tried.insert((done.database.clone(), done.to.clone()));
        if let Some(database) = self.dag.databases.get_mut(&done.database) {
            database.active = done.to.clone();
        }
    }
}
