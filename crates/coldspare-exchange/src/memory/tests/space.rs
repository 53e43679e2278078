//! Lagged copies that are played down, and logs that are deleted though a copy needs them.

use super::*;
use crate::logs::{LooseTruncation, PlayDown, ReplayLagManager};

/// A database with four copies, of which the last is lagged by a day.
fn lagged(settings: Settings) -> Lab {
    let members = ["EX1", "EX2", "EX3", "EX4"];
    let mut dag = group(&members, &[("DB1", &members)]);
    let copies = &mut dag.databases.get_mut(&database("DB1")).unwrap().copies;
    copies.get_mut(&member("EX4")).unwrap().replay_lag = Duration::from_hours(24);
    let mut lab = Lab::new(dag, settings);
    lab.load("DB1", 100);
    lab.minutes(48 * 60);
    lab.cluster.drain_events();
    lab
}

fn managed() -> Settings {
    Settings {
        replay_lag_manager: ReplayLagManager {
            enabled: true,
            ..ReplayLagManager::default()
        },
        ..Settings::default()
    }
}

fn to_replay(lab: &Lab) -> u64 {
    lab.state("DB1\\EX4").replay_queue.known().unwrap()
}

fn played_down(lab: &Lab) -> Vec<Option<PlayDown>> {
    let events = lab.cluster.drain_events().into_iter();
    let told = events.filter_map(|event| match event.what {
        Happening::PlayedDown { reason, .. } => Some(reason),
        _ => None,
    });
    told.collect()
}

const FULL: Disk = Disk {
    free_gb: 179,
    read_latency_ms: 5,
};

#[test]
fn a_lagged_copy_on_a_full_disk_is_played_down_and_has_its_lag_back_when_there_is_space() {
    let mut lab = lagged(managed());
    assert_eq!(to_replay(&lab), 2_400);
    lab.cluster.set_disk(&member("EX4"), FULL).unwrap();
    lab.minutes(60);
    assert_eq!(played_down(&lab), [Some(PlayDown::LowSpace)]);
    assert_eq!(to_replay(&lab), 0);
    lab.cluster
        .set_disk(&member("EX4"), Disk::default())
        .unwrap();
    lab.minutes(12 * 60);
    assert_eq!(played_down(&lab), [None]);
    assert_eq!(to_replay(&lab), 1_200, "half of the lag has come together");
}

#[test]
fn a_lagged_copy_is_needed_when_too_few_others_were_healthy_for_a_day() {
    let mut lab = lagged(managed());
    lab.cluster.member_down(&member("EX3")).unwrap();
    lab.minutes(24 * 60);
    assert_eq!(played_down(&lab), [], "not longer than a day");
    lab.minutes(60);
    assert_eq!(played_down(&lab), [Some(PlayDown::TooFewCopies)]);
    assert_eq!(to_replay(&lab), 0);
    lab.cluster.member_up(&member("EX3")).unwrap();
    lab.minutes(60);
    assert_eq!(played_down(&lab), [None]);
}

#[test]
fn a_slow_disk_puts_that_off_for_a_day() {
    let mut lab = lagged(managed());
    let slow = Disk {
        read_latency_ms: 26,
        ..Disk::default()
    };
    lab.cluster.set_disk(&member("EX4"), slow).unwrap();
    lab.cluster.member_down(&member("EX3")).unwrap();
    lab.minutes(48 * 60);
    assert_eq!(played_down(&lab), []);
    lab.minutes(1);
    assert_eq!(played_down(&lab), [Some(PlayDown::TooFewCopies)]);
}

#[test]
fn unless_it_is_switched_on_no_lag_is_given_up() {
    let mut lab = lagged(Settings::default());
    lab.cluster.set_disk(&member("EX4"), FULL).unwrap();
    lab.minutes(60);
    assert_eq!(played_down(&lab), []);
    assert_eq!(to_replay(&lab), 2_400);
}

/// A suspended copy holds back logs until their disk is nearly full.
fn held_back(loose_truncation: Option<LooseTruncation>) -> Lab {
    let settings = Settings {
        loose_truncation,
        ..Settings::default()
    };
    let dag = group(&["EX1", "EX2", "EX3"], &[("DB1", &["EX1", "EX2", "EX3"])]);
    let mut lab = Lab::new(dag, settings);
    lab.load("DB1", 3_600);
    lab.done(&Action::Suspend {
        copy: copy("DB1\\EX3"),
        comment: String::new(),
    });
    lab.minutes(5 * 60);
    lab.cluster.set_disk(&member("EX1"), FULL).unwrap();
    lab
}

fn on_disk(lab: &Lab) -> u64 {
    lab.cluster.logs_on_disk(&database("DB1")).unwrap()
}

fn resume(lab: &mut Lab) {
    lab.done(&Action::Resume {
        copy: copy("DB1\\EX3"),
        replication_only: false,
    });
    lab.minutes(24 * 60);
}

#[test]
fn loose_truncation_deletes_what_the_oldest_straggler_needs_and_it_comes_back_failed() {
    let mut lab = held_back(Some(LooseTruncation::default()));
    assert_eq!(on_disk(&lab), 10_000, "so many are kept all the same");
    resume(&mut lab);
    let state = lab.state("DB1\\EX3");
    assert_eq!(state.status, CopyStatus::FailedAndSuspended);
    let told = "logs that it needs were deleted";
    assert_eq!(state.error.as_deref(), Some(told));
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
    lab.done(&Action::Reseed {
        copy: copy("DB1\\EX3"),
        source: None,
        manual_resume: false,
    });
    lab.minutes(60);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
}

#[test]
fn without_loose_truncation_logs_wait_for_everybody() {
    let mut lab = held_back(None);
    assert_eq!(on_disk(&lab), 5 * 3_600);
    resume(&mut lab);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
}
