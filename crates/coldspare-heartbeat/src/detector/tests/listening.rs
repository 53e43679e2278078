//! What is heard, and what is refused.

use super::world::{FIRST, Fate, World, beat, enrolled, enrolment, secs, slot};
use super::*;
use crate::Refusal;

#[test]
fn one_silent_path_is_an_event_and_never_a_suspicion() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::PathLost(Path::Second));
    world.at(secs(60.0), slot(0), Fate::Well);
    world.run(secs(90.0));
    let degraded = Finding::PathDegraded {
        slot: slot(0),
        path: Path::Second,
    };
    let restored = Finding::PathRestored {
        slot: slot(0),
        path: Path::Second,
    };
    assert_eq!(
        world.told(|finding| !matches!(finding, Finding::Started { .. })),
        [degraded, restored]
    );
}

#[test]
fn a_server_on_its_last_path_is_missed_when_that_falls_silent_too() {
    let mut world = World::of(1);
    world.at(secs(10.0), slot(0), Fate::PathLost(FIRST));
    world.at(secs(30.0), slot(0), Fate::PoweredOff);
    world.run(secs(40.0));
    assert_eq!(world.verdicts(slot(0))[0].1.status, Status::Dead);
}

#[test]
fn what_is_refused_changes_nothing_and_says_why() {
    let mut detector = enrolled(2);
    let one_path = Enrolment {
        watch: Watch::AgentOnOnePath,
        ..enrolment(1)
    };
    detector.enrol(slot(1), &one_path, Time::EPOCH);
    detector.heard(slot(0), FIRST, &beat(5, 10), secs(0.1));
    detector.poll(secs(0.1));
    let of_generation = |number| Beat {
        generation: Generation::new(number),
        ..beat(9, 9)
    };
    let cases = [
        (7, FIRST, beat(5, 11), Refusal::UnknownSlot),
        (70, FIRST, beat(5, 11), Refusal::UnknownSlot),
        (1, Path::Second, beat(5, 11), Refusal::WrongPath),
        (0, FIRST, of_generation(0), Refusal::OldGeneration),
        (0, FIRST, of_generation(2), Refusal::UnknownGeneration),
        (0, FIRST, beat(5, 0), Refusal::Unnumbered),
        (0, FIRST, beat(6, 0), Refusal::Unnumbered),
        (0, FIRST, beat(4, 99), Refusal::OldBoot),
        (0, FIRST, beat(5, 10), Refusal::Repeated),
        (0, FIRST, beat(5, 9), Refusal::Repeated),
    ];
    let before = detector.clone();
    for (number, path, beat, refusal) in cases {
        let heard = detector.heard(slot(number), path, &beat, secs(0.2));
        assert_eq!(heard, Heard::Refused(refusal));
        assert!(detector == before, "{refusal:?} changed something");
    }
}

#[test]
fn the_same_beat_counts_once_on_each_path() {
    let mut detector = enrolled(1);
    for path in Path::BOTH {
        let first = detector.heard(slot(0), path, &beat(1, 1), secs(0.1));
        let second = detector.heard(slot(0), path, &beat(1, 1), secs(0.1));
        assert_eq!(
            (first, second),
            (Heard::Accepted, Heard::Refused(Refusal::Repeated))
        );
    }
}

#[test]
fn a_beat_that_comes_late_over_the_other_path_does_not_revoke_a_farewell() {
    let mut detector = enrolled(1);
    let mut farewell = beat(1, 2);
    farewell.flags.shutting_down = true;
    let heard = detector.heard(slot(0), FIRST, &farewell, secs(1.0));
    assert_eq!(heard, Heard::Accepted);
    let late = detector.heard(slot(0), Path::Second, &beat(1, 1), secs(1.1));
    assert_eq!(late, Heard::Refused(Refusal::Repeated));
    let again = detector.heard(slot(0), Path::Second, &farewell, secs(1.2));
    assert_eq!(again, Heard::Accepted);
    let findings = (100..1_000).flat_map(|step| detector.poll(secs(f64::from(step) / 100.0)));
    let suspects = |finding: &Finding| matches!(finding, Finding::Suspected { .. });
    assert!(!findings.into_iter().any(|finding| suspects(&finding)));
}

#[test]
fn whoever_holds_back_a_path_cannot_keep_a_dead_server_alive_with_it() {
    let mut detector = enrolled(1);
    for sequence in 1..=20 {
        let now = secs(f64::from(sequence));
        detector.heard(slot(0), FIRST, &beat(1, sequence), now);
        detector.poll(now);
    }
    let mut suspected = None;
    for step in 2_000..3_000 {
        let now = secs(f64::from(step) / 100.0);
        if step % 100 == 0 {
            detector.heard(slot(0), Path::Second, &beat(1, step / 100 - 9), now);
        }
        let findings = detector.poll(now);
        let suspects = |finding: &Finding| matches!(finding, Finding::Suspected { .. });
        suspected = suspected.or(findings.iter().any(suspects).then_some(now));
        let recovers = |finding: &Finding| matches!(finding, Finding::Recovered { .. });
        assert!(!findings.iter().any(recovers));
    }
    assert!(suspected.is_some_and(|at| at < secs(23.0)), "{suspected:?}");
}

#[test]
fn a_restarted_agent_is_accepted_at_once_and_replays_of_its_past_never() {
    let mut detector = enrolled(1);
    for sequence in 1..100 {
        detector.heard(slot(0), FIRST, &beat(1, sequence), secs(0.1));
    }
    let first = beat(2, 1);
    assert_eq!(
        detector.heard(slot(0), FIRST, &first, secs(0.2)),
        Heard::Accepted
    );
    let started = Finding::Started {
        slot: slot(0),
        boot: 2,
    };
    assert!(detector.poll(secs(0.2)).contains(&started));
    for replayed in [beat(1, 50), beat(1, 500), first] {
        for now in [0.3, 500.0] {
            let heard = detector.heard(slot(0), FIRST, &replayed, secs(now));
            assert!(matches!(heard, Heard::Refused(_)), "{replayed:?}");
        }
    }
}

#[test]
fn enrolled_again_under_its_generation_it_still_refuses_replays() {
    let mut detector = enrolled(1);
    detector.heard(slot(0), FIRST, &beat(3, 30), secs(0.1));
    detector.enrol(slot(0), &enrolment(0), secs(1.0));
    let heard = detector.heard(slot(0), FIRST, &beat(3, 30), secs(1.1));
    assert_eq!(heard, Heard::Refused(Refusal::Repeated));
}

#[test]
fn withdrawn_or_watched_by_a_new_monitor_it_refuses_replays_of_what_it_is_told_was_heard() {
    let mut before = enrolled(1);
    before.heard(slot(0), FIRST, &beat(3, 30), secs(0.1));
    let kept = serde_json::to_string(&before.newest(slot(0))).unwrap();
    before.withdraw(slot(0));
    assert_eq!(before.newest(slot(0)), Newest::NONE);
    before.enrol(slot(0), &enrolment(0), secs(1.0));
    for mut detector in [before, enrolled(1)] {
        detector.remember(slot(0), serde_json::from_str(&kept).unwrap());
        for replayed in [beat(3, 30), beat(3, 29), beat(2, 99)] {
            let heard = detector.heard(slot(0), FIRST, &replayed, secs(1.1));
            assert!(matches!(heard, Heard::Refused(_)), "{replayed:?}");
        }
        let heard = detector.heard(slot(0), FIRST, &beat(3, 31), secs(1.1));
        assert_eq!(heard, Heard::Accepted);
    }
}

#[test]
fn of_a_slot_that_nobody_has_nothing_is_remembered() {
    let mut known = enrolled(1);
    known.heard(slot(0), FIRST, &beat(3, 30), secs(0.1));
    let mut detector = enrolled(2);
    detector.withdraw(slot(1));
    let before = detector.clone();
    for number in [1, 70] {
        detector.remember(slot(number), known.newest(slot(0)));
    }
    assert!(detector == before);
}

#[test]
fn a_new_generation_starts_afresh_and_the_old_one_is_refused() {
    let mut detector = enrolled(1);
    detector.heard(slot(0), FIRST, &beat(9, 9), secs(0.1));
    let next = Enrolment {
        generation: Generation::new(2),
        ..enrolment(0)
    };
    detector.enrol(slot(0), &next, secs(1.0));
    let old = detector.heard(slot(0), FIRST, &beat(9, 10), secs(1.1));
    assert_eq!(old, Heard::Refused(Refusal::OldGeneration));
    let new = Beat {
        generation: Generation::new(2),
        ..beat(1, 1)
    };
    assert_eq!(
        detector.heard(slot(0), FIRST, &new, secs(1.2)),
        Heard::Accepted
    );
}

#[test]
fn an_agent_that_hears_no_echo_is_told_path_by_path_and_suspected_of_nothing() {
    for watch in [Watch::Agent, Watch::AgentOnOnePath] {
        let mut detector = Detector::new(Profile::default(), secs(0.0)).unwrap();
        detector.enrol(
            slot(0),
            &Enrolment {
                watch,
                ..enrolment(0)
            },
            secs(0.0),
        );
        let mut told = Vec::new();
        // It starts unheard, as after an absence of the monitor; then each path is lost, and both back.
        let reports = [
            [false; 2],
            [true; 2],
            [false, true],
            [false; 2],
            [false; 2],
            [true; 2],
        ];
        for (sequence, echo) in (1..).zip(reports) {
            let mut says = beat(1, sequence);
            says.health.echo = echo;
            let now = secs(f64::from(sequence));
            detector.heard(slot(0), FIRST, &says, now);
            detector.heard(slot(0), Path::Second, &says, now);
            told.extend(detector.poll(now));
        }
        let of_monitor =
            |f: &Finding| matches!(f, Finding::Held { .. } | Finding::HoldEnded { .. });
        told.retain(|finding| !of_monitor(finding));
        let slot = slot(0);
        let of = |path| {
            [
                Finding::EchoLost { slot, path },
                Finding::EchoRestored { slot, path },
            ]
        };
        let [[lost, back], [other_lost, other_back]] = Path::BOTH.map(of);
        let started = Finding::Started { slot, boot: 1 };
        if watch == Watch::Agent {
            assert_eq!(told, [started, lost, other_lost, back, other_back]);
        } else {
            assert_eq!(told, [started, lost, back]);
        }
    }
}

#[test]
fn nobody_boots_for_the_zeroth_time() {
    let mut detector = enrolled(1);
    let before = detector.clone();
    let heard = detector.heard(slot(0), FIRST, &beat(0, 1), secs(0.5));
    assert_eq!(heard, Heard::Refused(Refusal::Unnumbered));
    assert_eq!(detector, before);
}

#[test]
fn an_answer_from_before_a_farewell_does_not_revoke_it() {
    let mut detector = enrolled(1);
    let mut last = beat(1, 1);
    last.flags.shutting_down = true;
    detector.heard(slot(0), FIRST, &last, secs(1.0));
    detector.poll(secs(1.0));
    let answer = Answer::Probe {
        path: FIRST,
        answered: true,
    };
    let asked = secs(0.9);
    detector.testify(slot(0), Testimony { asked, answer }, secs(1.1));
    for tenths in 11..100 {
        assert_eq!(detector.poll(secs(f64::from(tenths) * 0.1)), []);
    }
}
