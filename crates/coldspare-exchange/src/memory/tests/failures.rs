//! What breaks, and what the group does about it.

use super::*;
use crate::{NodeState, Refusal, Service};

#[test]
fn a_lost_member_is_noticed_after_five_seconds_and_its_database_active_on_the_survivor() {
    let mut lab = Lab::paper();
    lab.cluster.member_down(&member("EX1")).unwrap();
    assert_eq!(lab.home("DB1"), ("EX1".into(), false));
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::ServiceDown);
    lab.pass(Duration::from_millis(4_999));
    assert_eq!(lab.home("DB1"), ("EX1".into(), false), "not noticed yet");
    lab.pass(Duration::from_millis(1));
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Mounting);
    lab.seconds(2);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    assert_eq!(
        lab.home("DB2"),
        ("EX2".into(), true),
        "the survivor carries both"
    );
    assert_eq!(lab.dag().members[&member("EX1")].node, NodeState::Down);
    assert_eq!(lab.dag().primary_active_manager, Some(member("EX2")));
}

#[test]
fn a_returning_member_goes_through_initializing_and_resynchronizing_to_healthy() {
    let mut lab = Lab::paper();
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(10);
    lab.cluster.drain_events();
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(10);
    let events = lab.cluster.drain_events().into_iter();
    let copy_1 = copy("DB1\\EX1");
    let statuses = events.filter_map(|event| match event.what {
        Happening::CopyStatus { copy, status, .. } if copy == copy_1 => Some((event.at, status)),
        _ => None,
    });
    let at = |seconds: u64| Time::after_epoch(Duration::from_secs(600 + seconds));
    assert_eq!(
        statuses.collect::<Vec<_>>(),
        [
            (at(60), CopyStatus::Initializing),
            (at(75), CopyStatus::Resynchronizing),
            (at(80), CopyStatus::Healthy),
        ]
    );
    assert_eq!(
        lab.home("DB1"),
        ("EX2".into(), true),
        "it does not go back by itself"
    );
}

#[test]
fn services_start_only_while_a_domain_controller_is_reachable_over_mapi() {
    let mut lab = Lab::paper();
    let ex1 = member("EX1");
    lab.cluster.member_down(&ex1).unwrap();
    lab.cluster.set_domain_controller(&ex1, false).unwrap();
    lab.minutes(1);
    lab.cluster.member_up(&ex1).unwrap();
    lab.minutes(30);
    let services = |lab: &Lab| lab.cluster.world().services(0);
    assert!(
        services(&lab)
            .missing(Version::V2010)
            .contains(&Service::MSExchangeADTopology)
    );
    assert!(services(&lab).running.contains(&Service::ClusSvc));
    assert_eq!(lab.status("DB2\\EX1"), CopyStatus::ServiceDown);
    lab.cluster.set_mapi_network(&ex1, false).unwrap();
    lab.cluster.set_domain_controller(&ex1, true).unwrap();
    lab.minutes(30);
    assert!(
        !services(&lab).missing(Version::V2010).is_empty(),
        "not over another network"
    );
    lab.cluster.set_mapi_network(&ex1, true).unwrap();
    lab.minutes(30);
    assert!(services(&lab).missing(Version::V2010).is_empty());
    assert_eq!(lab.status("DB2\\EX1"), CopyStatus::Healthy);
    lab.cluster.set_domain_controller(&ex1, false).unwrap();
    lab.minutes(30);
    assert!(
        services(&lab).missing(Version::V2010).is_empty(),
        "those that run go on"
    );
}

#[test]
fn without_the_mapi_network_a_member_loses_its_databases_but_no_log() {
    let mut lab = Lab::paper();
    lab.load("DB1", 3_600);
    lab.minutes(1);
    lab.cluster.set_mapi_network(&member("EX1"), false).unwrap();
    lab.seconds(10);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    assert_eq!(lab.cluster.logs_lost(&database("DB1")), Ok(0));
    assert_eq!(
        lab.dag().members[&member("EX1")].node,
        NodeState::Up,
        "still seen"
    );
    lab.minutes(10);
    assert_eq!(
        lab.status("DB1\\EX1"),
        CopyStatus::Healthy,
        "over the replication network"
    );
}

#[test]
fn without_the_replication_network_logs_are_shipped_over_mapi() {
    let mut lab = Lab::paper();
    lab.load("DB1", 3_600);
    lab.cluster
        .set_replication_network(&member("EX1"), false)
        .unwrap();
    lab.minutes(10);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true), "no failover");
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
    assert_eq!(lab.state("DB1\\EX2").copy_queue.known(), Some(0));
    lab.cluster.set_mapi_network(&member("EX2"), false).unwrap();
    lab.seconds(1);
    assert_eq!(
        lab.status("DB1\\EX2"),
        CopyStatus::DisconnectedAndHealthy,
        "no network is left"
    );
}

#[test]
fn the_store_itself_refuses_to_mount_more_than_the_hard_maximum() {
    let lab = Lab::paper();
    let database = database("DB1");
    lab.done(&Action::Dismount {
        database: database.clone(),
    });
    let policy = |maximum_active| Action::SetPolicy {
        member: member("EX1"),
        policy: crate::MemberPolicy {
            maximum_active,
            ..crate::MemberPolicy::default()
        },
    };
    lab.done(&policy(Some(0)));
    let mount = Action::Mount { database };
    let (active, maximum) = (0, 0);
    let full = Refusal::MaximumActive { active, maximum };
    assert_eq!(lab.act(&mount), Answer::Refused(full));
    lab.done(&policy(Some(1)));
    lab.done(&mount);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true));
}

#[test]
fn a_link_that_is_back_before_it_was_missed_moves_nothing() {
    let mut lab = Lab::paper();
    lab.cluster.set_mapi_network(&member("EX1"), false).unwrap();
    lab.seconds(4);
    lab.cluster.set_mapi_network(&member("EX1"), true).unwrap();
    lab.minutes(10);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true));
}

#[test]
fn without_quorum_everything_dismounts_and_nothing_can_be_done() {
    let mut lab = Lab::paper();
    lab.cluster.set_witness(false);
    lab.minutes(1);
    assert_eq!(
        lab.home("DB1"),
        ("EX1".into(), true),
        "two of three votes are enough"
    );
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    assert!(!lab.dag().quorum);
    assert_eq!(lab.home("DB1"), ("EX1".into(), false));
    assert_eq!(
        lab.home("DB2"),
        ("EX2".into(), false),
        "on the survivor too"
    );
    let move_it = Action::Move(crate::Move::lossless(&database("DB1"), &member("EX2")));
    assert_eq!(lab.act(&move_it), Answer::Refused(Refusal::NoQuorum));
    lab.cluster.set_witness(true);
    lab.minutes(1);
    assert!(lab.dag().quorum);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    assert_eq!(lab.home("DB2"), ("EX2".into(), true));
}

#[test]
fn dynamic_quorum_lets_a_group_shrink_one_by_one_to_its_last_member() {
    let members = ["EX1", "EX2", "EX3", "EX4", "EX5"];
    let dag = || group(&members, &[("DB1", &members)]);
    for (dynamic_quorum, last) in [(false, 2), (true, 4)] {
        let mut settings = Settings::default();
        settings.quorum.dynamic_quorum = dynamic_quorum;
        let mut lab = Lab::new(dag(), settings);
        let mut losses = 0;
        while lab.dag().quorum && losses < 4 {
            lab.cluster.member_down(&member(members[losses])).unwrap();
            lab.minutes(1);
            losses += usize::from(lab.dag().quorum);
        }
        assert_eq!(losses, last, "with dynamic quorum {dynamic_quorum}");
        let mut settings = Settings::default();
        settings.quorum.dynamic_quorum = dynamic_quorum;
        let mut lab = Lab::new(dag(), settings);
        for name in &members[..3] {
            lab.cluster.member_down(&member(name)).unwrap();
        }
        lab.minutes(1);
        assert!(!lab.dag().quorum, "a majority lost at once is lost");
    }
}

#[test]
fn services_that_stop_cost_their_member_its_databases() {
    let mut lab = Lab::paper();
    lab.cluster.set_services(&member("EX1"), false).unwrap();
    assert_eq!(lab.status("DB2\\EX1"), CopyStatus::ServiceDown);
    lab.seconds(3);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    assert_eq!(lab.dag().members[&member("EX1")].node, NodeState::Up);
    lab.cluster.set_services(&member("EX1"), true).unwrap();
    lab.minutes(10);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Healthy);
}

#[test]
fn a_damaged_active_copy_is_left_and_a_seeding_heals_it() {
    let mut lab = Lab::paper();
    lab.cluster
        .damage_volume(&database("DB1"), &member("EX1"))
        .unwrap();
    lab.seconds(3);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    lab.minutes(1);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::FailedAndSuspended);
    let resume = Action::Resume {
        copy: copy("DB1\\EX1"),
        replication_only: false,
    };
    lab.done(&resume);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Initializing);
    lab.minutes(1);
    assert_eq!(
        lab.status("DB1\\EX1"),
        CopyStatus::FailedAndSuspended,
        "the cause is still there"
    );
    lab.done(&Action::Reseed {
        copy: copy("DB1\\EX1"),
        parts: SeedParts::DatabaseAndIndex,
        source: None,
        manual_resume: false,
    });
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Seeding);
    lab.minutes(20);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Healthy);
}

#[test]
fn a_damaged_passive_copy_fails_and_is_not_activated() {
    let mut lab = Lab::paper();
    lab.cluster
        .damage_volume(&database("DB1"), &member("EX2"))
        .unwrap();
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Failed);
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    assert_eq!(lab.home("DB1"), ("EX1".into(), false), "no copy is left");
    let failed = |event: &Event| matches!(event.what, Happening::ActivationFailed { .. });
    assert_eq!(
        lab.cluster
            .drain_events()
            .iter()
            .filter(|event| failed(event))
            .count(),
        1
    );
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(10);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true), "mounted where it is");
}

#[test]
fn what_an_administrator_suspended_is_suspended_after_a_failure() {
    let mut lab = Lab::paper();
    let comment = "waiting for a disk".to_owned();
    lab.done(&Action::Suspend {
        copy: copy("DB2\\EX1"),
        comment,
    });
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(10);
    assert_eq!(lab.status("DB2\\EX1"), CopyStatus::Suspended);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Healthy);
}

#[test]
fn a_seeding_ends_when_its_source_is_lost() {
    let mut lab = Lab::paper();
    let comment = String::new();
    lab.done(&Action::Suspend {
        copy: copy("DB2\\EX1"),
        comment,
    });
    lab.done(&Action::Reseed {
        copy: copy("DB2\\EX1"),
        parts: SeedParts::DatabaseAndIndex,
        source: None,
        manual_resume: false,
    });
    lab.minutes(1);
    lab.cluster.member_down(&member("EX2")).unwrap();
    lab.minutes(1);
    assert_eq!(lab.status("DB2\\EX1"), CopyStatus::FailedAndSuspended);
    assert_eq!(lab.home("DB2"), ("EX2".into(), false));
}
