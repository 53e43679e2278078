//! A flood costs no memory: taking a datagram allocates nothing, whatever becomes of it.

use std::time::Duration;

use coldspare_heartbeat::wire::{Kind, LENGTH, seal};
use coldspare_heartbeat::{
    AgentKey, Beat, Detector, Enrolment, Flags, Health, Intake, Path, Profile, Slot, Start, Watch,
};
use coldspare_names::{Generation, Time};

fn beat(boot: u64, sequence: u32) -> Beat {
    Beat {
        boot,
        sequence,
        generation: Generation::new(1),
        flags: Flags::default(),
        health: Health::default(),
        wrote: Some(Duration::ZERO),
        sent: Time::EPOCH,
        period: Duration::from_secs(1),
    }
}

#[test]
fn neither_good_nor_bad_datagrams_allocate() {
    let slot = Slot::new(7).unwrap();
    let key = AgentKey::new([7; 32]).unwrap();
    let mut intake = Intake::new(Detector::new(Profile::default(), Time::EPOCH).unwrap());
    let enrolment = Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Running,
        labels: [].into(),
        arrays: [].into(),
    };
    intake.enrol(slot, &enrolment, key.clone(), Time::EPOCH);
    let written = |beat: &Beat, key: &AgentKey| seal(Kind::Beat, slot, Path::First, beat, key);
    // The first beat of a boot is news: it is remembered until it is told.
    intake
        .take(Path::First, &written(&beat(5, 1), &key), Time::EPOCH)
        .unwrap();
    intake.poll(Time::EPOCH);
    let next_key = AgentKey::new([9; 32]).unwrap();
    intake.change_key(slot, next_key.clone());

    let good = written(&beat(5, 2), &key);
    let forged = written(&beat(5, 3), &AgentKey::new([8; 32]).unwrap());
    let old = written(&beat(4, 9), &key);
    let long = [1; LENGTH + 1];
    let old_under_the_next_key = written(&beat(4, 9), &next_key);
    let datagrams: [&[u8]; 7] = [
        &good,
        &good,
        &forged,
        &old,
        &old_under_the_next_key,
        &long,
        &[],
    ];
    let mut taken = 0;
    let allocations = allocation_counter::measure(|| {
        for datagram in datagrams {
            taken += usize::from(intake.take(Path::First, datagram, Time::EPOCH).is_ok());
        }
    });
    assert_eq!((taken, allocations.count_total), (1, 0));

    // The first under the next key ends the change.
    let next = written(&beat(5, 3), &next_key);
    let datagrams: [&[u8]; 6] = [
        &forged,
        &old,
        &old_under_the_next_key,
        &next,
        &written(&beat(5, 4), &key),
        &long,
    ];
    let allocations = allocation_counter::measure(|| {
        intake.take_all(Path::First, datagrams, Time::EPOCH, |_, each| {
            taken += usize::from(each.is_ok());
        });
    });
    assert_eq!((taken, allocations.count_total), (2, 0));
    assert!(intake.keyring().key(slot) == Some(&next_key));
}
