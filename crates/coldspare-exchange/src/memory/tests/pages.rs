//! Damaged pages, mended by themselves.

use super::*;
use crate::logs::{PlayDown, ReplayLagManager};

fn damage(lab: &Lab, on: &str) {
    let damaged = lab.cluster.damage_page(&database("DB1"), &member(on));
    damaged.unwrap();
}

/// The statuses that a copy was seen in.
fn statuses(lab: &Lab, identity: &str) -> Vec<CopyStatus> {
    let (of, events) = (copy(identity), lab.cluster.drain_events().into_iter());
    let statuses = events.filter_map(|event| match event.what {
        Happening::CopyStatus { copy, status, .. } if copy == of => Some(status),
        _ => None,
    });
    statuses.collect()
}

#[test]
fn a_copy_with_a_damaged_page_is_healthy_again_by_the_documented_way() {
    let mut lab = Lab::paper();
    lab.load("DB1", 3_600);
    lab.minutes(10);
    damage(&lab, "EX2");
    lab.minutes(10);
    assert_eq!(
        statuses(&lab, "DB1\\EX2"),
        [
            CopyStatus::SinglePageRestore,
            CopyStatus::Initializing,
            CopyStatus::Resynchronizing,
            CopyStatus::Healthy,
        ]
    );
    damage(&lab, "EX1");
    lab.minutes(10);
    assert_eq!(
        lab.cluster.drain_events(),
        [],
        "the active copy shows nothing"
    );
}

#[test]
fn a_copy_whose_page_is_being_mended_is_no_target_and_begins_anew_when_something_happens() {
    let mut lab = Lab::paper();
    damage(&lab, "EX2");
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.seconds(20);
    assert!(!lab.home("DB1").1, "the only other copy is being mended");
    lab.minutes(5);
    assert_eq!(lab.home("DB1"), ("EX2".into(), true), "it is mended");
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(10);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Healthy);
    damage(&lab, "EX1");
    lab.cluster.set_services(&member("EX1"), false).unwrap();
    lab.cluster.set_services(&member("EX1"), true).unwrap();
    lab.minutes(10);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Healthy);
}

#[test]
fn a_lagged_copy_is_played_down_for_a_page_and_has_its_lag_back_afterwards() {
    let mut dag = pair();
    let copies = &mut dag.databases.get_mut(&database("DB1")).unwrap().copies;
    copies.get_mut(&member("EX2")).unwrap().replay_lag = Duration::from_hours(2);
    let settings = Settings {
        replay_lag_manager: ReplayLagManager {
            enabled: true,
            available_copies: 1,
            ..ReplayLagManager::default()
        },
        ..Settings::default()
    };
    let mut lab = Lab::new(dag, settings);
    lab.load("DB1", 3_600);
    lab.minutes(4 * 60);
    lab.cluster.drain_events();
    damage(&lab, "EX2");
    assert!(lab.state("DB1\\EX2").replay_lag_off);
    lab.minutes(120);
    let events = lab.cluster.drain_events().into_iter();
    let told = events.filter_map(|event| match event.what {
        Happening::PlayedDown { reason, .. } => Some((reason, event.at)),
        _ => None,
    });
    let [(first, from), (last, to)] = told.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((first, last), (Some(PlayDown::PageDamaged), None));
    let hour = Duration::from_hours(1);
    assert_eq!(
        to.since(from).as_secs(),
        hour.as_secs(),
        "7 200 logs are replayed first"
    );
    assert!(!lab.state("DB1\\EX2").replay_lag_off);
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
}
