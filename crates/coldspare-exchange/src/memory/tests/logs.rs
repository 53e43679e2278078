//! Logs: shipped, lost, divergent, replayed.

use super::*;
use crate::MountDial;

/// The paper's group with logs that take a while to arrive, so that a failure can lose some.
fn far(seconds: u64) -> Lab {
    let shipping_delay = Duration::from_secs(seconds);
    Lab::new(
        pair(),
        Settings {
            shipping_delay,
            ..Settings::default()
        },
    )
}

#[test]
fn logs_that_had_not_arrived_are_lost_when_their_member_is() {
    let mut lab = far(4);
    lab.load("DB1", 3_600);
    lab.minutes(1);
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    assert_eq!(
        lab.home("DB1"),
        ("EX2".into(), true),
        "4 logs are within the dial"
    );
    assert_eq!(lab.cluster.logs_lost(&database("DB1")), Ok(4));
}

#[test]
fn no_more_logs_are_lost_than_the_dial_allows() {
    for (dial, delay, mounted) in [
        (MountDial::Lossless, 0, true),
        (MountDial::Lossless, 1, false),
        (MountDial::GoodAvailability, 6, true),
        (MountDial::GoodAvailability, 7, false),
        (MountDial::BestAvailability, 12, true),
        (MountDial::BestAvailability, 13, false),
    ] {
        let mut lab = far(delay);
        let policy = crate::MemberPolicy {
            dial,
            ..crate::MemberPolicy::default()
        };
        lab.done(&Action::SetPolicy {
            member: member("EX2"),
            policy,
        });
        lab.load("DB1", 3_600);
        lab.minutes(1);
        lab.cluster.member_down(&member("EX1")).unwrap();
        lab.minutes(1);
        let home = if mounted { "EX2" } else { "EX1" };
        assert_eq!(
            lab.home("DB1"),
            (home.into(), mounted),
            "{dial:?} and {delay} logs"
        );
        let lost = if mounted { delay } else { 0 };
        assert_eq!(lab.cluster.logs_lost(&database("DB1")), Ok(lost));
    }
}

#[test]
fn a_copy_that_had_more_than_the_new_active_one_throws_it_away() {
    let mut lab = far(4);
    lab.load("DB1", 3_600);
    lab.minutes(1);
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(10);
    let state = lab.state("DB1\\EX1");
    assert_eq!(state.status, CopyStatus::Healthy);
    assert!(state.logs.unwrap().is_consistent());
    assert_eq!(lab.cluster.logs_lost(&database("DB1")), Ok(4));
}

#[test]
fn where_pages_cannot_be_mended_a_divergent_copy_needs_an_administrator() {
    let mut settings = Settings {
        page_patching: false,
        ..Settings::default()
    };
    settings.shipping_delay = Duration::from_secs(4);
    let mut lab = Lab::new(pair(), settings);
    lab.load("DB1", 3_600);
    lab.minutes(1);
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(1);
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(10);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::FailedAndSuspended);
    assert_eq!(
        lab.status("DB2\\EX1"),
        CopyStatus::Healthy,
        "nothing was lost of the other"
    );
}

#[test]
fn a_copy_is_healthy_only_when_what_it_missed_is_replayed() {
    let mut lab = Lab::paper();
    lab.load("DB1", 3_600);
    lab.minutes(1);
    lab.cluster.member_down(&member("EX1")).unwrap();
    lab.minutes(120);
    lab.cluster.member_up(&member("EX1")).unwrap();
    lab.minutes(3);
    assert_eq!(lab.status("DB1\\EX1"), CopyStatus::Resynchronizing);
    assert!(lab.state("DB1\\EX1").replay_queue.known().unwrap() > 6_000);
    lab.minutes(60);
    assert_eq!(
        lab.status("DB1\\EX1"),
        CopyStatus::Healthy,
        "7200 logs at 7200 an hour"
    );
}

#[test]
fn a_lagged_copy_keeps_its_distance_and_is_healthy() {
    let mut dag = pair();
    let copies = &mut dag.databases.get_mut(&database("DB1")).unwrap().copies;
    copies.get_mut(&member("EX2")).unwrap().replay_lag = Duration::from_hours(24);
    let mut lab = Lab::new(dag, Settings::default());
    lab.load("DB1", 100);
    lab.minutes(48 * 60);
    let state = lab.state("DB1\\EX2");
    assert_eq!(state.status, CopyStatus::Healthy);
    assert_eq!(
        (state.copy_queue.known(), state.replay_queue.known()),
        (Some(0), Some(2_400))
    );
}

#[test]
fn a_daily_profile_is_written_hour_by_hour() {
    let mut lab = Lab::paper();
    let mut hours = [0; 24];
    (hours[8], hours[12]) = (1_000, 500);
    lab.cluster
        .set_load(&database("DB1"), LoadProfile::daily(hours))
        .unwrap();
    for (hour, logs) in [(8, 0), (1, 1_000), (3, 1_000), (1, 1_500), (24, 3_000)] {
        lab.minutes(60 * hour);
        assert_eq!(lab.cluster.logs_kept(&database("DB1")), Ok(1 + logs));
    }
}

#[test]
fn shipping_stays_on_the_mapi_network_until_the_copy_is_suspended_and_resumed() {
    let settings = Settings {
        mapi_rate: 3_600,
        ..Settings::default()
    };
    let mut lab = Lab::new(pair(), settings);
    lab.load("DB1", 7_200);
    let queue = |lab: &Lab| lab.state("DB1\\EX2").copy_queue.known().unwrap();
    lab.cluster
        .set_replication_network(&member("EX2"), false)
        .unwrap();
    lab.minutes(60);
    assert_eq!(queue(&lab), 3_600, "the slower network");
    lab.cluster
        .set_replication_network(&member("EX2"), true)
        .unwrap();
    lab.minutes(60);
    assert_eq!(queue(&lab), 7_200, "still the slower network");
    let copy = copy("DB1\\EX2");
    lab.done(&Action::Suspend {
        copy: copy.clone(),
        comment: String::new(),
    });
    lab.done(&Action::Resume {
        copy,
        replication_only: false,
    });
    lab.minutes(60);
    assert_eq!(queue(&lab), 0);
}

#[test]
fn a_copy_that_lags_for_a_month_is_as_far_whether_or_not_somebody_looked() {
    let settings = Settings {
        replication_rate: 120,
        ..Settings::default()
    };
    let mut hours = [100; 24];
    hours[8..16].fill(200);
    let mut labs = [(); 2].map(|()| Lab::new(pair(), settings.clone()));
    for (lab, looks) in labs.iter_mut().zip([false, true]) {
        let load = LoadProfile::daily(hours);
        lab.cluster.set_load(&database("DB1"), load).unwrap();
        for _ in 0..30 * 24 {
            lab.minutes(60);
            if looks {
                lab.state("DB1\\EX2");
            }
        }
    }
    let [once, often] = labs.map(|lab| lab.state("DB1\\EX2"));
    assert!(once.copy_queue.known().unwrap() > 6_000);
    assert_eq!(once, often);
}
