//! The checks that `Move-ActiveMailboxDatabase` makes before it moves anything.

use std::collections::BTreeSet;

use crate::{
    ActivationPolicy, Check, CopyState, CopyStatus, Dag, DatabaseName, MemberName, NodeState,
    Refusal,
};

/// Fewer logs than this may wait to be copied to the target.
pub const COPY_QUEUE: u64 = 10;
/// Fewer logs than this may wait to be replayed on the target. Documentation shows a queue of
/// more than 6 refused; the criteria of selection speak of 50.
pub const REPLAY_QUEUE: u64 = 7;

/// Why a switchover of a database to that copy would be refused; empty if it would not be.
///
/// A switch leaves out its own check and no other. A copy that is not there, a cluster without
/// quorum, a node that is not up and the hard maximum have no switch.
///
/// Source: Microsoft's page on `Move-ActiveMailboxDatabase`.
pub fn refusals(
    dag: &Dag,
    active: Option<&CopyState>,
    target: &CopyState,
    active_there: u32,
    skip: &BTreeSet<Check>,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let member = &target.copy.member;
    let Some(of) = dag.members.get(member) else {
        return vec![Refusal::NoCopy(member.clone())];
    };
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
    if let Some(maximum) = of.policy.maximum_active.filter(|max| active_there >= *max) {
        let active = active_there;
        refusals.push(Refusal::MaximumActive { active, maximum });
    }
    let soft = of
        .policy
        .maximum_preferred
        .filter(|max| active_there >= *max);
    if let (Some(maximum), false) = (soft, skip.contains(&Check::MaximumActiveDatabases)) {
        let active = active_there;
        refusals.push(Refusal::MaximumPreferred { active, maximum });
    }
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
    let database = dag.databases.get(&target.copy.database);
    let settings = database.and_then(|of| of.copies.get(member));
    let lagged = settings.is_some_and(crate::CopySettings::is_lagged);
    if !skip.contains(&Check::ClientExperience) && !target.content_index.is_good(lagged) {
        refusals.push(Refusal::ContentIndex(target.content_index));
    }
    refusals
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
