//! What the group does by itself besides failing over.

use super::*;
use crate::{ActivationMode, ContentIndex, MemberPolicy, Refusal};

fn pair_of(version: Version) -> Dag {
    Dag { version, ..pair() }
}

#[test]
fn a_database_returns_to_its_first_preference_at_the_next_interval_and_not_before() {
    let mut dag = pair_of(Version::V2016);
    dag.preference_moves = Some(Duration::from_hours(1));
    let mut lab = Lab::new(dag, Settings::default());
    assert_eq!(lab.cluster.next_event(), None, "nothing is away from home");
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(58);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    lab.minutes(2);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true));
    lab.minutes(60);
    assert_eq!(lab.cluster.next_event(), None);
}

#[test]
fn a_member_that_is_to_be_kept_free_is_emptied_at_once() {
    let lab = Lab::new(pair_of(Version::V2013), Settings::default());
    let policy = MemberPolicy {
        disabled_and_move_now: true,
        ..MemberPolicy::default()
    };
    lab.done(&Action::SetPolicy {
        member: member("EX1"),
        policy,
    });
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    let newer = lab.dag().version;
    assert_eq!(newer, Version::V2013);
    let old = Lab::new(pair_of(Version::V2010), Settings::default());
    let refused = old.act(&Action::SetPolicy {
        member: member("EX1"),
        policy,
    });
    assert!(matches!(refused, Answer::Refused(Refusal::NotInVersion(_))));
}

fn with_spares(spares: u32) -> Lab {
    let settings = Settings {
        auto_reseed: Some(spares),
        ..Settings::default()
    };
    Lab::new(pair_of(Version::V2013), settings)
}

#[test]
fn a_failed_disk_is_replaced_by_a_spare_volume_without_a_person() {
    let mut lab = with_spares(1);
    lab.cluster
        .set_volume(&database("DB1"), &member("EX2"), false)
        .unwrap();
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Failed);
    lab.minutes(11);
    assert_eq!(
        lab.status("DB1\\EX2"),
        CopyStatus::FailedAndSuspended,
        "given up after 10 minutes"
    );
    lab.minutes(60);
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
}

#[test]
fn without_a_spare_volume_the_copy_stays_failed() {
    let mut lab = with_spares(0);
    lab.cluster
        .set_volume(&database("DB1"), &member("EX2"), false)
        .unwrap();
    lab.minutes(24 * 60);
    let status = lab.status("DB1\\EX2");
    assert!(
        matches!(status, CopyStatus::Failed | CopyStatus::FailedAndSuspended),
        "{status}"
    );
}

#[test]
fn a_volume_that_comes_back_heals_a_failed_copy() {
    let mut lab = Lab::paper();
    let set = |lab: &Lab, reachable| {
        lab.cluster
            .set_volume(&database("DB1"), &member("EX2"), reachable)
            .unwrap();
    };
    set(&lab, false);
    lab.minutes(5);
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Failed);
    set(&lab, true);
    lab.minutes(5);
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
    lab.cluster
        .damage_volume(&database("DB1"), &member("EX2"))
        .unwrap();
    set(&lab, true);
    lab.minutes(60);
    assert_eq!(
        lab.status("DB1\\EX2"),
        CopyStatus::Failed,
        "reachable is not mended"
    );
}

fn coordinated(dag: Dag) -> Lab {
    let activation_mode = ActivationMode::DagOnly;
    Lab::new(
        Dag {
            activation_mode,
            ..dag
        },
        Settings::default(),
    )
}

fn all(lab: &Lab, up: bool) {
    for name in lab.dag().members.keys() {
        if up {
            lab.cluster.member_up(name).unwrap();
        } else {
            lab.cluster.member_down(name).unwrap();
        }
    }
}

#[test]
fn after_a_blackout_a_minority_that_sees_its_witness_mounts_nothing() {
    let members = ["EX1", "EX2", "EX3", "EX4"];
    let mut lab = coordinated(group(&members, &[("DB1", &members)]));
    all(&lab, false);
    lab.minutes(10);
    for name in &members[..3] {
        lab.cluster.member_up(&member(name)).unwrap();
    }
    lab.minutes(10);
    assert!(lab.dag().quorum);
    assert_eq!(
        lab.home("DB1"),
        ("EX1".into(), false),
        "three of four, none with the word"
    );
    let mount = Action::Mount {
        database: database("DB1"),
    };
    assert_eq!(lab.act(&mount), Answer::Refused(Refusal::NotCoordinated));
    lab.cluster.member_up(&member("EX4")).unwrap();
    lab.minutes(10);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true), "all members reached");
}

#[test]
fn a_restarted_member_takes_the_word_from_one_that_has_it() {
    let mut lab = coordinated(pair());
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(5);
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(5);
    let back = Action::Move(crate::Move::lossless(&database("DB1"), &member("EX1")));
    assert!(matches!(lab.act(&back), Answer::Moved(_)));
    assert_eq!(lab.home("DB1"), ("EX1".into(), true));
}

#[test]
fn the_last_of_a_pair_mounts_after_a_restart_unless_the_witness_was_restarted_too() {
    for (witness_restarted, mounted) in [(false, true), (true, false)] {
        let mut lab = coordinated(pair());
        lab.cluster.member_down(&member("EX1")).unwrap();
        lab.minutes(5);
        assert_eq!(lab.home("DB1"), ("EX2".into(), true));
        lab.cluster.member_down(&member("EX2")).unwrap();
        lab.minutes(5);
        if witness_restarted {
            lab.cluster.restart_witness();
        }
        lab.cluster.member_up(&member("EX2")).unwrap();
        lab.minutes(5);
        assert_eq!(
            lab.home("DB1"),
            ("EX2".into(), mounted),
            "restarted: {witness_restarted}"
        );
    }
}

#[test]
fn a_suspended_copy_keeps_logs_from_being_deleted() {
    let mut lab = Lab::paper();
    lab.load("DB1", 3_600);
    lab.minutes(60);
    let on_disk = |lab: &Lab| lab.cluster.logs_on_disk(&database("DB1")).unwrap();
    assert_eq!(on_disk(&lab), 1);
    let (copy, comment) = (copy("DB1\\EX2"), String::new());
    lab.done(&Action::Suspend {
        copy: copy.clone(),
        comment,
    });
    lab.minutes(60);
    assert_eq!(on_disk(&lab), 3_600);
    lab.done(&Action::Resume {
        copy,
        replication_only: false,
    });
    lab.minutes(180);
    assert_eq!(on_disk(&lab), 1);
}

#[test]
fn an_unhealthy_index_is_no_place_to_move_to_but_one_to_fail_over_to() {
    let mut lab = Lab::paper();
    let state = ContentIndex::Failed;
    lab.cluster
        .set_content_index(&database("DB1"), &member("EX2"), state)
        .unwrap();
    let away = Action::Move(crate::Move::lossless(&database("DB1"), &member("EX2")));
    assert_eq!(
        lab.act(&away),
        Answer::Refused(Refusal::ContentIndex(state))
    );
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
}
