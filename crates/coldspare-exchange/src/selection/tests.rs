//! Who is a candidate: policies and maxima row by row.

use super::*;
use crate::{ContentIndex, CopyId, Member, QueueLength};

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

/// Three members in two sites with a copy each of one database, active on the first; the second
/// and third are in the other site and in the same.
fn group(version: Version) -> (Dag, Vec<CopyState>) {
    let members = ["EX1", "EX2", "EX3"].map(member);
    let sites = ["North", "South", "North"];
    let mut dag = Dag::new("DAG1".parse().unwrap(), version);
    for (name, site) in members.iter().zip(sites) {
        dag = dag.with_member(name.clone(), Member::at(site.parse().unwrap()));
    }
    let dag = dag.with_database("DB".parse().unwrap(), &members);
    let state = |copy: CopyId| CopyState {
        status: if copy.member == members[0] {
            CopyStatus::Mounted
        } else {
            CopyStatus::Healthy
        },
        active: copy.member == members[0],
        copy,
        activation_suspended: false,
        suspend_comment: None,
        replay_lag_off: false,
        error: None,
        content_index: ContentIndex::Healthy,
        copy_queue: QueueLength::new(0),
        replay_queue: QueueLength::new(0),
        logs: None,
    };
    let copies = dag.copy_ids().map(state).collect();
    (dag, copies)
}

fn tried(dag: &Dag, copies: &[CopyState], situation: &Situation) -> Vec<String> {
    let ranking = rank(dag, copies, &"DB".parse().unwrap(), situation);
    ranking
        .ranked
        .iter()
        .map(|ranked| ranked.member.to_string())
        .collect()
}

#[test]
fn every_setting_keeps_out_whom_the_table_says() {
    type Change = fn(&mut Dag, &mut Vec<CopyState>, &mut Situation);
    let table: [(&str, Change, &[&str]); 9] = [
        ("nothing", |_, _, _| {}, &["EX2", "EX3"]),
        (
            "ActivationSuspended",
            |_, copies, _| copies[1].activation_suspended = true,
            &["EX3"],
        ),
        (
            "Blocked",
            |dag, _, _| of(dag).activation = ActivationPolicy::Blocked,
            &["EX3"],
        ),
        (
            "IntrasiteOnly",
            |dag, _, _| of(dag).activation = ActivationPolicy::IntrasiteOnly,
            &["EX3"],
        ),
        (
            "MoveNow",
            |dag, _, _| of(dag).disabled_and_move_now = true,
            &["EX3"],
        ),
        (
            "MaximumActiveDatabases",
            |dag, _, _| of(dag).maximum_active = Some(0),
            &["EX3"],
        ),
        (
            "MaximumPreferredActiveDatabases",
            |dag, _, _| of(dag).maximum_preferred = Some(0),
            &["EX3"],
        ),
        (
            "node down",
            |dag, _, _| node(dag, NodeState::Down),
            &["EX3"],
        ),
        (
            "no client reaches it",
            |_, _, situation| {
                situation.without_mapi.insert(member("EX2"));
            },
            &["EX3"],
        ),
    ];
    for (what, change, left) in table {
        let (mut dag, mut copies) = group(Version::V2013);
        let mut situation = Situation::default();
        change(&mut dag, &mut copies, &mut situation);
        assert_eq!(tried(&dag, &copies, &situation), left, "{what}");
    }
}

fn of(dag: &mut Dag) -> &mut crate::MemberPolicy {
    &mut dag.members.get_mut(&member("EX2")).unwrap().policy
}

fn node(dag: &mut Dag, state: NodeState) {
    dag.members.get_mut(&member("EX2")).unwrap().node = state;
}

#[test]
fn a_server_that_is_kept_free_still_serves_when_no_other_can() {
    let (mut dag, mut copies) = group(Version::V2013);
    of(&mut dag).disabled_and_move_now = true;
    copies[2].status = CopyStatus::Failed;
    assert_eq!(tried(&dag, &copies, &Situation::default()), ["EX2"]);
}

#[test]
fn databases_leave_a_server_that_is_to_be_free_at_once_but_not_for_a_blocked_one() {
    let (mut dag, copies) = group(Version::V2013);
    dag.members
        .get_mut(&member("EX1"))
        .unwrap()
        .policy
        .disabled_and_move_now = true;
    of(&mut dag).activation = ActivationPolicy::Blocked;
    let moves = moves_now(&dag, &copies, &Situation::default());
    assert_eq!(moves, [("DB".parse().unwrap(), member("EX3"))]);
    dag.members
        .get_mut(&member("EX3"))
        .unwrap()
        .policy
        .activation = ActivationPolicy::Blocked;
    assert_eq!(moves_now(&dag, &copies, &Situation::default()), []);
}

#[test]
fn lossless_is_read_as_all_servers_by_2010_and_as_any_since() {
    use MountDial::{GoodAvailability, Lossless};
    for (version, dials, expected) in [
        (Version::V2010, [Lossless, Lossless], Order::Preference),
        (
            Version::V2010,
            [Lossless, GoodAvailability],
            Order::CopyQueue,
        ),
        (
            Version::V2013,
            [Lossless, GoodAvailability],
            Order::Preference,
        ),
        (
            Version::V2013,
            [GoodAvailability, GoodAvailability],
            Order::CopyQueue,
        ),
    ] {
        assert_eq!(
            order(version, &dials, None),
            expected,
            "{version:?} {dials:?}"
        );
    }
    let asked = |dial| order(Version::V2013, &[GoodAvailability], Some(dial));
    assert_eq!(
        asked(DialOverride::default()),
        Order::Preference,
        "a lossless switchover"
    );
    assert_eq!(asked(DialOverride::BestEffort), Order::CopyQueue);
}

#[test]
fn the_health_of_servers_counts_from_2013_on() {
    use crate::server_health::{Monitored, Priority};
    let unhealthy = Monitored {
        priority: Priority::Low,
        healthy: false,
    };
    let mut situation = Situation::default();
    let health = ServerHealth([("pop".to_owned(), unhealthy)].into());
    situation.health.insert(member("EX2"), health);
    let (dag, copies) = group(Version::V2010);
    assert_eq!(tried(&dag, &copies, &situation), ["EX2", "EX3"]);
    let (dag, copies) = group(Version::V2013);
    assert_eq!(tried(&dag, &copies, &situation), ["EX3", "EX2"]);
    situation.failed_component = Some("pop".to_owned());
    assert_eq!(
        tried(&dag, &copies, &situation),
        [] as [&str; 0],
        "none is better than healthy"
    );
}
