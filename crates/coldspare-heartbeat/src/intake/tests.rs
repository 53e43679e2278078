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
    AgentKey::new([of; 32]).unwrap()
}

fn intake() -> Intake {
    let mut intake = Intake::new(Detector::new(Profile::default(), NOW).unwrap());
    intake.enrol(slot(2), &enrolment(), key(2), NOW);
    intake.enrol(slot(4), &enrolment(), key(4), NOW);
    intake
}

fn enrolment() -> Enrolment {
    Enrolment {
        generation: Generation::new(5),
        watch: Watch::Agent,
        start: Start::Running,
        labels: [].into(),
        arrays: [].into(),
    }
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
    let cases: [(&[u8], Counter); 12] = [
        (&long, |c| c.malformed),
        (&long[..10], |c| c.malformed),
        (&echo, |c| c.malformed),
        (&second, |c| c.wrong_path),
        (&datagram(3, &beat(7, 8), &key(9)), |c| c.unknown_slot),
        (&datagram(9_000_000, &beat(7, 8), &key(9)), |c| {
            c.unknown_slot
        }),
        (&datagram(2, &beat(7, 8), &key(4)), |c| c.forged),
        (&datagram(2, &other(4), &key(2)), |c| c.other_generation),
        (&datagram(2, &other(6), &key(2)), |c| c.other_generation),
        (&datagram(2, &beat(7, 0), &key(2)), |c| c.malformed),
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
fn a_new_key_under_which_nothing_counts_locks_nobody_out() {
    let of_generation = |number| Beat {
        generation: Generation::new(number),
        ..beat(8, 1)
    };
    // The next generation's key was set early, a rotation was rolled back, or somebody plays back.
    for refused in [
        of_generation(6),
        of_generation(4),
        beat(6, 9),
        beat(7, 7),
        beat(7, 0),
    ] {
        let mut intake = intake();
        take(&mut intake, &datagram(2, &beat(7, 7), &key(2))).unwrap();
        intake.change_key(slot(2), key(3));
        let before = (intake.detector().clone(), intake.keyring().clone());
        let early = datagram(2, &refused, &key(3));
        assert!(take(&mut intake, &early).is_err());
        intake.take_all(Path::First, [&early[..]; 20], NOW, |_, taken| {
            assert!(taken.is_err());
        });
        assert!(*intake.detector() == before.0 && *intake.keyring() == before.1);
        assert!(take(&mut intake, &datagram(2, &beat(7, 8), &key(2))).is_ok());
        assert!(take(&mut intake, &datagram(2, &beat(7, 9), &key(3))).is_ok());
    }
}

#[test]
fn a_change_of_a_key_can_be_taken_back_and_needs_somebody_to_have_one() {
    let mut intake = intake();
    let before = intake.keyring().clone();
    intake.change_key(slot(2), key(3));
    intake.change_key(slot(2), key(2));
    let abandoned = take(&mut intake, &datagram(2, &beat(1, 1), &key(3)));
    assert_eq!(abandoned, Err(Rejection::Forged));
    assert!(take(&mut intake, &datagram(2, &beat(1, 1), &key(2))).is_ok());
    assert!(intake.keyring().key(slot(2)) == before.key(slot(2)));
    intake.change_key(slot(3), key(3));
    let stranger = take(&mut intake, &datagram(3, &beat(1, 1), &key(3)));
    assert_eq!(stranger, Err(Rejection::Refused(Refusal::UnknownSlot)));
}

#[test]
fn whoever_is_enrolled_anew_is_not_heard_under_a_key_of_before() {
    let mut intake = intake();
    intake.change_key(slot(2), key(3));
    intake.enrol(slot(2), &enrolment(), key(5), NOW);
    for of in [2, 3] {
        let taken = take(&mut intake, &datagram(2, &beat(1, 1), &key(of)));
        assert_eq!(taken, Err(Rejection::Forged));
    }
    assert!(take(&mut intake, &datagram(2, &beat(1, 1), &key(5))).is_ok());
}

#[test]
fn a_withdrawn_server_is_heard_no_longer() {
    let mut intake = intake();
    intake.withdraw(slot(2));
    let refused = take(&mut intake, &datagram(2, &beat(1, 1), &key(2)));
    assert_eq!(refused, Err(Rejection::Refused(Refusal::UnknownSlot)));
    assert!(intake.keyring().key(slot(2)).is_none());
}

#[test]
fn what_was_heard_under_a_key_counts_no_more_when_its_server_is_enrolled_again() {
    let mut intake = intake();
    let past = datagram(2, &beat(7, 7), &key(2));
    take(&mut intake, &past).unwrap();
    for withdrawn in [true, false, true] {
        if withdrawn {
            intake.withdraw(slot(2));
        }
        intake.enrol(slot(2), &enrolment(), key(2), NOW);
        let replayed = take(&mut intake, &past);
        assert_eq!(replayed, Err(Rejection::Refused(Refusal::Repeated)));
        let former = take(&mut intake, &datagram(2, &beat(6, 99), &key(2)));
        assert_eq!(former, Err(Rejection::Refused(Refusal::OldBoot)));
    }
    assert!(take(&mut intake, &datagram(2, &beat(7, 8), &key(2))).is_ok());
}

#[test]
fn whoever_gets_the_slot_of_another_is_heard_however_long_it_has_been_running() {
    for withdrawn in [true, false] {
        let mut intake = intake();
        take(&mut intake, &datagram(2, &beat(7, 7), &key(2))).unwrap();
        if withdrawn {
            intake.withdraw(slot(2));
        }
        intake.enrol(slot(2), &enrolment(), key(3), NOW);
        assert!(take(&mut intake, &datagram(2, &beat(1, 1), &key(3))).is_ok());
    }
}

fn paths() -> impl Strategy<Value = Path> {
    prop_oneof![Just(Path::First), Just(Path::Second)]
}

/// What agents write under keys of their own and of others, zeros among them, over both paths; and
/// what monitors write, and what is cut.
fn written() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![5 => Just(Kind::Beat), 1 => Just(Kind::Echo), 1 => Just(Kind::Probe)];
    let beats = (1_u64..3, 0_u32..9, 4_u64..7).prop_map(|(boot, sequence, generation)| Beat {
        generation: Generation::new(generation),
        ..beat(boot, sequence)
    });
    let length = prop_oneof![9 => Just(wire::LENGTH), 1 => 0..wire::LENGTH];
    (kinds, 0_u32..6, paths(), beats, 0_u8..6, length).prop_map(
        |(kind, from, path, beat, under, length)| {
            let key = AgentKey::new([under; 32]).unwrap_or(AgentKey::NOBODY);
            wire::seal(kind, slot(from), path, &beat, &key)[..length].to_vec()
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_refused_and_change_nothing(
        datagrams in proptest::collection::vec(
            (paths(), proptest::collection::vec(any::<u8>(), 0..80), any::<bool>()), 1..40
        )
    ) {
        let mut intake = intake();
        intake.change_key(slot(2), key(3));
        let before = (intake.detector().clone(), intake.keyring().clone());
        for (path, mut bytes, plausible) in datagrams {
            if plausible && bytes.len() >= 8 {
                bytes.resize(wire::LENGTH, 0);
                bytes[..8].copy_from_slice(&[1, 1, path as u8 + 1, 0, 0, 0, 0, 2]);
            }
            prop_assert!(intake.take(path, &bytes, NOW).is_err());
        }
        prop_assert!(*intake.detector() == before.0 && *intake.keyring() == before.1);
    }

    #[test]
    fn what_is_taken_together_is_taken_as_one_by_one(
        batches in proptest::collection::vec(
            (paths(), proptest::collection::vec(written(), 0..200)), 1..4
        )
    ) {
        let [mut together, mut one_by_one] = [(); 2].map(|()| {
            let mut intake = intake();
            intake.change_key(slot(2), key(3));
            intake.change_key(slot(4), key(5));
            intake
        });
        for (path, datagrams) in batches {
            let mut taken = Vec::new();
            let slices = datagrams.iter().map(|datagram| &datagram[..]);
            together.take_all(path, slices, NOW, |_, each| taken.push(each));
            let each = datagrams.iter().map(|datagram| one_by_one.take(path, datagram, NOW));
            prop_assert_eq!(taken, each.collect::<Vec<_>>());
        }
        prop_assert!(together.detector() == one_by_one.detector());
        prop_assert_eq!(together.counters(), one_by_one.counters());
        prop_assert!(together.keyring() == one_by_one.keyring());
    }

    #[test]
    fn of_two_keys_the_later_is_the_only_one_once_something_under_it_counts(
        story in proptest::collection::vec((paths(), written()), 0..100)
    ) {
        let mut intake = intake();
        intake.change_key(slot(2), key(3));
        let mut changed = false;
        for (path, datagram) in story {
            let before = (intake.detector().clone(), intake.keyring().clone());
            let claim = Claim::read(&datagram).ok();
            let of = |under| claim.is_some_and(|claim| {
                claim.slot() == slot(2) && claim.is_genuine(&key(under))
            });
            if intake.take(path, &datagram, NOW).is_ok() {
                prop_assert!(!(changed && of(2)));
                changed |= of(3);
            } else {
                prop_assert!(*intake.detector() == before.0);
                prop_assert!(*intake.keyring() == before.1);
            }
            let current = if changed { key(3) } else { key(2) };
            prop_assert!(intake.keyring().key(slot(2)) == Some(&current));
        }
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
