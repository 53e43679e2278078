//! Which copies of a database may be activated, and in which order they are tried.
//!
//! Source: Microsoft's page on Active Manager. The criteria themselves are in [`best_copy`].

use std::collections::{BTreeMap, BTreeSet};

use crate::best_copy::{self, Candidate, Order, Ranking};
use crate::server_health::{HealthLevel, ServerHealth};
use crate::{
    ActivationPolicy, CopyState, CopyStatus, Dag, DatabaseName, DialOverride, MemberName,
    MountDial, NodeState, Refusal, Version, switchover,
};

/// What selection knows besides the group and its copies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Situation {
    /// Members that no client reaches.
    pub without_mapi: BTreeSet<MemberName>,
    /// The health of servers (2013 and later); one that is not listed is healthy.
    pub health: BTreeMap<MemberName, ServerHealth>,
    /// The component that asked for the failover, if one did.
    pub failed_component: Option<String>,
    /// How many logs may be missing, when an administrator moves the database without naming a
    /// target; `None` when it is Active Manager that acts.
    pub asked: Option<DialOverride>,
}

/// What comes first among copies that meet the same criterion: the preference where no log may be
/// missing, else who has copied most.
///
/// Documents conflict about when that is: 2010 goes by preference when *all* servers with a copy
/// are set to *Lossless*, 2013 and later when *any* is.
pub fn order(version: Version, dials: &[MountDial], asked: Option<DialOverride>) -> Order {
    let lossless = |dial: &MountDial| *dial == MountDial::Lossless;
    let by_servers = if version == Version::V2010 {
        !dials.is_empty() && dials.iter().all(lossless)
    } else {
        dials.iter().any(lossless)
    };
    if by_servers || asked == Some(DialOverride::Dial(MountDial::Lossless)) {
        Order::Preference
    } else {
        Order::CopyQueue
    }
}

/// Why Active Manager may not activate a copy by itself, its status and its server's health left
/// aside. What Microsoft calls unreachable or blocked is read here as all of these.
pub fn barred(
    dag: &Dag,
    situation: &Situation,
    state: &CopyState,
    active_there: u32,
) -> Vec<Refusal> {
    let member = &state.copy.member;
    let Some(of) = dag.members.get(member) else {
        return vec![Refusal::NoCopy(member.clone())];
    };
    let mut barred = Vec::new();
    if state.activation_suspended {
        barred.push(Refusal::ActivationSuspended);
    }
    if of.node != NodeState::Up {
        barred.push(Refusal::NodeNotUp(member.clone()));
    }
    if situation.without_mapi.contains(member) {
        barred.push(Refusal::MapiNetworkDown(member.clone()));
    }
    barred.extend(switchover::barred_by_policy(
        dag,
        &state.copy.database,
        member,
    ));
    barred.extend(switchover::over_maximum(of, active_there, &BTreeSet::new()));
    barred
}

/// Every passive copy of a database in its place, with reasons, and those left out, with all that
/// would have to change.
///
/// A server that is to be kept free (`DatabaseCopyActivationDisabledAndMoveNow`) is left out only
/// while another copy can be activated. How the health of servers and the ten criteria nest is
/// not documented: here the health comes first.
pub fn rank(
    dag: &Dag,
    copies: &[CopyState],
    database: &DatabaseName,
    situation: &Situation,
) -> Ranking {
    let Some(of) = dag.databases.get(database) else {
        return Ranking::default();
    };
    let active = |member: &MemberName| {
        let here = dag
            .databases
            .values()
            .filter(|database| database.active == *member);
        u32::try_from(here.count()).unwrap_or(u32::MAX)
    };
    let passive = copies
        .iter()
        .filter(|state| state.copy.database == *database && state.copy.member != of.active);
    let mut judged: Vec<(&CopyState, Vec<Refusal>)> = passive
        .map(|state| {
            (
                state,
                barred(dag, situation, state, active(&state.copy.member)),
            )
        })
        .collect();
    let kept_free = |state: &CopyState| {
        let of = dag.members.get(&state.copy.member);
        of.is_some_and(|of| of.policy.disabled_and_move_now)
    };
    let fit = |(state, barred): &(&CopyState, Vec<Refusal>)| {
        barred.is_empty() && state.status.permits().automatic_target && !kept_free(state)
    };
    if judged.iter().any(fit) {
        for (state, barred) in &mut judged {
            barred.extend(kept_free(state).then_some(Refusal::KeptFree));
        }
    }
    let candidates: Vec<Candidate<'_>> = judged
        .iter()
        .filter_map(|(state, barred)| {
            let settings = of.copies.get(&state.copy.member)?;
            let health = health(dag, situation, &of.active, &state.copy.member);
            Some(candidate(state, settings.preference, health, barred))
        })
        .collect();
    let members = of
        .copies
        .keys()
        .filter_map(|member| dag.members.get(member));
    let dials: Vec<MountDial> = members.map(|member| member.policy.dial).collect();
    best_copy::rank(&candidates, order(dag.version, &dials, situation.asked))
}

/// How healthy a server is against the current one; all are before 2013.
fn health(
    dag: &Dag,
    situation: &Situation,
    current: &MemberName,
    target: &MemberName,
) -> Option<HealthLevel> {
    if !dag.version.has_managed_availability() {
        return Some(HealthLevel::AllHealthy);
    }
    let healthy = ServerHealth::default();
    let of = |member: &MemberName| situation.health.get(member).unwrap_or(&healthy);
    of(target).level(of(current), situation.failed_component.as_deref())
}

fn candidate<'a>(
    state: &'a CopyState,
    preference: std::num::NonZeroU8,
    health: Option<HealthLevel>,
    barred: &'a [Refusal],
) -> Candidate<'a> {
    Candidate {
        member: &state.copy.member,
        preference,
        status: state.status,
        content_index: state.content_index,
        last_inspected: state.logs.map(|logs| logs.inspected),
        copy_queue: state.copy_queue,
        replay_queue: state.replay_queue,
        health,
        barred,
    }
}

/// Which databases have to leave members that are to be kept free, because another healthy copy
/// exists (`DatabaseCopyActivationDisabledAndMoveNow`, 2013 and later): each with the member that
/// takes it. None goes to a member whose policy is *Blocked*.
pub fn moves_now(
    dag: &Dag,
    copies: &[CopyState],
    situation: &Situation,
) -> Vec<(DatabaseName, MemberName)> {
    let kept_free = dag.databases.iter().filter(|(_, database)| {
        let home = dag.members.get(&database.active);
        home.is_some_and(|of| of.policy.disabled_and_move_now)
    });
    let moves = kept_free.filter_map(|(name, _)| {
        let best = rank(dag, copies, name, situation)
            .ranked
            .into_iter()
            .find(|ranked| {
                let of = dag.members.get(&ranked.member);
                let open = of.is_some_and(|of| {
                    of.policy.activation != ActivationPolicy::Blocked
                        && !of.policy.disabled_and_move_now
                });
                let status = copies.iter().find(|state| {
                    state.copy.database == *name && state.copy.member == ranked.member
                });
                open && status.is_some_and(|state| state.status == CopyStatus::Healthy)
            });
        best.map(|ranked| (name.clone(), ranked.member))
    });
    moves.collect()
}

#[cfg(test)]
mod tests;
