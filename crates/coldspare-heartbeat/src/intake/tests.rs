use std::time::Duration;

use coldspare_names::Generation;
use proptest::prelude::*;

use super::*;
use crate::wire::Kind;
use crate::{Flags, Health, Profile, Start, Watch, wire};

const NOW: Time = Time::EPOCH;

fn slot(number: u32) -> Slot {
    Slot::new(number).unwrap()
}

fn key(of: u8) -> AgentKey {
    AgentKey::new([of; 32])
}

fn intake() -> Intake {
    let mut intake = Intake::new(Detector::new(Profile::default(), NOW).unwrap());
    let enrolment = Enrolment {
        generation: Generation::new(5),
        watch: Watch::Agent,
        start: Start::Running,
        labels: [].into(),
        arrays: [].into(),
    };
    intake.enrol(slot(2), &enrolment, key(2), NOW);
    intake.enrol(slot(4), &enrolment, key(4), NOW);
    intake
}

fn beat(boot: u64, sequence: u32) -> Beat {
    Beat {
        boot,
        sequence,
        generation: Generation::new(5),
        flags: Flags::default(),
        health: Health::default(),
        wrote: Some(Duration::ZERO),
        sent: NOW,
        period: Duration::from_secs(1),
    }
}

fn datagram(from: u32, beat: &Beat, under: &AgentKey) -> [u8; wire::LENGTH] {
    wire::seal(Kind::Beat, slot(from), Path::First, beat, under)
}

fn take(intake: &mut Intake, datagram: &[u8]) -> Result<Accepted, Rejection> {
    intake.take(Path::First, datagram, NOW)
}

type Counter = fn(&Counters) -> u64;

#[test]
fn whatever_is_not_proved_is_counted_and_changes_nothing_else() {
    let mut intake = intake();
    take(&mut intake, &datagram(2, &beat(7, 7), &key(2))).unwrap();
    let other = |generation| Beat {
        generation: Generation::new(generation),
        ..beat(7, 8)
    };
    let echo = wire::seal(Kind::Echo, slot(2), Path::First, &beat(7, 8), &key(2));
    let second = wire::seal(Kind::Beat, slot(2), Path::Second, &beat(7, 8), &key(2));
    let long = [0; wire::LENGTH + 1];
    let cases: [(&[u8], Counter); 11] = [
        (&long, |c| c.malformed),
        (&long[..10], |c| c.malformed),
        (&echo, |c| c.malformed),
        (&second, |c| c.wrong_path),
        (&datagram(3, &beat(7, 8), &key(0)), |c| c.unknown_slot),
        (&datagram(9_000_000, &beat(7, 8), &key(0)), |c| {
            c.unknown_slot
        }),
        (&datagram(2, &beat(7, 8), &key(4)), |c| c.forged),
        (&datagram(2, &other(4), &key(2)), |c| c.other_generation),
        (&datagram(2, &other(6), &key(2)), |c| c.other_generation),
        (&datagram(2, &beat(6, 99), &key(2)), |c| c.old_boot),
        (&datagram(2, &beat(7, 7), &key(2)), |c| c.repeated),
    ];
    let before = intake.detector().clone();
    for (index, (datagram, counter)) in cases.into_iter().enumerate() {
        let counted = counter(&intake.counters());
        assert!(take(&mut intake, datagram).is_err(), "case {index}");
        assert_eq!(counter(&intake.counters()), counted + 1, "case {index}");
        assert!(
            *intake.detector() == before,
            "case {index} changed something"
        );
    }
    assert_eq!(intake.counters().accepted, 1);
}

#[test]
fn while_a_key_is_changed_both_are_valid_until_the_new_one_is_used() {
    let mut intake = intake();
    intake.change_key(slot(2), key(3));
    assert!(take(&mut intake, &datagram(2, &beat(1, 1), &key(2))).is_ok());
    assert!(intake.keyring().key(slot(2)) == Some(&key(2)));
    assert!(take(&mut intake, &datagram(2, &beat(1, 2), &key(3))).is_ok());
    assert!(intake.keyring().key(slot(2)) == Some(&key(3)));
    let old = take(&mut intake, &datagram(2, &beat(1, 3), &key(2)));
    assert_eq!(old, Err(Rejection::Forged));
    assert!(take(&mut intake, &datagram(2, &beat(1, 3), &key(3))).is_ok());
}

#[test]
fn a_withdrawn_server_is_heard_no_longer() {
    let mut intake = intake();
    intake.withdraw(slot(2));
    let refused = take(&mut intake, &datagram(2, &beat(1, 1), &key(2)));
    assert_eq!(refused, Err(Rejection::Refused(Refusal::UnknownSlot)));
    assert!(intake.keyring().key(slot(2)).is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_refused_and_change_nothing(
        datagrams in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..80), any::<bool>()), 1..40
        )
    ) {
        let mut intake = intake();
        let before = intake.detector().clone();
        for (mut bytes, plausible) in datagrams {
            if plausible && bytes.len() >= 8 {
                bytes.resize(wire::LENGTH, 0);
                bytes[..8].copy_from_slice(&[1, 1, 1, 0, 0, 0, 0, 2]);
            }
            prop_assert!(take(&mut intake, &bytes).is_err());
        }
        prop_assert!(*intake.detector() == before);
    }

    #[test]
    fn what_is_taken_together_is_taken_as_one_by_one(
        cases in proptest::collection::vec((0u32..6, 1u8..6, 1u64..3, 1u32..6, any::<bool>()), 0..200)
    ) {
        let datagrams: Vec<Vec<u8>> = cases
            .into_iter()
            .map(|(from, under, boot, sequence, whole)| {
                let all = datagram(from, &beat(boot, sequence), &key(under));
                all[..if whole { all.len() } else { 40 }].to_vec()
            })
            .collect();
        let [mut together, mut one_by_one] = [(); 2].map(|()| {
            let mut intake = intake();
            intake.change_key(slot(2), key(3));
            intake
        });
        let mut taken = Vec::new();
        let slices = datagrams.iter().map(|datagram| &datagram[..]);
        together.take_all(Path::First, slices, NOW, |_, each| taken.push(each));
        let each = datagrams.iter().map(|datagram| take(&mut one_by_one, datagram));
        prop_assert_eq!(taken, each.collect::<Vec<_>>());
        prop_assert!(together.detector() == one_by_one.detector());
        prop_assert_eq!(together.counters(), one_by_one.counters());
        prop_assert!(together.keyring().key(slot(2)) == one_by_one.keyring().key(slot(2)));
    }

    #[test]
    fn of_all_replays_and_reorderings_each_beat_counts_once_at_most(
        order in proptest::collection::vec((1u64..4, 1u32..6), 1..60)
    ) {
        let mut intake = intake();
        let mut newest = (0, 0);
        for (boot, sequence) in order {
            let taken = take(&mut intake, &datagram(2, &beat(boot, sequence), &key(2)));
            prop_assert_eq!(taken.is_ok(), (boot, sequence) > newest);
            newest = newest.max((boot, sequence));
        }
    }
}
