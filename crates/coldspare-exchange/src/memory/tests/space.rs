//! Lagged copies that are played down, and logs that are deleted though a copy needs them.

use super::*;
use crate::Refusal;
use crate::logs::{LooseTruncation, PlayDown, ReplayLagManager};

/// A database with four copies, of which the last is lagged by a day.
fn lagged(settings: Settings) -> Lab {
    lagged_in(Version::V2010, settings)
}

fn lagged_in(version: Version, settings: Settings) -> Lab {
    let members = ["EX1", "EX2", "EX3", "EX4"];
    let mut dag = group(&members, &[("DB1", &members)]);
    dag.version = version;
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

#[test]
fn a_lag_that_is_disabled_is_given_up_until_it_is_enabled_again() {
    let disable = Action::DisableReplayLag {
        copy: copy("DB1\\EX4"),
        reason: "the others are being moved".to_owned(),
    };
    let enable = Action::EnableReplayLag {
        copy: copy("DB1\\EX4"),
    };
    let old = lagged(Settings::default());
    for action in [&disable, &enable] {
        let refused = old.act(action);
        assert!(
            matches!(refused, Answer::Refused(Refusal::NotInVersion(_))),
            "{refused:?}"
        );
    }
    for settings in [Settings::default(), managed()] {
        let mut lab = lagged_in(Version::V2013, settings);
        lab.done(&disable);
        lab.done(&disable);
        assert!(lab.state("DB1\\EX4").replay_lag_off);
        lab.minutes(60);
        assert_eq!(played_down(&lab), [Some(PlayDown::Asked)]);
        assert_eq!(to_replay(&lab), 0);
        lab.done(&enable);
        lab.done(&enable);
        assert!(!lab.state("DB1\\EX4").replay_lag_off);
        lab.minutes(12 * 60);
        assert_eq!(played_down(&lab), [None]);
        assert_eq!(to_replay(&lab), 1_200);
    }
}

#[test]
fn only_the_lag_of_a_passive_lagged_copy_is_disabled() {
    let lab = lagged_in(Version::V2013, Settings::default());
    let disable = |identity| Action::DisableReplayLag {
        copy: copy(identity),
        reason: String::new(),
    };
    let active = lab.act(&disable("DB1\\EX1"));
    assert_eq!(active, Answer::Refused(Refusal::IsActive));
    lab.done(&disable("DB1\\EX2"));
    assert!(!lab.state("DB1\\EX2").replay_lag_off, "it has none");
}

/// Replay lag · truncation lag in hours · logs that the passive copy keeps after four days of a
/// hundred an hour: one below its checkpoint, those that it has not replayed, and those that its
/// lags hold.
const KEPT: [(u64, u64, u64); 4] = [(0, 0, 1), (0, 10, 1_000), (24, 0, 2_401), (24, 10, 3_400)];

#[test]
fn a_passive_copy_deletes_its_own_logs_when_its_lags_are_over() {
    for (replay, truncation, kept) in KEPT {
        let mut dag = group(&["EX1", "EX2"], &[("DB1", &["EX1", "EX2"])]);
        let copies = &mut dag.databases.get_mut(&database("DB1")).unwrap().copies;
        let settings = copies.get_mut(&member("EX2")).unwrap();
        settings.replay_lag = Duration::from_hours(replay);
        settings.truncation_lag = Duration::from_hours(truncation);
        let mut lab = Lab::new(dag, Settings::default());
        lab.load("DB1", 100);
        lab.minutes(4 * 24 * 60);
        let on = lab
            .cluster
            .logs_on_disk_of(&database("DB1"), &member("EX2"));
        assert_eq!(on, Ok(kept), "{replay} and {truncation}");
        assert_eq!(on_disk(&lab), 1, "the active copy waits for no lag");
    }
}

/// A suspended copy holds back logs until their disk is nearly full.
fn held_back(loose_truncation: Option<LooseTruncation>, on: Option<&str>) -> Lab {
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
    if let Some(name) = on {
        lab.cluster.set_disk(&member(name), FULL).unwrap();
    }
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
    let mut lab = held_back(Some(LooseTruncation::default()), Some("EX1"));
    assert_eq!(on_disk(&lab), 10_000, "so many are kept all the same");
    resume(&mut lab);
    let state = lab.state("DB1\\EX3");
    assert_eq!(state.status, CopyStatus::FailedAndSuspended);
    let told = "logs that it needs were deleted";
    assert_eq!(state.error.as_deref(), Some(told));
    assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
    lab.done(&Action::Reseed {
        copy: copy("DB1\\EX3"),
        parts: SeedParts::DatabaseAndIndex,
        source: None,
        manual_resume: false,
    });
    lab.minutes(60);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
}

#[test]
fn without_loose_truncation_logs_wait_for_everybody() {
    let mut lab = held_back(None, Some("EX1"));
    assert_eq!(on_disk(&lab), 5 * 3_600);
    resume(&mut lab);
    assert_eq!(lab.status("DB1\\EX3"), CopyStatus::Healthy);
}

#[test]
fn a_passive_copy_truncates_loosely_too_and_the_straggler_needs_what_the_next_active_copy_has() {
    let loose = LooseTruncation {
        kept_passive: 5_000,
        ..LooseTruncation::default()
    };
    for full in [true, false] {
        let mut lab = held_back(Some(loose), full.then_some("EX2"));
        let on = lab
            .cluster
            .logs_on_disk_of(&database("DB1"), &member("EX2"));
        assert_eq!(on, Ok(if full { 5_000 } else { 5 * 3_600 }));
        let there = crate::Move::lossless(&database("DB1"), &member("EX2"));
        lab.minutes(1);
        assert!(matches!(lab.act(&Action::Move(there)), Answer::Moved(_)));
        resume(&mut lab);
        let lost = lab.status("DB1\\EX3") == CopyStatus::FailedAndSuspended;
        assert_eq!(lost, full, "otherwise EX2 has all that it needs");
    }
}
