use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Time {
    Time::after_epoch(Duration::from_secs(seconds))
}

/// Where a stream bends: how many logs it steps up, its rate from there, seconds to the next bend.
type Bent = (u64, u64, u64);

/// A stream that bends as given, and a copy that works at given rates.
fn arranged(bends: &[Bent], rates: Rates, delays: Delays) -> (Stream, Pipeline) {
    let mut stream = Stream::new(Time::EPOCH);
    let mut time = 0;
    for (step, rate, pause) in bends {
        if *step > 0 {
            stream.flow(at(time), 0);
            stream.go_on_from(at(time), stream.level(at(time)) + u128::from(*step) * LOG);
        }
        stream.flow(at(time), *rate);
        time += pause;
    }
    let mut copy = Pipeline::at_level(LOG, Time::EPOCH);
    copy.work(&stream, Time::EPOCH, rates, delays);
    (stream, copy)
}

fn bends() -> impl Strategy<Value = Vec<Bent>> {
    let step = prop_oneof![3 => Just(0), 1 => 1..100_u64];
    prop::collection::vec((step, 0..9_000_u64, 1..2_000_u64), 1..8)
}

fn rates() -> impl Strategy<Value = Rates> {
    (0..9_000_u64, 0..9_000_u64, 0..9_000_u64).prop_map(|(copy, inspect, replay)| Rates {
        copy,
        inspect,
        replay,
    })
}

fn delays() -> impl Strategy<Value = Delays> {
    (0..100_u64, 0..3_000_u64).prop_map(|(ship, lag)| Delays {
        ship: Duration::from_secs(ship),
        replay: Duration::from_secs(lag),
    })
}

proptest! {
    #[test]
    fn it_does_not_matter_how_often_somebody_looks(
        bends in bends(), rates in rates(), delays in delays(),
        looks in prop::collection::vec(0..4_000_u64, 0..20),
    ) {
        let (stream, once) = arranged(&bends, rates, delays);
        let (mut once, mut often) = (once.clone(), once);
        let mut looks = looks;
        looks.sort_unstable();
        for look in looks {
            often.settle(&stream, at(look));
        }
        once.settle(&stream, at(4_000));
        often.settle(&stream, at(4_000));
        prop_assert_eq!(once, often);
    }

    #[test]
    fn no_stage_overtakes_the_one_before(
        bends in bends(), rates in rates(), delays in delays(), look in 0..6_000_u64,
    ) {
        let (stream, mut copy) = arranged(&bends, rates, delays);
        copy.settle(&stream, at(look));
        prop_assert!(copy.replayed <= copy.inspected);
        prop_assert!(copy.inspected <= copy.copied);
        prop_assert!(copy.copied <= stream.level(at(look)));
    }

    #[test]
    fn a_target_is_reached_exactly_when_foretold(
        bends in bends(), rates in rates(), ship in 0..100_u64,
    ) {
        let delays = Delays { ship: Duration::from_secs(ship), replay: Duration::ZERO };
        let (stream, mut copy) = arranged(&bends, rates, delays);
        let target = stream.level(at(3_000));
        copy.settle(&stream, at(3_000));
        let then = copy.reaches(&stream, target);
        if then < Time::NEVER {
            let mut early = copy.clone();
            let just_before = then.since_epoch().saturating_sub(Duration::from_nanos(1));
            early.settle(&stream, Time::after_epoch(just_before));
            copy.settle(&stream, then);
            prop_assert!(copy.replayed >= target);
            prop_assert!(early.replayed < target || then == at(3_000));
        }
    }
}

#[test]
fn a_lagged_copy_replays_what_is_old_enough() {
    let rates = Rates {
        copy: 100_000,
        inspect: 100_000,
        replay: 100_000,
    };
    let delays = Delays {
        ship: Duration::ZERO,
        replay: Duration::from_hours(1),
    };
    let (stream, mut copy) = arranged(&[(0, 3_600, 1)], rates, delays);
    copy.settle(&stream, at(2 * 3_600));
    assert_eq!(logs(copy.inspected), 7_201);
    assert_eq!(logs(copy.replayed), 3_601);
}

#[test]
fn what_was_taken_back_never_was() {
    let (mut stream, _) = arranged(
        &[(0, 3_600, 100), (0, 7_200, 100)],
        Rates::default(),
        Delays::default(),
    );
    let kept = stream.level(at(50));
    stream.go_on_from(at(150), kept);
    assert_eq!(stream.level(at(40)), 41 * LOG);
    assert_eq!(stream.level(at(50)), kept);
    assert_eq!(stream.level(at(150)), kept);
}

#[test]
fn what_another_branch_had_more_is_there_at_once_and_takes_its_time_to_be_copied() {
    let rates = Rates {
        copy: 3_600,
        inspect: 36_000,
        replay: 36_000,
    };
    let (stream, mut copy) = arranged(&[(0, 0, 100), (50, 0, 100)], rates, Delays::default());
    assert_eq!(stream.level(at(99)), LOG);
    assert_eq!(stream.level(at(100)), 51 * LOG);
    assert_eq!(copy.reaches(&stream, 51 * LOG), at(150));
    copy.settle(&stream, at(100));
    assert_eq!(copy.copied, LOG);
    copy.settle(&stream, at(125));
    assert_eq!(copy.copied, 26 * LOG);
}
