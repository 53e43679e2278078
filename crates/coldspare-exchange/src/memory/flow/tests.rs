use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Time {
    Time::after_epoch(Duration::from_secs(seconds))
}

/// A stream that bends at given seconds, and a copy that works at given rates.
fn arranged(bends: &[(u64, u64)], rates: Rates, delays: Delays) -> (Stream, Pipeline) {
    let mut stream = Stream::new(Time::EPOCH);
    let mut time = 0;
    for (pause, rate) in bends {
        stream.flow(at(time), *rate);
        time += pause;
    }
    let mut copy = Pipeline::at_level(LOG, Time::EPOCH);
    copy.work(&stream, Time::EPOCH, rates, delays);
    (stream, copy)
}

fn bends() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((1..2_000_u64, 0..9_000_u64), 1..8)
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
    let (stream, mut copy) = arranged(&[(1, 3_600)], rates, delays);
    copy.settle(&stream, at(2 * 3_600));
    assert_eq!(logs(copy.inspected), 7_201);
    assert_eq!(logs(copy.replayed), 3_601);
}

#[test]
fn what_was_cut_never_was() {
    let (mut stream, _) = arranged(
        &[(100, 3_600), (100, 7_200)],
        Rates::default(),
        Delays::default(),
    );
    let kept = stream.level(at(50));
    stream.cut(at(150), kept);
    assert_eq!(stream.level(at(40)), 41 * LOG);
    assert_eq!(stream.level(at(50)), kept);
    assert_eq!(stream.level(at(150)), kept);
}
