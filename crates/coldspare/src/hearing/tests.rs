use coldspare_heartbeat::wire::{self, Kind};
use coldspare_heartbeat::{Agent, Beat, Flags, Health, Pulse, Reply};
use proptest::prelude::*;

use super::*;

const PERIOD: Duration = Duration::from_secs(1);
const NOW: Time = Time::EPOCH;

fn name(number: u32) -> ServerName {
    format!("r720-{number}").parse().unwrap()
}

fn expected(number: u32, generation: u64) -> Expected {
    Expected {
        persona: "exchange-1".parse().unwrap(),
        generation: Generation::new(generation),
        slot: Slot::new(number).unwrap(),
        key: key(number, generation),
        period: PERIOD,
    }
}

fn key(number: u32, generation: u64) -> AgentKey {
    AgentKey::from_secret(&format!("secret of {number} {generation}").into())
}

fn pulse(number: u32, generation: u64, boot: u64) -> Pulse {
    let agent = Agent {
        slot: Slot::new(number).unwrap(),
        generation: Generation::new(generation),
        key: key(number, generation),
        boot,
    };
    Pulse::new(agent, PERIOD, boot, NOW)
}

fn hearing(number: u32, generation: u64) -> Hearing {
    let hearing = Hearing::new();
    hearing.expect(name(number), Some(expected(number, generation)));
    hearing
}

#[test]
fn an_agent_with_the_key_of_its_generation_is_heard_over_both_paths_once_each() {
    let hearing = hearing(2, 7);
    let beats = pulse(2, 7, 1).beat(NOW);
    for (path, beat) in Path::BOTH.into_iter().zip(&beats) {
        let (server, accepted) = hearing.take(path, beat).unwrap();
        assert_eq!((server, accepted.beat.sequence), (name(2), 1));
        let repeated = Rejection::Refused(Refusal::Repeated);
        assert_eq!(hearing.take(path, beat), Err(repeated));
    }
    let Counters {
        accepted, repeated, ..
    } = hearing.counters();
    assert_eq!((accepted, repeated), (2, 2));
}

#[test]
fn an_agent_of_an_older_generation_is_not_heard() {
    let hearing = hearing(2, 7);
    let [old, _] = pulse(2, 6, 1).beat(NOW);
    assert_eq!(hearing.take(Path::First, &old), Err(Rejection::Forged));
    let liar = Agent {
        slot: Slot::new(2).unwrap(),
        generation: Generation::new(8),
        key: key(2, 7),
        boot: 1,
    };
    let [other, _] = Pulse::new(liar, PERIOD, 1, NOW).beat(NOW);
    let refused = Rejection::Refused(Refusal::UnknownGeneration);
    assert_eq!(hearing.take(Path::First, &other), Err(refused));
    let counters = hearing.counters();
    assert_eq!((counters.forged, counters.other_generation), (1, 1));
}

#[test]
fn a_former_holder_is_told_from_a_stranger_until_its_slot_is_given_again() {
    let hearing = hearing(2, 7);
    let mut former = pulse(2, 7, 1);
    hearing.expect(name(2), None);
    assert!(hearing.roster().borrow().is_empty());
    let [beat, _] = former.beat(NOW);
    assert!(hearing.take(Path::First, &beat).is_ok());
    hearing.expect(name(2), Some(expected(2, 9)));
    let [beat, _] = former.beat(NOW);
    assert_eq!(hearing.take(Path::First, &beat), Err(Rejection::Forged));
}

#[test]
fn a_former_holder_is_told_from_a_stranger_by_who_never_expected_it_too() {
    let hearing = Hearing::new();
    hearing.recognise(&name(2), &expected(2, 7));
    assert!(hearing.roster().borrow().is_empty());
    let [beat, _] = pulse(2, 7, 1).beat(NOW);
    let (server, accepted) = hearing.take(Path::First, &beat).unwrap();
    assert_eq!(server, name(2));
    assert_eq!(accepted.beat.generation, Generation::new(7));
    let [stranger, _] = pulse(3, 7, 1).beat(NOW);
    let unknown = Rejection::Refused(Refusal::UnknownSlot);
    assert_eq!(hearing.take(Path::First, &stranger), Err(unknown));
}

#[test]
fn what_was_said_before_is_refused_also_when_the_server_is_enrolled_again() {
    let hearing = hearing(2, 7);
    let mut agent = pulse(2, 7, 5);
    let [old, _] = agent.beat(NOW);
    hearing.take(Path::First, &old).unwrap();
    hearing.expect(name(2), None);
    hearing.expect(name(2), Some(expected(2, 7)));
    assert!(hearing.take(Path::First, &old).is_err());
    let [restarted, _] = pulse(2, 7, 6).beat(NOW);
    assert!(hearing.take(Path::First, &restarted).is_ok());
    let [next, _] = agent.beat(NOW);
    let of_a_former_boot = Rejection::Refused(Refusal::OldBoot);
    assert_eq!(hearing.take(Path::First, &next), Err(of_a_former_boot));
}

#[test]
fn an_agent_answers_a_probe_and_hears_its_echo() {
    let hearing = hearing(2, 7);
    let mut agent = pulse(2, 7, 1);
    assert_eq!(hearing.probe(&name(3), Path::First, NOW), None);
    let probe = hearing.probe(&name(2), Path::First, NOW).unwrap();
    let later = NOW + PERIOD * 60;
    let Reply::Beat(beat) = agent.received(Path::First, &probe, later) else {
        panic!("it answers");
    };
    let (_, accepted) = hearing.take(Path::First, &beat).unwrap();
    assert!(!agent.is_echoed(Path::First, later));
    let echo = hearing.echo(Path::First, &accepted).unwrap();
    agent.received(Path::First, &echo, later);
    assert!(agent.is_echoed(Path::First, later));
}

fn beat(boot: u64, sequence: u32) -> [u8; LENGTH] {
    let beat = Beat {
        boot,
        sequence,
        generation: Generation::new(7),
        flags: Flags::default(),
        health: Health::default(),
        wrote: None,
        sent: NOW,
        period: PERIOD,
    };
    let slot = Slot::new(2).unwrap();
    wire::seal(Kind::Beat, slot, Path::First, &beat, &key(2, 7))
}

proptest! {
    #[test]
    fn of_all_replays_and_enrolments_each_beat_is_heard_once_at_most(
        story in proptest::collection::vec((0_u64..4, 1_u32..6), 1..60)
    ) {
        let hearing = hearing(2, 7);
        let mut newest = (0, 0);
        for (boot, sequence) in story {
            if boot == 0 {
                hearing.expect(name(2), Some(expected(2, 7)));
                continue;
            }
            let taken = hearing.take(Path::First, &beat(boot, sequence));
            prop_assert_eq!(taken.is_ok(), (boot, sequence) > newest);
            newest = newest.max((boot, sequence));
        }
    }

    #[test]
    fn no_bytes_are_heard(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(hearing(2, 7).take(Path::First, &bytes).is_err());
    }
}
