//! What witnesses say, and when one is not believed.

use super::*;
use crate::Ports;
use crate::verdict::Row;

#[test]
fn a_controller_that_says_off_of_a_writing_server_is_not_believed() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::CutOffAndCalledOff);
    world.run(secs(120.0));
    let statuses: Vec<_> = world
        .verdicts(slot(0))
        .iter()
        .map(|(_, v)| v.status)
        .collect();
    assert_eq!(statuses, [Status::Isolated]);
    let alarms = world.told(|f| matches!(f, Finding::Contradicted { .. }));
    assert_eq!(alarms.len(), 1, "one alarm, not one for each answer");
}

#[test]
fn a_controller_that_says_off_of_a_server_that_then_speaks_is_told() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::Frozen);
    world.at(secs(12.5), slot(0), Fate::CutOffAndCalledOff);
    world.at(secs(14.5), slot(0), Fate::Well);
    world.run(secs(20.0));
    assert_eq!(
        world
            .told(|f| matches!(f, Finding::Contradicted { .. }))
            .len(),
        1
    );
}

#[test]
fn a_server_that_wrote_until_it_was_turned_off_makes_no_liar_of_its_controller() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::AgentHangs);
    for tenths in 0..10 {
        let mut world = world.clone();
        world.at(
            secs(20.0 + f64::from(tenths) * 0.1),
            slot(0),
            Fate::PoweredOff,
        );
        world.run(secs(60.0));
        let lies = world.told(|f| matches!(f, Finding::Contradicted { .. }));
        assert_eq!(lies, [], "{tenths}");
        let verdicts = world.verdicts(slot(0)).into_iter();
        let rows: Vec<_> = verdicts.map(|(_, verdict)| verdict.row).collect();
        assert_eq!(rows, [Row::AgentOnly, Row::PoweredOff], "{tenths}");
    }
}

#[test]
fn an_answer_that_was_overtaken_by_a_later_one_is_forgotten() {
    let mut detector = world::enrolled(1);
    detector.poll(secs(2.2));
    let mut say = |asked, answer| {
        detector.testify(slot(0), Testimony { asked, answer }, secs(4.2));
        detector.poll(secs(4.2))
    };
    say(secs(4.0), Answer::Power(Power::Off));
    say(secs(2.2), Answer::Power(Power::On));
    let wrote = Answer::Sessions(Sessions::LastWrite(secs(3.0)));
    let told = say(secs(4.0), wrote);
    assert!(!told.contains(&Finding::Contradicted { slot: slot(0) }));
}

#[test]
fn a_heartbeat_that_was_under_way_while_it_was_turned_off_makes_no_liar_of_its_controller() {
    for (delay, lies) in [(0.5, false), (2.5, true)] {
        let mut detector = world::enrolled(1);
        detector.heard(slot(0), FIRST, &beat(1, 1), secs(0.5));
        for tenths in 5..28 {
            detector.poll(secs(f64::from(tenths) * 0.1));
        }
        let off = Testimony {
            asked: secs(2.7),
            answer: Answer::Power(Power::Off),
        };
        detector.testify(slot(0), off, secs(2.8));
        let arrives = secs(2.7 + delay);
        detector.heard(slot(0), FIRST, &beat(1, 2), arrives);
        let told = detector.poll(arrives);
        assert!(told.contains(&Finding::Recovered { slot: slot(0) }));
        let contradicted = Finding::Contradicted { slot: slot(0) };
        assert_eq!(told.contains(&contradicted), lies, "{delay}");
    }
}

#[test]
fn a_persona_without_agent_that_starts_again_makes_no_liar_of_its_controller() {
    let mut world = World::of(2);
    world.without_agent(slot(0));
    world.at(secs(10.0), slot(0), Fate::PoweredOff);
    world.at(secs(60.0), slot(0), Fate::Well);
    world.run(secs(90.0));
    assert_eq!(
        world.told(|f| matches!(f, Finding::Contradicted { .. })),
        []
    );
    assert_eq!(
        world.told(|f| matches!(f, Finding::Recovered { .. })).len(),
        1
    );
}

#[test]
fn a_server_that_was_off_and_starts_again_makes_no_liar_of_its_controller() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::PoweredOff);
    world.at(secs(60.0), slot(0), Fate::Well);
    world.run(secs(90.0));
    assert!(
        world
            .told(|f| matches!(f, Finding::Contradicted { .. }))
            .is_empty()
    );
    let recovered = world.told(|f| matches!(f, Finding::Recovered { .. }));
    assert_eq!(recovered.len(), 1);
}

#[test]
fn a_server_without_disk_that_is_turned_off_makes_no_liar_of_its_controller() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::DiskLost);
    world.at(secs(40.0), slot(0), Fate::PoweredOff);
    world.run(secs(60.0));
    let lies = world.told(|f| matches!(f, Finding::Contradicted { .. }));
    assert_eq!(lies, []);
    let (_, verdict) = world.verdicts(slot(0)).pop().unwrap();
    assert_eq!(verdict.status, Status::Dead);
}

#[test]
fn a_controller_that_says_off_of_a_server_that_is_heard_is_told_once() {
    let mut world = World::of(2);
    world.at(secs(10.0), slot(0), Fate::DiskLostAndCalledOff);
    world.run(secs(100.0));
    let lies = world.told(|f| matches!(f, Finding::Contradicted { .. }));
    assert_eq!(lies.len(), 1);
    let (_, verdict) = world.verdicts(slot(0)).pop().unwrap();
    assert_eq!(verdict.status, Status::SanLost, "its word counts no more");
}

#[test]
fn no_answer_never_overwrites_a_positive_testimony() {
    let mut detector = world::enrolled(1);
    let now = secs(3.0);
    detector.poll(secs(1.0));
    detector.poll(secs(2.2));
    let say = |detector: &mut Detector, asked, answer| {
        detector.testify(slot(0), Testimony { asked, answer }, now);
    };
    say(&mut detector, secs(2.2), Answer::Power(Power::Off));
    say(&mut detector, secs(2.5), Answer::Power(Power::NoAnswer));
    say(
        &mut detector,
        secs(2.2),
        Answer::Sessions(Sessions::NoAnswer),
    );
    detector.poll(now);
    assert_eq!(
        detector.verdict(slot(0)).map(|v| v.status),
        Some(Status::Dead)
    );
}

#[test]
fn a_session_that_was_idle_and_cannot_be_looked_at_any_more_is_unknown() {
    let mut detector = world::enrolled(1);
    let mut told = Vec::new();
    for now in (1..600).map(|tenths| secs(f64::from(tenths) * 0.5)) {
        for finding in detector.poll(now) {
            let Finding::Ask {
                question, asked, ..
            } = finding
            else {
                told.push(finding);
                continue;
            };
            let answer = match question {
                Question::Power => Answer::Power(Power::NoAnswer),
                Question::Sessions if now < secs(4.0) => {
                    Answer::Sessions(Sessions::LastWrite(secs(0.0)))
                }
                Question::Sessions => Answer::Sessions(Sessions::NoAnswer),
                Question::Ports | Question::Probe(_) => continue,
            };
            detector.testify(slot(0), Testimony { asked, answer }, now);
        }
    }
    let verdict = detector.verdict(slot(0)).map(|verdict| verdict.status);
    assert_eq!(verdict, Some(Status::Unknown));
    assert!(
        told.iter()
            .any(|f| matches!(f, Finding::CeilingPassed { .. }))
    );
}

/// What is asked about a slot, probes apart.
fn asked(findings: &[Finding]) -> Vec<Question> {
    let asked = findings.iter().filter_map(|finding| match finding {
        Finding::Ask { question, .. } if !matches!(question, Question::Probe(_)) => Some(*question),
        _ => None,
    });
    asked.collect()
}

#[test]
fn the_witnesses_are_asked_side_by_side_and_the_switches_only_about_silence() {
    let mut detector = world::enrolled(1);
    let everybody = [Question::Power, Question::Sessions, Question::Ports];
    assert_eq!(asked(&detector.poll(secs(2.2))), everybody);

    let mut world = World::of(1);
    world.at(secs(5.0), slot(0), Fate::DiskLost);
    world.run(secs(60.0));
    let questions = asked(&world.told(|_| true));
    assert!(questions.contains(&Question::Sessions));
    assert!(!questions.contains(&Question::Ports));
}

#[test]
fn a_verdict_does_not_wait_for_a_slow_switch_and_is_told_anew_when_it_tells_two_alarms_apart() {
    let mut detector = world::enrolled(1);
    detector.poll(secs(2.2));
    let say = |detector: &mut Detector, answer| {
        let asked = secs(2.2);
        detector.testify(slot(0), Testimony { asked, answer }, secs(3.0));
        let findings = detector.poll(secs(3.0)).into_iter();
        let rows = findings.filter_map(|finding| match finding {
            Finding::Judged { verdict, .. } => Some(verdict.row),
            _ => None,
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(say(&mut detector, Answer::Power(Power::On)), []);
    let writing = Answer::Sessions(Sessions::LastWrite(secs(2.9)));
    assert_eq!(say(&mut detector, writing), [Row::AgentOnly]);
    assert_eq!(
        say(&mut detector, Answer::Ports(Ports::Down)),
        [Row::Unplugged]
    );
    assert_eq!(say(&mut detector, Answer::Ports(Ports::NoAnswer)), []);
    let ports = detector.verdict(slot(0)).map(|verdict| verdict.seen.ports);
    assert_eq!(ports, Some(Ports::Down));
}

#[test]
fn testimony_from_before_it_was_last_heard_does_not_count() {
    let mut detector = world::enrolled(1);
    detector.heard(slot(0), FIRST, &beat(1, 1), secs(5.0));
    detector.poll(secs(5.0));
    detector.poll(secs(7.2));
    for answer in [Answer::Power(Power::Off), Answer::Sessions(Sessions::Gone)] {
        let asked = secs(4.9);
        detector.testify(slot(0), Testimony { asked, answer }, secs(7.3));
    }
    detector.poll(secs(7.3));
    assert_eq!(detector.verdict(slot(0)), None);
}
