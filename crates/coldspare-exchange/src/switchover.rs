//! The checks that `Move-ActiveMailboxDatabase` makes before it moves anything.

use std::collections::BTreeSet;
use std::time::Duration;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::{
    ActivationPolicy, Check, CopyState, CopyStatus, Dag, DatabaseName, Member, MemberName,
    NodeState, Refusal,
};

/// Fewer logs than this may wait to be copied to the target.
pub const COPY_QUEUE: u64 = 10;
/// Fewer logs than this may wait to be replayed on the target. Documentation shows a queue of
/// more than 6 refused; the criteria of selection speak of 50.
pub const REPLAY_QUEUE: u64 = 7;
/// Processors that are busier than this, in percent, are too busy. Documentation does not say what
/// it takes for high; servers are to be sized for 80 % in the worst case.
pub const BUSY: u8 = 80;

/// What a switchover looks at besides the group and its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Situation {
    /// Databases that are active on the target's member.
    pub active_there: u32,
    /// How busy the processors of the target's member are, in percent, if that is known (2016 and
    /// later look at it).
    pub busy: Option<u8>,
    /// Whether the database was moved too often lately (2016 and later look at it).
    pub suppressed: bool,
}

/// When a database was moved too often, so that it does not go to and fro. The limits of Exchange
/// are not documented: whoever reckons with them says what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveSuppression {
    /// So many moves are enough.
    pub moves: usize,
    /// How long a move counts.
    pub within: Duration,
}

impl MoveSuppression {
    /// Whether a database that was moved at those times stays where it is now.
    pub fn suppresses(self, moved: &[Time], now: Time) -> bool {
        moved.iter().filter(|at| self.counts(**at, now)).count() >= self.moves
    }

    /// Whether a move at that time still counts.
    pub(crate) fn counts(self, moved: Time, now: Time) -> bool {
        now.since(moved) < self.within
    }
}

/// Why a switchover of a database to that copy would be refused; empty if it would not be.
///
/// A switch leaves out its own check and no other; one that the version does not have is refused.
/// A copy that is not there, a cluster without quorum, a node that is not up, a member where
/// nothing is mounted, a suspended activation and the hard maximum have no switch; that a suspended
/// activation also stops a move that names its target is an assumption.
///
/// Source: Microsoft's page on `Move-ActiveMailboxDatabase`.
pub fn refusals(
    dag: &Dag,
    active: Option<&CopyState>,
    target: &CopyState,
    situation: &Situation,
    skip: &BTreeSet<Check>,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let member = &target.copy.member;
    let Some(of) = dag.members.get(member) else {
        return vec![Refusal::NoCopy(member.clone())];
    };
    let newer = skip.iter().filter(|check| check.since() > dag.version);
    refusals.extend(newer.map(|check| Refusal::NotInVersion(check.switch().to_owned())));
    if !dag.quorum {
        refusals.push(Refusal::NoQuorum);
    }
    if target.status == CopyStatus::ServiceDown {
        refusals.push(Refusal::ServiceDown(member.clone()));
    } else if of.node != NodeState::Up {
        refusals.push(Refusal::NodeNotUp(member.clone()));
    } else if !skip.contains(&Check::Health) && !target.status.permits().automatic_target {
        refusals.push(Refusal::Status(target.status));
    }
    if target.activation_suspended {
        refusals.push(Refusal::ActivationSuspended);
    }
    let database = dag.databases.get(&target.copy.database);
    if database.is_some_and(|of| of.mounted) && !dag.is_listed(member) {
        refusals.push(Refusal::NotListed(member.clone()));
    }
    refusals.extend(over_maximum(of, situation.active_there, skip));
    let seeds = active.is_some_and(|copy| copy.status == CopyStatus::SeedingSource);
    if seeds && !skip.contains(&Check::ActiveCopy) {
        refusals.push(Refusal::SeedingSource);
    }
    if !skip.contains(&Check::Lag) {
        let (copy_queue, replay_queue) = (target.copy_queue, target.replay_queue);
        if !copy_queue.is_below(COPY_QUEUE) || !replay_queue.is_below(REPLAY_QUEUE) {
            refusals.push(Refusal::Lag {
                copy_queue,
                replay_queue,
            });
        }
        if target.status == CopyStatus::SeedingSource {
            refusals.push(Refusal::SeedingSource);
        }
    }
    let settings = database.and_then(|of| of.copies.get(member));
    let lagged = settings.is_some_and(crate::CopySettings::is_lagged);
    if !skip.contains(&Check::ClientExperience) && !target.content_index.is_good(lagged) {
        refusals.push(Refusal::ContentIndex(target.content_index));
    }
    let made = |check: Check| check.since() <= dag.version && !skip.contains(&check);
    let busy = situation.busy.filter(|percent| *percent > BUSY);
    if let Some(percent) = busy.filter(|_| made(Check::Cpu)) {
        let member = member.clone();
        refusals.push(Refusal::Busy { member, percent });
    }
    if situation.suppressed && made(Check::MoveSuppression) {
        refusals.push(Refusal::Suppressed);
    }
    refusals
}

/// Why a member cannot take another active database: the hard maximum holds always, the soft one
/// unless its check is left out.
pub(crate) fn over_maximum(
    member: &Member,
    active: u32,
    skip: &BTreeSet<Check>,
) -> impl Iterator<Item = Refusal> {
    let reached = |maximum: &u32| active >= *maximum;
    let soft = !skip.contains(&Check::MaximumActiveDatabases);
    let hard = member.policy.maximum_active.filter(reached);
    let hard = hard.map(|maximum| Refusal::MaximumActive { active, maximum });
    let soft = member
        .policy
        .maximum_preferred
        .filter(reached)
        .filter(|_| soft);
    let soft = soft.map(|maximum| Refusal::MaximumPreferred { active, maximum });
    hard.into_iter().chain(soft)
}

/// Why a member's policy keeps a database from being activated there without being told to.
/// A move that names its target is not bound by it.
pub fn barred_by_policy(
    dag: &Dag,
    database: &DatabaseName,
    member: &MemberName,
) -> Option<Refusal> {
    let of = dag.members.get(member)?;
    let active = &dag.databases.get(database)?.active;
    let policy = of.policy.activation;
    let barred = match policy {
        ActivationPolicy::Unrestricted => false,
        ActivationPolicy::IntrasiteOnly => dag
            .members
            .get(active)
            .is_none_or(|from| from.site != of.site),
        ActivationPolicy::Blocked => true,
    };
    barred.then_some(Refusal::Policy(policy))
}

#[cfg(test)]
mod tests;
