//! Datacenter switchovers: stop, restore, start.

use super::*;
use crate::{ActivationMode, GroupSettings, NodeState, Refusal, Witness, WitnessShare, resilience};

/// Two sites with as many members each, active in the first, and an alternate witness in the
/// second.
fn two_sites(members: &[&str], activation_mode: ActivationMode) -> Lab {
    let dag = group(members, &[("DB1", members)]);
    let alternate = Witness {
        server: "FS2".parse().unwrap(),
        reachable: true,
    };
    Lab::new(
        Dag {
            activation_mode,
            alternate_witness: Some(alternate),
            ..dag
        },
        Settings::default(),
    )
}

const FOUR: [&str; 4] = ["EX1", "EX2", "EX3", "EX4"];

fn stop(name: &str) -> Action {
    let member = member(name);
    Action::StopMember { member }
}

fn start(name: &str) -> Action {
    let member = member(name);
    Action::StartMember { member }
}

fn refused(lab: &Lab, action: &Action, reason: Refusal) {
    assert_eq!(lab.act(action), Answer::Refused(reason), "{action}");
}

/// The first site is lost with its witness.
fn after_the_loss() -> Lab {
    let mut lab = two_sites(&FOUR, ActivationMode::DagOnly);
    lab.load("DB1", 3_600);
    lab.minutes(10);
    for name in ["EX1", "EX2"] {
        lab.cluster.member_down(&member(name)).unwrap();
    }
    lab.cluster.set_witness(false);
    lab.minutes(1);
    lab
}

#[test]
fn a_site_goes_on_without_the_lost_one_after_stop_and_restore() {
    let mut lab = after_the_loss();
    assert!(!lab.dag().quorum, "two of five votes");
    refused(&lab, &Action::RestoreGroup, Refusal::NothingStopped);
    lab.done(&stop("EX1"));
    lab.done(&stop("EX2"));
    assert!(!lab.dag().quorum, "a mark alone evicts nobody");
    lab.done(&Action::RestoreGroup);
    lab.minutes(1);
    let dag = lab.dag();
    assert!(dag.quorum);
    assert_eq!(dag.witness_share, WitnessShare::Alternate);
    assert_eq!(lab.home("DB1"), ("EX3".into(), true));
    assert_eq!(lab.cluster.logs_lost(&database("DB1")), Ok(0));
    let states = lab.cluster.world().copy_states();
    let stands = resilience(&dag, &states);
    assert_eq!(
        stands.losses_until_no_quorum, 2,
        "two members and a witness"
    );
    lab.cluster.set_alternate_witness(false);
    lab.minutes(1);
    assert!(lab.dag().quorum);
    lab.cluster.member_down(&member("EX4")).unwrap();
    lab.minutes(1);
    assert!(!lab.dag().quorum, "one of three votes");
}

#[test]
fn a_lost_site_that_has_its_power_back_stays_out_until_it_is_started() {
    let mut lab = after_the_loss();
    for action in [stop("EX1"), stop("EX2"), Action::RestoreGroup] {
        lab.done(&action);
    }
    refused(&lab, &start("EX1"), Refusal::ServiceDown(member("EX1")));
    for name in ["EX1", "EX2"] {
        lab.cluster.member_up(&member(name)).unwrap();
    }
    lab.cluster.set_witness(true);
    lab.minutes(30);
    assert_eq!(lab.dag().members[&member("EX1")].node, NodeState::Down);
    assert_eq!(lab.home("DB1"), ("EX3".into(), true));
    let back = Action::Move(crate::Move::lossless(&database("DB1"), &member("EX1")));
    refused(&lab, &back, Refusal::NodeNotUp(member("EX1")));
    for name in ["EX1", "EX2"] {
        lab.done(&start(name));
        lab.done(&start(name));
    }
    lab.minutes(30);
    let dag = lab.dag();
    assert_eq!(dag.members[&member("EX1")].node, NodeState::Up);
    assert_eq!(dag.witness_share, WitnessShare::Alternate);
    let settings = dag.settings();
    lab.done(&Action::SetGroup { settings });
    assert_eq!(lab.dag().witness_share, WitnessShare::Primary);
    assert!(matches!(lab.act(&back), Answer::Moved(_)));
    lab.minutes(30);
    assert_eq!(lab.home("DB1"), ("EX1".into(), true));
    for name in FOUR {
        let copy = format!("DB1\\{name}");
        assert!(lab.status(&copy).is_well(), "{copy}");
    }
}

#[test]
fn nothing_is_mounted_on_a_member_that_is_in_neither_list_until_it_is_started() {
    let unlisted = |activation_mode| {
        let mut dag = group(&["EX1", "EX2"], &[("DB1", &["EX1", "EX2"])]);
        dag.unlisted = [member("EX2")].into();
        dag.activation_mode = activation_mode;
        Lab::new(dag, Settings::default())
    };
    let there = Action::Move(crate::Move::lossless(&database("DB1"), &member("EX2")));
    let off = unlisted(ActivationMode::Off);
    assert!(matches!(off.act(&there), Answer::Moved(_)));
    let mut lab = unlisted(ActivationMode::DagOnly);
    let told = Refusal::NotListed(member("EX2"));
    assert_eq!(
        told.to_string(),
        "EX2 isn't in the stopped or started servers list"
    );
    refused(&lab, &there, told.clone());
    lab.done(&Action::Dismount {
        database: database("DB1"),
    });
    assert!(matches!(lab.act(&there), Answer::Moved(_)), "dismounted");
    let mount = Action::Mount {
        database: database("DB1"),
    };
    refused(&lab, &mount, told);
    lab.done(&start("EX2"));
    lab.done(&mount);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    lab.minutes(1);
    let mut lab = unlisted(ActivationMode::DagOnly);
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    assert!(!lab.home("DB1").1, "nor does a failover mount it there");
}

/// Survivors · alternate witness is used, transcribed by hand.
const RESTORED: [(usize, bool); 5] = [(1, true), (2, true), (3, false), (4, true), (5, false)];

#[test]
fn the_alternate_witness_is_used_for_an_even_number_of_survivors_or_one_alone() {
    let six = ["EX1", "EX2", "EX3", "EX4", "EX5", "EX6"];
    for (survivors, alternate) in RESTORED {
        let mut lab = two_sites(&six, ActivationMode::DagOnly);
        for name in &six[survivors..] {
            lab.cluster.member_down(&member(name)).unwrap();
        }
        lab.minutes(1);
        for name in &six[survivors..] {
            lab.done(&stop(name));
        }
        lab.done(&Action::RestoreGroup);
        lab.minutes(1);
        let used = lab.dag().witness_share == WitnessShare::Alternate;
        assert_eq!(used, alternate, "{survivors} survivors");
        assert_eq!(lab.home("DB1"), ("EX1".into(), true), "{survivors}");
    }
}

#[test]
fn a_survivor_that_was_restarted_with_its_witness_mounts_after_a_restore() {
    let mut lab = two_sites(&["EX1", "EX2"], ActivationMode::DagOnly);
    for name in ["EX1", "EX2"] {
        lab.cluster.member_down(&member(name)).unwrap();
    }
    lab.minutes(5);
    lab.cluster.restart_witness();
    lab.cluster.member_up(&member("EX2")).unwrap();
    lab.minutes(5);
    assert_eq!(
        lab.home("DB1"),
        ("EX1".into(), false),
        "nobody has the word"
    );
    lab.done(&stop("EX1"));
    lab.done(&Action::RestoreGroup);
    lab.minutes(5);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
}

#[test]
fn a_member_that_is_stopped_gives_its_databases_up_and_the_last_one_cannot_be() {
    let mut lab = two_sites(&["EX1", "EX2"], ActivationMode::DagOnly);
    lab.done(&stop("EX1"));
    lab.done(&stop("EX1"));
    lab.minutes(1);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
    refused(&lab, &stop("EX2"), Refusal::LastStarted);
    lab.cluster.set_witness(false);
    lab.minutes(1);
    assert!(lab.dag().quorum, "the other was evicted: one of one");
}

#[test]
fn without_activation_coordination_nothing_is_stopped_started_or_restored() {
    let lab = two_sites(&["EX1", "EX2"], ActivationMode::Off);
    for action in [stop("EX1"), start("EX1"), Action::RestoreGroup] {
        refused(&lab, &action, Refusal::NoCoordination);
    }
}

#[test]
fn settings_that_no_group_may_have_are_refused() {
    let lab = two_sites(&["EX1", "EX2"], ActivationMode::Off);
    let set = |settings| Action::SetGroup { settings };
    let hourly = GroupSettings {
        preference_moves: Some(Duration::from_hours(1)),
        ..GroupSettings::default()
    };
    let answer = lab.act(&set(hourly));
    assert!(matches!(answer, Answer::Refused(Refusal::NotInVersion(_))));
    let own = GroupSettings {
        alternate_witness: Some("EX1".parse().unwrap()),
        ..GroupSettings::default()
    };
    let Answer::Refused(refusal) = lab.act(&set(own)) else {
        panic!("it is done");
    };
    assert_eq!(refusal.to_string(), "the witness EX1 is a member");
}
