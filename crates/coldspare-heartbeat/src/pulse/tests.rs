use proptest::prelude::*;

use super::*;
use crate::{Detector, Enrolment, Heard, Intake, Profile, Refusal, Start, Watch};

fn secs(seconds: f64) -> Time {
    Time::after_epoch(Duration::from_secs_f64(seconds))
}

fn key() -> AgentKey {
    AgentKey::new([1; 32]).unwrap()
}

fn pulse(boot: u64, seed: u64) -> Pulse {
    let agent = Agent {
        slot: Slot::new(3).unwrap(),
        generation: Generation::new(1),
        key: key(),
        boot,
    };
    Pulse::new(agent, Duration::from_secs(1), seed, secs(100.0))
}

fn intake() -> Intake {
    let detector = Detector::new(Profile::default(), secs(100.0)).unwrap();
    let mut intake = Intake::new(detector);
    let enrolment = Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Running,
        labels: [].into(),
        arrays: [].into(),
    };
    intake.enrol(Slot::new(3).unwrap(), &enrolment, key(), secs(100.0));
    intake
}

fn read(datagram: &[u8]) -> Beat {
    Claim::read(datagram).unwrap().prove(&key()).unwrap()
}

/// What the monitor sends back for a beat.
fn echo(datagram: &[u8], path: Path) -> [u8; wire::LENGTH] {
    wire::seal(
        Kind::Echo,
        Slot::new(3).unwrap(),
        path,
        &read(datagram),
        &key(),
    )
}

proptest! {
    #[test]
    fn it_keeps_its_period_within_a_twentieth(seed: u64) {
        let mut pulse = pulse(1, seed);
        for _ in 0..50 {
            let now = pulse.due();
            pulse.beat(now);
            let gap = pulse.due().since(now);
            prop_assert!(gap >= Duration::from_millis(950) && gap <= Duration::from_millis(1_050));
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_answer(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
        let mut pulse = pulse(1, 1);
        let before = pulse.clone();
        prop_assert_eq!(pulse.received(Path::First, &bytes, secs(101.0)), Reply::None);
        prop_assert_eq!(pulse, before);
    }

    #[test]
    fn nor_does_a_message_of_the_monitor_with_a_bit_turned(
        probes: bool, bit in 0..wire::LENGTH * 8
    ) {
        let mut pulse = pulse(1, 1);
        let beats = pulse.beat(secs(100.0));
        let kind = if probes { Kind::Probe } else { Kind::Echo };
        let slot = Slot::new(3).unwrap();
        let good = wire::seal(kind, slot, Path::First, &read(&beats[0]), &key());
        let mut turned = good;
        turned[bit / 8] ^= 1 << (bit % 8);
        let before = pulse.clone();
        prop_assert_eq!(pulse.received(Path::First, &turned, secs(101.0)), Reply::None);
        prop_assert_eq!(&pulse, &before);
        pulse.received(Path::First, &good, secs(101.0));
        prop_assert_ne!(pulse, before);
    }
}

#[test]
fn its_beats_are_heard_on_their_paths_and_on_no_other() {
    let (mut pulse, mut intake) = (pulse(1, 1), intake());
    for _ in 0..5 {
        let now = pulse.due();
        let [first, second] = pulse.beat(now);
        assert!(intake.take(Path::First, &second, now).is_err());
        assert!(intake.take(Path::First, &first, now).is_ok());
        assert!(intake.take(Path::Second, &second, now).is_ok());
    }
    assert_eq!(intake.counters().accepted, 10);
    assert_eq!(intake.counters().wrong_path, 5);
}

#[test]
fn a_probe_is_answered_at_once_with_a_beat_that_counts() {
    let (mut pulse, mut intake) = (pulse(1, 1), intake());
    let now = pulse.due();
    let beats = pulse.beat(now);
    let probe = wire::seal(
        Kind::Probe,
        Slot::new(3).unwrap(),
        Path::First,
        &read(&beats[0]),
        &key(),
    );
    let Reply::Beat(answer) = pulse.received(Path::First, &probe, now) else {
        panic!("no answer");
    };
    assert!(intake.take(Path::First, &answer, now).is_ok());
    assert_eq!(pulse.received(Path::Second, &probe, now), Reply::None);
}

#[test]
fn a_flood_of_probes_played_back_is_answered_within_bounds() {
    let (mut pulse, mut intake) = (pulse(1, 1), intake());
    let probe = |path| {
        let keyring = intake.keyring();
        let slot = Slot::new(3).unwrap();
        keyring.probe(slot, Generation::new(1), path, secs(50.0))
    };
    let probes = Path::BOTH.map(|path| probe(path).unwrap());
    let mut answers = 0;
    for step in 0..10_000 {
        let now = secs(100.0 + f64::from(step) / 10_000.0);
        for (path, probe) in Path::BOTH.into_iter().zip(&probes) {
            if let Reply::Beat(answer) = pulse.received(path, probe, now) {
                answers += 1;
                assert!(intake.take(path, &answer, now).is_ok());
            }
        }
    }
    assert!((50..=64).contains(&answers), "{answers}");
    let [next, _] = pulse.beat(secs(101.0));
    assert_eq!(read(&next).sequence, answers + 1);
}

#[test]
fn it_notices_a_path_that_carries_no_echo_and_says_so() {
    let mut pulse = pulse(1, 1);
    let mut last = Health::default();
    for _ in 0..40 {
        let now = pulse.due();
        let beats = pulse.beat(now);
        last = read(&beats[0]).health;
        let receipt = echo(&beats[0], Path::First);
        pulse.received(Path::First, &receipt, now);
    }
    assert_eq!(last.echo, [true, false]);
}

#[test]
fn an_old_echo_is_no_echo() {
    let mut pulse = pulse(1, 1);
    let beats = pulse.beat(secs(100.0));
    let receipt = echo(&beats[0], Path::First);
    pulse.received(Path::First, &receipt, secs(100.0));
    let after = pulse.clone();
    pulse.received(Path::First, &receipt, secs(190.0));
    assert_eq!(pulse, after);
}

#[test]
fn one_that_was_held_up_says_so_once() {
    let mut pulse = pulse(1, 1);
    pulse.beat(secs(100.0));
    let [late, _] = pulse.beat(secs(106.0));
    let [next, _] = pulse.beat(pulse.due());
    assert!(read(&late).flags.stalled);
    assert!(!read(&next).flags.stalled);
}

#[test]
fn it_says_how_long_ago_it_wrote_its_disk() {
    let mut pulse = pulse(1, 1);
    let [before, _] = pulse.beat(secs(100.0));
    pulse.wrote(secs(100.5));
    let [after, _] = pulse.beat(secs(101.0));
    assert_eq!(read(&before).wrote, None);
    assert_eq!(read(&after).wrote, Some(Duration::from_millis(500)));
}

#[test]
fn a_restarted_agent_is_heard_and_its_former_life_is_not() {
    let (mut old, mut new, mut intake) = (pulse(1, 1), pulse(2, 1), intake());
    let now = secs(101.0);
    let [past, _] = old.beat(now);
    old.beat(now);
    let [first, _] = new.beat(now);
    assert!(intake.take(Path::First, &first, now).is_ok());
    let refused = crate::intake::Rejection::Refused(Refusal::OldBoot);
    assert_eq!(intake.take(Path::First, &past, now).unwrap_err(), refused);
    let beat = read(&first);
    let again = intake
        .detector_mut()
        .heard(Slot::new(3).unwrap(), Path::First, &beat, now);
    assert_eq!(again, Heard::Refused(Refusal::Repeated));
}
