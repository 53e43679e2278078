use proptest::prelude::*;

use super::*;

fn key() -> AgentKey {
    AgentKey::new([3; 32]).unwrap()
}

prop_compose! {
    fn beats()(
        boot: u64,
        sequence: u32,
        generation: u64,
        bits: [bool; 6],
        wrote in proptest::option::of(0..UNKNOWN),
        sent: u64,
        period in 0..UNKNOWN,
    ) -> Beat {
        Beat {
            boot,
            sequence,
            generation: Generation::new(generation),
            flags: Flags { draining: bits[0], shutting_down: bits[1], stalled: bits[2] },
            health: Health { echo: [bits[3], bits[4]], san: bits[5] },
            wrote: wrote.map(|ms| Duration::from_millis(ms.into())),
            sent: Time::after_epoch(Duration::from_nanos(sent)),
            period: Duration::from_millis(period.into()),
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Beat), Just(Kind::Echo), Just(Kind::Probe)]
}

fn paths() -> impl Strategy<Value = Path> {
    prop_oneof![Just(Path::First), Just(Path::Second)]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        kind in kinds(), path in paths(), slot in 0..Slot::LIMIT, beat in beats()
    ) {
        let slot = Slot::new(slot).unwrap();
        let datagram = seal(kind, slot, path, &beat, &key());
        let claim = Claim::read(&datagram).unwrap();
        prop_assert_eq!((claim.kind(), claim.slot(), claim.path()), (kind, slot, path));
        prop_assert_eq!(claim.prove(&key()), Some(beat));
        prop_assert_eq!(claim.prove(&AgentKey::new([4; 32]).unwrap()), None);
    }

    #[test]
    fn whatever_bit_is_turned_it_proves_nothing(
        path in paths(), beat in beats(), bit in 0..LENGTH * 8
    ) {
        let mut datagram = seal(Kind::Beat, Slot::new(9).unwrap(), path, &beat, &key());
        datagram[bit / 8] ^= 1 << (bit % 8);
        let proved = Claim::read(&datagram).ok().and_then(|claim| claim.prove(&key()));
        prop_assert_eq!(proved, None);
    }

    #[test]
    fn no_bytes_make_it_panic_or_prove(bytes in proptest::collection::vec(any::<u8>(), 0..130)) {
        let proved = Claim::read(&bytes).ok().and_then(|claim| claim.prove(&key()));
        prop_assert_eq!(proved, None);
    }

    #[test]
    fn nor_do_bytes_that_look_like_a_message(
        kind in kinds(), path in paths(), slot in 0..Slot::LIMIT, beat in beats(), tag: [u8; LENGTH - CONTENT]
    ) {
        let mut bytes = seal(kind, Slot::new(slot).unwrap(), path, &beat, &key());
        let genuine = bytes[CONTENT..] == tag;
        bytes[CONTENT..].copy_from_slice(&tag);
        let claim = Claim::read(&bytes).unwrap();
        prop_assert_eq!(claim.prove(&key()).is_some(), genuine);
    }
}

#[test]
fn the_layout_is_the_documented_one() {
    let beat = Beat {
        boot: 0x0102_0304_0506_0708,
        sequence: 0x1112_1314,
        generation: Generation::new(0x2122_2324_2526_2728),
        flags: Flags {
            shutting_down: true,
            ..Flags::default()
        },
        health: Health::default(),
        wrote: None,
        sent: Time::after_epoch(Duration::from_nanos(0x3132_3334_3536_3738)),
        period: Duration::from_millis(0x4142),
    };
    let slot = Slot::new(0x0051_5253).unwrap();
    let datagram = seal(Kind::Beat, slot, Path::Second, &beat, &key());
    let expected = [
        1, 1, 2, 0b11_1010, 0x00, 0x51, 0x52, 0x53, 1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14,
        0, 0, 0x41, 0x42, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x21, 0x22, 0x23, 0x24,
        0x25, 0x26, 0x27, 0x28, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
    ];
    assert_eq!(datagram[..CONTENT], expected);
}

#[test]
fn a_disk_is_never_said_to_be_written_later_than_it_was() {
    let mut beat = Beat {
        wrote: Some(Duration::from_micros(1_500)),
        ..blank()
    };
    let read = |beat: &Beat| {
        let datagram = seal(Kind::Beat, Slot::new(1).unwrap(), Path::First, beat, &key());
        let claim = Claim::read(&datagram).unwrap();
        claim.prove(&key()).unwrap().wrote
    };
    assert_eq!(read(&beat), Some(Duration::from_millis(2)));
    beat.wrote = Some(Duration::MAX);
    assert!(read(&beat) > Some(Duration::from_hours(24)), "long ago");
}

fn blank() -> Beat {
    Beat {
        boot: 1,
        sequence: 1,
        generation: Generation::new(1),
        flags: Flags::default(),
        health: Health::default(),
        wrote: None,
        sent: Time::EPOCH,
        period: Duration::from_secs(1),
    }
}

#[test]
fn a_datagram_of_another_length_version_or_value_is_malformed() {
    let good = seal(
        Kind::Beat,
        Slot::new(1).unwrap(),
        Path::First,
        &blank(),
        &key(),
    );
    let mut long = good.to_vec();
    long.push(0);
    for bytes in [&good[..63], &long, &[]] {
        assert_eq!(Claim::read(bytes).unwrap_err(), Malformed::Length);
    }
    for (at, byte, malformed) in [
        (0, 2, Malformed::Version),
        (1, 0, Malformed::Value),
        (1, 4, Malformed::Value),
        (2, 0, Malformed::Value),
        (2, 3, Malformed::Value),
        (3, 0b100_0000, Malformed::Value),
        (4, 1, Malformed::Value),
        (47, 1, Malformed::Value),
    ] {
        let mut bad = good;
        bad[at] = byte;
        assert_eq!(Claim::read(&bad).unwrap_err(), malformed, "{at}: {byte}");
    }
}
