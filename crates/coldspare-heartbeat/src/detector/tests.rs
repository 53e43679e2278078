//! What a user may rely on, told on virtual time.

mod holding;
mod listening;
mod testimony;
mod world;

use std::time::Duration;

use proptest::prelude::*;

use self::world::{FIRST, Fate, World, beat, secs, slot};
use super::*;
use crate::{Cause, Power, Question, Sessions, Status};

#[test]
fn a_server_that_beats_is_left_alone() {
    let mut world = World::of(3);
    world.run(secs(60.0));
    assert_eq!(
        world.told(|finding| !matches!(finding, Finding::Started { .. })),
        []
    );
}

#[test]
fn a_power_loss_is_told_after_the_silence_and_one_answer() {
    let mut world = World::of(2);
    world.at(secs(10.5), slot(1), Fate::PoweredOff);
    world.run(secs(20.0));
    let (at, verdict) = world.verdicts(slot(1))[0].clone();
    assert_eq!(verdict.status, Status::Dead);
    assert!(at >= secs(12.1) && at <= secs(13.2), "{at}");
    assert!(world.verdicts(slot(0)).is_empty());
}

#[test]
fn a_crash_is_told_when_its_session_was_idle_past_the_limit() {
    let mut world = World::of(2);
    world.at(secs(10.5), slot(1), Fate::Frozen);
    world.run(secs(30.0));
    let (at, verdict) = world.verdicts(slot(1))[0].clone();
    assert_eq!(
        (verdict.status, verdict.row),
        (Status::Dead, crate::verdict::Row::Crashed)
    );
    assert!(at >= secs(17.0) && at <= secs(18.5), "{at}");
}

#[test]
fn a_stall_of_five_seconds_is_no_failure() {
    let mut world = World::of(2);
    world.at(secs(10.5), slot(1), Fate::Frozen);
    world.at(secs(15.5), slot(1), Fate::Well);
    world.run(secs(40.0));
    assert!(world.verdicts(slot(1)).is_empty());
    assert_eq!(
        world.told(|f| matches!(f, Finding::Recovered { .. })).len(),
        1
    );
}

#[test]
fn an_agent_that_hangs_on_a_writing_server_raises_an_alarm_and_no_more() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::AgentHangs);
    world.run(secs(600.0));
    let statuses: Vec<_> = world
        .verdicts(slot(0))
        .iter()
        .map(|(_, v)| v.status)
        .collect();
    assert_eq!(statuses, [Status::AgentDead]);
}

#[test]
fn a_server_cut_off_with_its_controller_is_isolated_while_it_writes_and_dead_when_it_stops() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::CutOff);
    world.at(secs(60.0), slot(0), Fate::FeedLost);
    world.run(secs(90.0));
    let statuses: Vec<_> = world
        .verdicts(slot(0))
        .iter()
        .map(|(_, v)| v.status)
        .collect();
    assert_eq!(statuses, [Status::Isolated, Status::Dead]);
}

#[test]
fn when_nobody_answers_it_is_unknown_and_the_ceiling_is_told_once() {
    let mut world = World::of(2);
    world.witnesses_answer = false;
    world.at(secs(10.0), slot(0), Fate::PoweredOff);
    world.run(secs(300.0));
    let verdicts = world.verdicts(slot(0));
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].1.status, Status::Unknown);
    let ceilings = world.told(|f| matches!(f, Finding::CeilingPassed { .. }));
    assert_eq!(ceilings.len(), 1);
}

#[test]
fn a_persona_without_agent_is_probed_once_a_period_and_judged_alike() {
    let mut world = World::of(2);
    world.without_agent(slot(0));
    world.at(secs(20.2), slot(0), Fate::PoweredOff);
    world.run(secs(20.0));
    let probes = |f: &Finding| matches!(f, Finding::Ask { slot: s, question: Question::Probe(_), .. } if *s == slot(0));
    assert_eq!(world.told(probes).len(), 20);
    assert!(world.verdicts(slot(0)).is_empty());
    world.run(secs(30.0));
    assert_eq!(world.verdicts(slot(0))[0].1.status, Status::Dead);
}

#[test]
fn an_answered_probe_clears_a_suspect() {
    let mut detector = world::enrolled(1);
    detector.poll(secs(2.2));
    let answer = Answer::Probe {
        path: FIRST,
        answered: true,
    };
    detector.testify(
        slot(0),
        Testimony {
            asked: secs(2.2),
            answer,
        },
        secs(2.3),
    );
    assert!(
        detector
            .poll(secs(2.3))
            .contains(&Finding::Recovered { slot: slot(0) })
    );
}

#[test]
fn a_clean_shutdown_and_a_server_in_maintenance_raise_nothing() {
    let mut detector = world::enrolled(2);
    let mut last = beat(1, 1);
    last.flags.shutting_down = true;
    detector.heard(slot(0), FIRST, &last, secs(0.5));
    detector.maintenance(slot(1), true, secs(0.5));
    let quiet = |f: &Finding| matches!(f, Finding::Started { .. } | Finding::Announced { .. });
    assert!(detector.poll(secs(0.5)).iter().all(quiet));
    assert_eq!(detector.poll(secs(2.2)), []);
    assert_eq!(detector.deadline(), None);
    detector.heard(slot(0), FIRST, &beat(2, 1), secs(100.0));
    detector.maintenance(slot(1), false, secs(100.0));
    detector.poll(secs(100.0));
    let findings = detector.poll(secs(102.1));
    let suspects = findings
        .iter()
        .filter(|f| matches!(f, Finding::Suspected { .. }));
    assert_eq!(suspects.count(), 2, "both are missed again");
}

#[test]
fn a_disk_that_is_not_written_alarms_at_once_and_is_given_up_after_its_limit() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::DiskLost);
    world.run(secs(100.0));
    let alarms = world.told_at(|f| matches!(f, Finding::DiskStalled { .. }));
    assert_eq!(alarms.len(), 1);
    let (at, verdict) = world.verdicts(slot(0))[0].clone();
    assert_eq!(verdict.status, Status::SanLost);
    assert!(at.since(alarms[0]) >= Duration::from_secs(19), "{at}");
}

#[test]
fn a_booting_server_is_not_missed_before_its_first_sign_of_life() {
    let mut detector = Detector::new(Profile::default(), Time::EPOCH).unwrap();
    let booting = Enrolment {
        start: Start::Booting,
        ..world::enrolment(0)
    };
    detector.enrol(slot(0), &booting, Time::EPOCH);
    assert_eq!(
        (detector.poll(secs(900.0)), detector.deadline()),
        (vec![], None)
    );
    detector.heard(slot(0), FIRST, &beat(7, 1), secs(901.0));
    let findings = detector.poll(secs(901.0));
    assert_eq!(
        findings,
        [Finding::Started {
            slot: slot(0),
            boot: 7
        }]
    );
}

#[test]
fn a_profile_that_contradicts_itself_is_refused() {
    let profile = Profile {
        silence: Duration::from_millis(900),
        ..Profile::default()
    };
    let error = Detector::new(profile, Time::EPOCH).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the heartbeat profile's silence is wrong: it is no longer than the period"
    );
}

#[test]
fn a_server_is_missed_though_its_paths_are_given_up_sooner_than_itself() {
    let profile = Profile {
        path_silence: Duration::from_millis(1_500),
        ..Profile::default()
    };
    let mut detector = Detector::new(profile, Time::EPOCH).unwrap();
    detector.enrol(slot(0), &world::enrolment(0), Time::EPOCH);
    for path in Path::BOTH {
        detector.heard(slot(0), path, &beat(1, 1), secs(1.0));
    }
    let findings = (100..400).flat_map(|step| detector.poll(secs(f64::from(step) / 100.0)));
    let findings: Vec<_> = findings.collect();
    let degraded = |finding: &&Finding| matches!(finding, Finding::PathDegraded { .. });
    assert_eq!(findings.iter().filter(degraded).count(), 1);
    let missed = |finding: &Finding| matches!(finding, Finding::Suspected { .. });
    assert!(findings.iter().any(missed), "{findings:?}");
}

#[test]
fn a_run_of_months_changes_nothing() {
    let silence = Duration::from_mins(20);
    let profile = Profile {
        silence,
        path_silence: silence,
        lateness: Duration::from_hours(1),
        ..Profile::default()
    };
    let mut detector = Detector::new(profile, Time::EPOCH).unwrap();
    detector.enrol(slot(0), &world::enrolment(0), Time::EPOCH);
    let mut heard = Time::EPOCH;
    for number in 1..20_000 {
        heard = heard + Duration::from_mins(10);
        for path in Path::BOTH {
            detector.heard(slot(0), path, &beat(1, number), heard);
        }
        let started = |f: &Finding| matches!(f, Finding::Started { .. });
        let findings = detector.poll(heard);
        assert!(findings.iter().all(started), "{findings:?}");
    }
    let suspected = Finding::Suspected {
        slot: slot(0),
        heard,
    };
    assert!(detector.deadline().unwrap() <= heard + silence);
    assert!(detector.poll(heard + silence).contains(&suspected));
}

#[test]
fn who_is_enrolled_when_nobody_was_awaited_for_months_is_missed_as_soon() {
    for days in [30, 60, 200, 2_000] {
        let mut detector = world::enrolled(0);
        let enrolled = Time::EPOCH + Duration::from_hours(24 * days);
        detector.enrol(slot(0), &world::enrolment(0), enrolled);
        let due = enrolled + detector.profile().silence;
        assert_eq!(detector.deadline(), Some(due), "after {days} days");
        let suspected = Finding::Suspected {
            slot: slot(0),
            heard: enrolled,
        };
        assert!(detector.poll(due).contains(&suspected));
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_it_neither_panics_nor_judges_who_speaks(
        script in world::any_script()
    ) {
        let mut detector = Detector::new(Profile::default(), Time::EPOCH).unwrap();
        let mut now = Time::EPOCH;
        for act in script {
            act.play(&mut detector, &mut now);
            for finding in detector.poll(now) {
                if let Finding::Recovered { slot } = finding {
                    prop_assert_eq!(detector.verdict(slot), None);
                }
            }
            if let Some(deadline) = detector.deadline() {
                prop_assert!(deadline > now, "it would be polled for ever");
            }
        }
    }

    #[test]
    fn the_same_story_is_told_twice_in_the_same_words(script in world::any_script()) {
        let tell = || {
            let mut detector = Detector::new(Profile::default(), Time::EPOCH).unwrap();
            let mut now = Time::EPOCH;
            let mut told = Vec::new();
            for act in &script {
                act.play(&mut detector, &mut now);
                told.extend(detector.poll(now));
            }
            (detector, told)
        };
        prop_assert_eq!(tell(), tell());
    }
}
