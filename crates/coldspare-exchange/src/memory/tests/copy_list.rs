//! Copies that are added and taken away.

use std::num::NonZeroU8;

use super::*;
use crate::{ContentIndex, CopySettings, Edition, Refusal};

/// Three members, a copy on two of them.
fn trio() -> Lab {
    let dag = group(&["EX1", "EX2", "EX3"], &[("DB1", &["EX1", "EX3"])]);
    Lab::new(dag, Settings::default())
}

fn add(identity: &str, preference: u8, seeding_postponed: bool) -> Action {
    let preference = NonZeroU8::new(preference).unwrap();
    Action::AddCopy {
        copy: copy(identity),
        settings: CopySettings::preferred(preference),
        seeding_postponed,
    }
}

fn remove(identity: &str) -> Action {
    let copy = copy(identity);
    Action::RemoveCopy { copy }
}

#[test]
fn a_copy_that_is_added_is_seeded_and_becomes_healthy_by_the_documented_way() {
    let mut lab = trio();
    lab.load("DB1", 3_600);
    lab.minutes(10);
    lab.cluster.drain_events();
    lab.done(&add("DB1\\EX2", 2, false));
    lab.minutes(30);
    let events = lab.cluster.drain_events().into_iter();
    let added = copy("DB1\\EX2");
    let statuses: Vec<CopyStatus> = events
        .filter_map(|event| match event.what {
            Happening::CopyStatus { copy, status, .. } if copy == added => Some(status),
            _ => None,
        })
        .collect();
    assert_eq!(
        statuses,
        [
            CopyStatus::Initializing,
            CopyStatus::Seeding,
            CopyStatus::Initializing,
            CopyStatus::Resynchronizing,
            CopyStatus::Healthy,
        ]
    );
    let preferences = |lab: &Lab| -> Vec<u8> {
        let dag = lab.dag();
        let copies = dag.databases[&database("DB1")].copies.values();
        copies.map(|copy| copy.preference.get()).collect()
    };
    assert_eq!(preferences(&lab), [1, 2, 3], "the less preferred made room");
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true));
}

#[test]
fn a_copy_whose_seeding_is_postponed_waits_for_it_and_does_not_resume_without() {
    let mut lab = trio();
    lab.done(&add("DB1\\EX2", 3, true));
    let state = lab.state("DB1\\EX2");
    assert_eq!(state.status, CopyStatus::Suspended);
    let told = "replication is suspended because the database must be seeded";
    assert_eq!(state.suspend_comment.as_deref(), Some(told));
    lab.done(&Action::Resume {
        copy: copy("DB1\\EX2"),
        replication_only: false,
    });
    lab.minutes(1);
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::FailedAndSuspended);
    lab.done(&Action::Reseed {
        copy: copy("DB1\\EX2"),
        parts: SeedParts::DatabaseAndIndex,
        source: Some(member("EX3")),
        manual_resume: false,
    });
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::SeedingSource);
    lab.minutes(30);
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
}

#[test]
fn a_second_copy_cannot_be_seeded_from_a_source_that_seeds_already() {
    let mut lab = trio();
    lab.done(&add("DB1\\EX2", 2, false));
    let (copy, comment) = (copy("DB1\\EX3"), String::new());
    lab.done(&Action::Suspend {
        copy: copy.clone(),
        comment,
    });
    let mut reseed = Action::Reseed {
        copy,
        parts: SeedParts::DatabaseAndIndex,
        source: None,
        manual_resume: false,
    };
    assert_eq!(lab.act(&reseed), Answer::Refused(Refusal::SeedInProgress));
    lab.minutes(30);
    if let Action::Reseed { source, .. } = &mut reseed {
        *source = Some(member("EX2"));
    }
    lab.done(&reseed);
    assert_eq!(
        lab.act(&remove("DB1\\EX2")),
        Answer::Refused(Refusal::SeedingSource)
    );
    lab.minutes(30);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
}

#[test]
fn a_seeding_that_is_ended_leaves_nothing_to_resume() {
    let mut lab = trio();
    let (id, comment) = (copy("DB1\\EX3"), String::new());
    let (database, holder) = (id.database.clone(), id.member.clone());
    let failed = ContentIndex::Failed;
    lab.cluster
        .set_content_index(&database, &holder, failed)
        .unwrap();
    lab.done(&Action::Suspend {
        copy: id.clone(),
        comment,
    });
    let reseed = Action::Reseed {
        copy: id.clone(),
        parts: SeedParts::DatabaseAndIndex,
        source: None,
        manual_resume: false,
    };
    lab.done(&reseed);
    lab.minutes(1);
    let cancel = Action::CancelSeeding { copy: id.clone() };
    lab.done(&cancel);
    lab.done(&cancel);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::FailedAndSuspended);
    lab.done(&Action::Resume {
        copy: id,
        replication_only: false,
    });
    lab.minutes(1);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::FailedAndSuspended);
    lab.done(&reseed);
    lab.minutes(30);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
    let index = lab.state("DB1\\EX3").content_index;
    assert_eq!(
        index,
        ContentIndex::Healthy,
        "it is seeded with the database"
    );
}

#[test]
fn a_copy_that_is_taken_away_is_gone_and_holds_no_logs_back() {
    let mut lab = trio();
    lab.load("DB1", 3_600);
    lab.done(&Action::Suspend {
        copy: copy("DB1\\EX3"),
        comment: String::new(),
    });
    lab.minutes(60);
    let on_disk = |lab: &Lab| lab.cluster.logs_on_disk(&database("DB1")).unwrap();
    assert!(on_disk(&lab) > 3_000);
    lab.cluster.member_down(&member("EX3")).unwrap();
    lab.done(&remove("DB1\\EX3"));
    lab.done(&remove("DB1\\EX3"));
    assert_eq!(on_disk(&lab), 1);
    assert_eq!(lab.dag().databases[&database("DB1")].copies.len(), 1);
    assert_eq!(
        lab.act(&remove("DB1\\EX1")),
        Answer::Refused(Refusal::IsActive)
    );
    let down = Answer::Refused(Refusal::ServiceDown(member("EX3")));
    assert_eq!(lab.act(&add("DB1\\EX3", 2, false)), down);
}

#[test]
fn what_no_copy_may_be_is_refused_with_its_limit() {
    let lab = trio();
    let told = |action: &Action| match lab.act(action) {
        Answer::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&add("DB1\\EX3", 2, false)), "EX3 has a copy already");
    assert_eq!(
        told(&add("DB1\\EX2", 4, false)),
        "a preference is at most 3"
    );
    let databases = ["DB1", "DB2", "DB3", "DB4", "DB5", "DB6"];
    let full: Vec<(&str, &[&str])> = databases.map(|name| (name, &["EX1"][..])).to_vec();
    let mut dag = group(&["EX1", "EX2"], &full);
    dag.members.get_mut(&member("EX2")).unwrap().edition = Edition::Standard;
    let lab = Lab::new(dag, Settings::default());
    for name in &databases[..5] {
        lab.done(&add(&format!("{name}\\EX2"), 2, false));
    }
    let Answer::Refused(refusal) = lab.act(&add("DB6\\EX2", 2, false)) else {
        panic!("it is done");
    };
    let told = "EX2 has 6 databases, its edition allows 5";
    assert_eq!(refusal.to_string(), told);
    assert_eq!(lab.dag().defects(), []);
}
