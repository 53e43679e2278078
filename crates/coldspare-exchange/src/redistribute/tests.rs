//! Redistribution: the rules row by row, then against a naive oracle.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    ActivationPolicy, ContentIndex, CopyId, CopyStatus, Member, MemberPolicy, NodeState,
    QueueLength, Version,
};

fn member(number: usize) -> MemberName {
    format!("EX{number}").parse().unwrap()
}

fn database(number: usize) -> DatabaseName {
    format!("DB{number:02}").parse().unwrap()
}

/// Members by their sites, databases by the numbers of their members in order of preference; the
/// last number is where each is active.
fn group(sites: &[&str], databases: &[(&[usize], usize)]) -> Dag {
    let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2016);
    for (number, site) in (1..).zip(sites) {
        dag = dag.with_member(member(number), Member::at(site.parse().unwrap()));
    }
    for (number, (on, active)) in (1..).zip(databases) {
        let on: Vec<MemberName> = on.iter().copied().map(member).collect();
        dag = dag.with_database(database(number), &on);
        dag.databases.get_mut(&database(number)).unwrap().active = member(*active);
    }
    dag
}

fn states(dag: &Dag) -> Vec<CopyState> {
    let state = |copy: CopyId| {
        let of = &dag.databases[&copy.database];
        let active = of.active == copy.member;
        let status = match (active, of.mounted) {
            (true, true) => CopyStatus::Mounted,
            (true, false) => CopyStatus::Dismounted,
            (false, _) => CopyStatus::Healthy,
        };
        CopyState {
            copy,
            status,
            active,
            activation_suspended: false,
            suspend_comment: None,
            replay_lag_off: false,
            error: None,
            content_index: ContentIndex::Healthy,
            copy_queue: QueueLength::new(0),
            replay_queue: QueueLength::new(0),
            logs: None,
        }
    };
    dag.copy_ids().map(state).collect()
}

fn by_preference(dag: &Dag) -> Redistribution {
    redistribute(dag, &states(dag), Balance::ByActivationPreference)
}

fn told(plan: &Redistribution) -> Vec<String> {
    plan.moves.iter().map(ToString::to_string).collect()
}

fn policy(dag: &mut Dag, number: usize) -> &mut MemberPolicy {
    &mut dag.members.get_mut(&member(number)).unwrap().policy
}

#[test]
fn after_a_failover_of_the_paper_each_database_goes_home() {
    let dag = group(&["Lab", "Lab"], &[(&[1, 2], 2), (&[2, 1], 2)]);
    let plan = by_preference(&dag);
    assert_eq!(
        told(&plan),
        ["DB01 from EX2 (preference 2) to EX1 (preference 1)"]
    );
    assert_eq!(
        plan.counters(),
        Counters {
            moved: 1,
            not_moved: 1,
            ..Counters::default()
        }
    );
}

#[test]
fn preferences_are_balanced_and_numbers_are_not() {
    let dag = group(&["A", "A"], &[(&[1, 2], 1), (&[1, 2], 1), (&[1, 2], 2)]);
    let plan = by_preference(&dag);
    assert_eq!(
        told(&plan),
        ["DB03 from EX2 (preference 2) to EX1 (preference 1)"]
    );
}

#[test]
fn a_dismounted_database_is_moved_and_stays_dismounted() {
    let mut dag = group(&["A", "A"], &[(&[1, 2], 2)]);
    dag.databases.get_mut(&database(1)).unwrap().mounted = false;
    assert_eq!(by_preference(&dag).moves.len(), 1);
}

#[test]
fn the_fullest_server_gives_first_and_the_emptiest_gets_first() {
    let databases: [(&[usize], usize); 5] = [
        (&[1, 3], 3),
        (&[1, 2], 2),
        (&[2, 1], 2),
        (&[4, 2], 2),
        (&[1, 2], 2),
    ];
    let plan = by_preference(&group(&["A"; 4], &databases));
    let order: Vec<&str> = plan
        .moves
        .iter()
        .map(|planned| planned.database.as_str())
        .collect();
    assert_eq!(order, ["DB02", "DB04", "DB05", "DB01"]);
}

#[test]
fn a_target_is_refused_for_each_reason_of_the_script_and_the_next_preference_is_used() {
    type Change = fn(&mut Dag);
    let refused: [(&str, Change); 4] = [
        ("policy Blocked", |dag| {
            policy(dag, 1).activation = ActivationPolicy::Blocked;
        }),
        ("IntrasiteOnly and another site", |dag| {
            policy(dag, 1).activation = ActivationPolicy::IntrasiteOnly;
        }),
        ("not online", |dag| {
            dag.members.get_mut(&member(1)).unwrap().node = NodeState::Down;
        }),
        ("maximum reached", |dag| {
            policy(dag, 1).maximum_active = Some(0);
        }),
    ];
    for (reason, change) in refused {
        let mut dag = group(&["North", "South", "South"], &[(&[1, 2, 3], 3)]);
        change(&mut dag);
        let plan = by_preference(&dag);
        assert_eq!(
            told(&plan),
            ["DB01 from EX3 (preference 3) to EX2 (preference 2)"],
            "{reason}"
        );
        assert_eq!(plan.failed.len(), 1, "{reason}");
        assert_eq!(plan.failed[0].tried.to, member(1), "{reason}");
    }
}

#[test]
fn an_unhealthy_copy_is_tried_once_and_the_next_preference_is_used() {
    let dag = group(&["A"; 3], &[(&[1, 2, 3], 3)]);
    let mut copies = states(&dag);
    copies[0].status = CopyStatus::Failed;
    let plan = redistribute(&dag, &copies, Balance::ByActivationPreference);
    assert_eq!(
        told(&plan),
        ["DB01 from EX3 (preference 3) to EX2 (preference 2)"]
    );
    assert_eq!(
        plan.failed[0].refusals,
        [Refusal::Status(CopyStatus::Failed)]
    );
}

#[test]
fn what_was_not_touched_is_reported_and_warned_of() {
    let mut dag = group(&["A"; 2], &[(&[1, 2], 2), (&[2, 1], 2)]);
    policy(&mut dag, 1).activation = ActivationPolicy::Blocked;
    let plan = by_preference(&dag);
    let status: Vec<MoveStatus> = plan.databases.iter().map(|row| row.move_status).collect();
    assert_eq!(
        status,
        [MoveStatus::MoveFailed, MoveStatus::NoMoveAttempted]
    );
    assert_eq!(
        plan.counters(),
        Counters {
            failed: 1,
            not_moved: 1,
            ..Counters::default()
        }
    );
    assert!(plan.warnings.is_empty());
}

const BY_SITE: Balance = Balance::BySiteAndActivationPreference {
    allowed_deviation: 20,
};

#[test]
fn one_site_is_balanced_by_preference_alone_with_a_warning() {
    let dag = group(&["A"; 2], &[(&[1, 2], 2)]);
    let plan = redistribute(&dag, &states(&dag), BY_SITE);
    assert_eq!(plan.moves, by_preference(&dag).moves);
    assert_eq!(plan.warnings.len(), 1);
}

#[test]
fn a_site_gets_no_more_than_its_share_even_if_it_is_preferred() {
    let databases: Vec<(&[usize], usize)> = (0..10).map(|n| (&[1, 2][..], 1 + n % 2)).collect();
    let dag = group(&["North", "South"], &databases);
    assert_eq!(by_preference(&dag).moves.len(), 5, "all to the north");
    let plan = redistribute(&dag, &states(&dag), BY_SITE);
    assert_eq!(
        plan.moves.len(),
        1,
        "6 and 4 differ by the 2 that are allowed, 7 and 3 by more"
    );
    assert!(
        plan.failed
            .iter()
            .all(|failed| failed.refusals == [Refusal::SiteImbalance])
    );
}

#[test]
fn a_site_with_too_many_gives_some_to_less_preferred_copies() {
    let databases: Vec<(&[usize], usize)> = vec![(&[1, 2], 1); 10];
    let dag = group(&["North", "South"], &databases);
    let plan = redistribute(&dag, &states(&dag), BY_SITE);
    assert_eq!(plan.moves.len(), 4, "10 and 0 become 6 and 4");
    assert_eq!(plan.counters().moved_to_less_preferred, 4);
}

/// The script's own reckoning: 2 × 33 × 0.20 = 13.2, and so 14.
#[test]
fn ninety_nine_databases_on_three_sites_may_differ_by_fourteen() {
    let databases: Vec<(&[usize], usize)> = vec![(&[1, 2, 3], 1); 99];
    let dag = group(&["A", "B", "C"], &databases);
    let plan = redistribute(&dag, &states(&dag), BY_SITE);
    let mut active = BTreeMap::from([(member(1), 99_i32), (member(2), 0), (member(3), 0)]);
    for planned in &plan.moves {
        *active.get_mut(&planned.from).unwrap() -= 1;
        *active.get_mut(&planned.to).unwrap() += 1;
    }
    let spread = active.values().max().unwrap() - active.values().min().unwrap();
    assert!((13..=14).contains(&spread), "{active:?}");
}

#[test]
fn without_preference_only_numbers_count() {
    let databases: Vec<(&[usize], usize)> = vec![(&[1, 2, 3], 1); 6];
    let mut dag = group(&["A"; 3], &databases);
    let plan = redistribute(&dag, &states(&dag), Balance::IgnoringActivationPreference);
    assert_eq!(plan.moves.len(), 4, "2 each");
    policy(&mut dag, 3).activation = ActivationPolicy::Blocked;
    let plan = redistribute(&dag, &states(&dag), Balance::IgnoringActivationPreference);
    assert_eq!(
        plan.moves.len(),
        3,
        "3 and 3, the blocked server takes no part"
    );
}

#[test]
fn the_distribution_has_the_columns_of_the_original() {
    let mut dag = group(&["A"; 2], &[(&[1, 2], 1), (&[2, 1], 1), (&[1, 2], 2)]);
    dag.databases.get_mut(&database(3)).unwrap().mounted = false;
    let rows = distribution(&dag);
    let json = serde_json::to_string(&rows[1]).unwrap();
    assert_eq!(
        json,
        r#"{"ServerName":"EX2","TotalDbs":3,"ActiveDbs":1,"PassiveDbs":2,"PreferenceCountList":[1,2],"MountedDbs":0,"DismountedDbs":1,"DagName":"DAG1"}"#
    );
}

#[test]
fn preference_moves_go_to_the_first_preference_only_and_only_where_they_are_switched_on() {
    let mut dag = group(&["A"; 3], &[(&[1, 2, 3], 3), (&[2, 1, 3], 3)]);
    assert_eq!(preference_moves(&dag, &states(&dag)), []);
    dag.preference_moves = Some(Duration::from_hours(1));
    let mut copies = states(&dag);
    copies[0].status = CopyStatus::Failed;
    let moves = preference_moves(&dag, &copies);
    let told: Vec<String> = moves.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["DB02 from EX3 (preference 3) to EX2 (preference 1)"],
        "no second choice"
    );
    dag.version = Version::V2013;
    assert_eq!(preference_moves(&dag, &copies), []);
}

/// Where each database ends, found the slow way: at its most preferred copy that can be activated.
fn oracle(dag: &Dag, copies: &[CopyState]) -> BTreeMap<DatabaseName, MemberName> {
    let can = |name: &DatabaseName, to: &MemberName| {
        let of = &dag.members[to];
        let state = copies
            .iter()
            .find(|s| s.copy.database == *name && s.copy.member == *to);
        of.node == NodeState::Up
            && of.policy.activation == ActivationPolicy::Unrestricted
            && state.is_some_and(|state| state.status == CopyStatus::Healthy)
    };
    let home = |(name, database): (&DatabaseName, &crate::Database)| {
        let here = database.active_preference().unwrap();
        let better = database
            .copies
            .iter()
            .filter(|(_, copy)| copy.preference < here);
        let best = better
            .filter(|(to, _)| can(name, to))
            .min_by_key(|(_, copy)| copy.preference);
        let home = best.map_or(&database.active, |(to, _)| to);
        (name.clone(), home.clone())
    };
    dag.databases.iter().map(home).collect()
}

prop_compose! {
    fn any_group()(
        servers in 1..6_usize,
        databases in prop::collection::vec((prop::collection::vec(0..100_usize, 1..6), 0..100_usize), 0..12),
        blocked in prop::collection::vec(0..8_u8, 6),
        broken in prop::collection::vec(0..6_u8, 80),
        maximum in prop::option::of(0..6_u32),
        sites in 1..4_usize,
    ) -> (Dag, Vec<CopyState>) {
        let names = ["North", "South", "West"];
        let sites: Vec<&str> = (0..servers).map(|n| names[n % sites]).collect();
        let mut spread = Vec::new();
        for (order, active) in &databases {
            let mut on: Vec<usize> = Vec::new();
            for wish in order {
                let server = 1 + wish % servers;
                if !on.contains(&server) {
                    on.push(server);
                }
            }
            let active = on[active % on.len()];
            spread.push((on, active));
        }
        let refs: Vec<(&[usize], usize)> = spread.iter().map(|(on, active)| (&on[..], *active)).collect();
        let mut dag = group(&sites, &refs);
        for (number, of) in (0..).zip(dag.members.values_mut()) {
            match blocked[number] {
                0 => of.policy.activation = ActivationPolicy::Blocked,
                1 => of.node = NodeState::Down,
                _ => {}
            }
            of.policy.maximum_active = maximum;
        }
        let mut copies = states(&dag);
        for (state, broken) in copies.iter_mut().zip(broken) {
            if broken == 0 && !state.active {
                state.status = CopyStatus::Failed;
            }
        }
        (dag, copies)
    }
}

/// Replays a plan and says how many databases each server had at most on the way.
fn replayed(dag: &Dag, plan: &Redistribution) -> (Dag, BTreeMap<MemberName, usize>) {
    let mut after = dag.clone();
    let mut most = BTreeMap::new();
    for planned in &plan.moves {
        let database = after.databases.get_mut(&planned.database).unwrap();
        assert_eq!(
            database.active, planned.from,
            "a move begins where the database is"
        );
        database.active = planned.to.clone();
        let here = after.active_on(&planned.to).count();
        let most = most.entry(planned.to.clone()).or_insert(0);
        *most = here.max(*most);
    }
    (after, most)
}

fn any_balance() -> impl Strategy<Value = Balance> {
    prop_oneof![
        Just(Balance::ByActivationPreference),
        Just(BY_SITE),
        Just(Balance::IgnoringActivationPreference),
    ]
}

proptest! {
    #[test]
    fn where_no_maximum_bites_every_database_ends_where_the_oracle_says((mut dag, copies) in any_group()) {
        for of in dag.members.values_mut() {
            of.policy.maximum_active = None;
        }
        let plan = redistribute(&dag, &copies, Balance::ByActivationPreference);
        let (after, _) = replayed(&dag, &plan);
        let ends: BTreeMap<DatabaseName, MemberName> = after
            .databases
            .iter()
            .map(|(name, database)| (name.clone(), database.active.clone()))
            .collect();
        prop_assert_eq!(ends, oracle(&dag, &copies));
    }

    #[test]
    fn no_plan_does_what_no_plan_may((dag, copies) in any_group(), balance in any_balance()) {
        let plan = redistribute(&dag, &copies, balance);
        let (after, most) = replayed(&dag, &plan);
        for (member, most) in most {
            let maximum = dag.members[&member].policy.maximum_active;
            prop_assert!(maximum.is_none_or(|maximum| most <= maximum as usize), "a maximum");
            prop_assert_eq!(dag.members[&member].node, NodeState::Up);
        }
        let mut tried: Vec<&PlannedMove> = plan.moves.iter().collect();
        tried.extend(plan.failed.iter().map(|failed| &failed.tried));
        let mut once: Vec<_> = tried.iter().map(|tried| (&tried.database, &tried.to)).collect();
        let attempts = once.len();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), attempts, "each copy is tried once");
        for planned in &plan.moves {
            let better = planned.to_preference < planned.from_preference;
            prop_assert!(better || balance != Balance::ByActivationPreference);
            let state = copies.iter().find(|state| {
                state.copy.database == planned.database && state.copy.member == planned.to
            });
            prop_assert_eq!(state.unwrap().status, CopyStatus::Healthy);
        }
        for (name, database) in &after.databases {
            prop_assert_eq!(database.mounted, dag.databases[name].mounted);
        }
        let counters = plan.counters();
        prop_assert_eq!(counters.moved + counters.failed + counters.not_moved, dag.databases.len());
    }
}
