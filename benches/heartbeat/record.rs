//! What a heartbeat and its absence cost the detector, beside its peers.
//!
//! A peer's detectors are kept as their users must keep them, in a map by the sender's name (a
//! number, at best); and, to be fair, also in an array by our dense slot.

mod measure;
mod peers;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use coldspare_heartbeat::{
    AgentKey, Beat, Detector, Enrolment, Finding, Flags, Health, Intake, Label, Path, Profile,
    Slot, Start, Watch,
};
use coldspare_names::{Generation, Time};
use measure::{Contender, Dice, compare, floor, is_test, target, timed};
use peers::{Accrual, NOW, Pinged, accrual, pinged};
use phi_accrual_failure_detector::Detector as _;

const SECOND: Duration = Duration::from_secs(1);
const RACK: u32 = 40;

fn servers() -> u32 {
    if is_test() { 1_000 } else { 100_000 }
}

fn main() {
    println!("heartbeat-record: {} servers", servers());
    record();
    who_is_dead();
    record_and_expire();
    mass();
    memory();
}

fn beat(sequence: u32) -> Beat {
    Beat {
        boot: 1,
        sequence,
        generation: Generation::new(1),
        flags: Flags::default(),
        health: Health::default(),
        wrote: Some(Duration::ZERO),
        sent: Time::EPOCH,
        period: SECOND,
    }
}

fn slot(number: u32) -> Slot {
    Slot::new(number).unwrap_or_else(|error| panic!("{error}"))
}

fn enrolment(number: u32) -> Enrolment {
    let rack = number / RACK;
    let labels = [format!("rack {rack}"), format!("feed {}", rack % 8)];
    Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Running,
        labels: labels.iter().map(Label::new).collect(),
        arrays: [].into(),
    }
}

fn detector(servers: u32) -> Detector {
    let mut detector =
        Detector::new(Profile::default(), Time::EPOCH).unwrap_or_else(|error| panic!("{error}"));
    detector.reserve(servers as usize);
    for number in 0..servers {
        detector.enrol(slot(number), &enrolment(number), Time::EPOCH);
    }
    detector
}

fn record() {
    let servers = servers();
    let order = Dice(42).shuffled(servers);
    let mut ours = detector(servers);
    let mut round = 0;
    let mut flat = vec![[0u64; 4]; servers as usize];
    let mut window_map: HashMap<u32, Pinged> = (0..servers).map(|n| (n, pinged())).collect();
    let mut windows: Vec<Pinged> = (0..servers).map(|_| pinged()).collect();
    let mut accrual_map: HashMap<u32, Accrual> = (0..servers).map(|n| (n, accrual())).collect();
    let accruals: Vec<Accrual> = (0..servers).map(|_| accrual()).collect();
    let clock = Cell::new(Duration::ZERO);
    let tick = || {
        clock.set(clock.get() + SECOND);
        NOW.set(clock.get());
    };
    let all = servers as usize;
    let times = compare(
        "record one heartbeat, random order",
        "each",
        40,
        &mut [
            Contender::prepared(
                "coldspare-heartbeat (boot, sequence, generation, disk)",
                tick,
                || {
                    round += 1;
                    let now = Time::after_epoch(clock.get());
                    let beat = beat(round);
                    for &number in &order {
                        black_box(ours.heard(slot(number), Path::First, &beat, now));
                    }
                    ours.poll(now);
                    all
                },
            ),
            Contender::new("a plain 32-byte record (the floor)", || {
                for &number in &order {
                    let cell = &mut flat[number as usize];
                    *cell = black_box([cell[0] + 1, 1, 2, 3]);
                }
                all
            }),
            Contender::prepared("phi-detector, in a map", tick, || {
                for number in &order {
                    if let Some(pinged) = window_map.get_mut(number) {
                        pinged.heard(clock.get());
                    }
                }
                all
            }),
            Contender::prepared("phi-detector, in an array", tick, || {
                for &number in &order {
                    windows[number as usize].heard(clock.get());
                }
                all
            }),
            Contender::prepared("phi-accrual-failure-detector, in a map", tick, || {
                for number in &order {
                    if let Some(accrual) = accrual_map.get_mut(number) {
                        accrual.heartbeat();
                    }
                }
                all
            }),
            Contender::prepared("phi-accrual-failure-detector, in an array", tick, || {
                for &number in &order {
                    accruals[number as usize].heartbeat();
                }
                all
            }),
        ],
    );
    for (peer, of, at_most) in [
        ("of phi-detector, in a map", times[2], 0.1),
        ("of phi-detector, in an array", times[3], 0.1),
        ("of phi-accrual-failure-detector, in a map", times[4], 0.05),
        (
            "of phi-accrual-failure-detector, in an array",
            times[5],
            0.05,
        ),
    ] {
        target(peer, times[0] / of, at_most);
        floor(times[0] / of, times[1] / of);
    }
}

/// All servers were heard, at times spread over a period; then everybody is looked at.
fn heard_at_random(detector: &mut Detector, servers: u32, base: Duration, sequence: u32) {
    let mut dice = Dice(7);
    for number in 0..servers {
        let at = base + Duration::from_millis(dice.roll() % 1_000);
        for path in Path::BOTH {
            detector.heard(slot(number), path, &beat(sequence), Time::after_epoch(at));
        }
    }
}

/// The longest sweep there can be: every bound has passed, and everybody is looked at.
///
/// A round is 1.5 s, so that the bounds of the last one, 2.1 s after its beats, have all passed when
/// this one is polled, and none by so much that the detector doubts its monitor.
fn longest_sweep<'a>(name: &'static str, servers: u32) -> Contender<'a> {
    let detector = Rc::new(RefCell::new((detector(servers), Duration::ZERO, 0)));
    let other = Rc::clone(&detector);
    Contender::prepared(
        name,
        move || {
            let (detector, base, round) = &mut *detector.borrow_mut();
            *round += 1;
            *base += Duration::from_millis(1_500);
            heard_at_random(detector, servers, *base, *round);
        },
        move || {
            let (detector, base, _) = &mut *other.borrow_mut();
            let findings = black_box(detector.poll(Time::after_epoch(*base + SECOND)));
            let alarms = findings
                .iter()
                .filter(|found| !matches!(found, Finding::Started { .. }));
            assert_eq!(alarms.count(), 0, "nobody is dead, and nobody was late");
            1
        },
    )
}

/// In service: a hundredth of the servers beat, then everybody who is overdue is looked for; so a
/// hundred times a second. Only the looking is measured.
fn in_service<'a>(name: &'static str, servers: u32) -> Contender<'a> {
    let mut detector = detector(servers);
    let order = Dice(42).shuffled(servers);
    let (mut second, mut round) = (Duration::ZERO, 0);
    Contender::timed(name, move || {
        round += 1;
        let beat = beat(round);
        let (mut looking, mut looks) = (Duration::ZERO, 0);
        for beating in order.chunks(servers as usize / 100) {
            let now = Time::after_epoch(second + Duration::from_millis(10) * looks);
            for &number in beating {
                for path in Path::BOTH {
                    detector.heard(slot(number), path, &beat, now);
                }
            }
            looking += timed(|| black_box(detector.poll(now))).0;
            looks += 1;
        }
        second += SECOND;
        (looking, looks as usize)
    })
}

fn who_is_dead() {
    let servers = servers();
    let now = SECOND * 10;
    NOW.set(now);
    let windows: Vec<Pinged> = (0..servers)
        .map(|_| {
            let mut pinged = pinged();
            for second in 1..10 {
                pinged.heard(SECOND * second + Duration::from_millis(u64::from(second)));
            }
            pinged
        })
        .collect();
    let accruals: Vec<Accrual> = (0..servers)
        .map(|_| {
            let accrual = accrual();
            for second in 1..10 {
                NOW.set(SECOND * second);
                accrual.heartbeat();
            }
            accrual
        })
        .collect();
    NOW.set(now);
    let flat: Vec<[u32; 2]> = (0..servers).map(|number| [number; 2]).collect();
    let times = compare(
        "who is dead?",
        "for all",
        60,
        &mut [
            in_service("coldspare-heartbeat, in service", servers),
            in_service(
                "coldspare-heartbeat, in service, ten times as many",
                servers * 10,
            ),
            longest_sweep("coldspare-heartbeat, everybody looked at anew", servers),
            longest_sweep(
                "coldspare-heartbeat, everybody of ten times as many",
                servers * 10,
            ),
            Contender::new("two times a server, in a flat array (the floor)", || {
                let limit = black_box(u32::MAX);
                black_box(
                    black_box(&flat)
                        .iter()
                        .filter(|&&[first, second]| first.max(second) == limit)
                        .count(),
                );
                1
            }),
            Contender::new("phi-detector", || {
                black_box(windows.iter().filter(|pinged| pinged.is_dead(now)).count());
                1
            }),
            Contender::new("phi-accrual-failure-detector", || {
                black_box(
                    accruals
                        .iter()
                        .filter(|accrual| !accrual.is_available())
                        .count(),
                );
                1
            }),
        ],
    );
    target(
        "in service, of phi-detector",
        times[0] / times[5],
        1.0 / 200.0,
    );
    target(
        "in service, ten times as many, times",
        times[1] / times[0],
        12.0,
    );
    target(
        "everybody looked at anew, of phi-detector",
        times[2] / times[5],
        1.0 / 200.0,
    );
    floor(times[2] / times[5], times[4] / times[5]);
    target(
        "everybody of ten times as many, times",
        times[3] / times[2],
        12.0,
    );
}

/// A second of life, in steps of 10 ms: in each a hundredth of the servers beat, and who is overdue
/// is looked for. Ours hear each beat over two paths, and both count as one.
fn record_and_expire() {
    let servers = servers();
    let order = Dice(42).shuffled(servers);
    let step = Duration::from_millis(10);
    let steps = order.chunks(servers as usize / 100);
    let limit = Duration::from_millis(2_100);
    let mut ours = detector(servers);
    let (mut round, mut second) = (0, Duration::ZERO);
    let mut deadlines: Vec<Duration> = vec![limit; servers as usize];
    let mut tree: BTreeSet<(Duration, u32)> = (0..servers).map(|n| (limit, n)).collect();
    let mut tree_second = Duration::ZERO;
    let times = compare(
        "record, and expire every 10 ms, at 1 Hz",
        "a beat",
        40,
        &mut [
            Contender::new("coldspare-heartbeat", || {
                round += 1;
                let beat = beat(round);
                for (number, beating) in steps.clone().enumerate() {
                    let elapsed = step * u32::try_from(number).unwrap_or_default();
                    let now = Time::after_epoch(second + elapsed);
                    for &number in beating {
                        ours.heard(slot(number), Path::First, &beat, now);
                        ours.heard(slot(number), Path::Second, &beat, now);
                    }
                    black_box(ours.poll(now));
                }
                second += SECOND;
                servers as usize
            }),
            Contender::new("a BTreeSet of deadlines", || {
                for (number, beating) in steps.clone().enumerate() {
                    let now = tree_second + step * u32::try_from(number).unwrap_or_default();
                    for &number in beating {
                        let deadline = &mut deadlines[number as usize];
                        tree.remove(&(*deadline, number));
                        *deadline = now + limit;
                        tree.insert((*deadline, number));
                    }
                    while tree.first().is_some_and(|&(deadline, _)| deadline <= now) {
                        black_box(tree.pop_first());
                    }
                }
                tree_second += SECOND;
                servers as usize
            }),
        ],
    );
    target("of a BTreeSet of deadlines", times[0] / times[1], 1.0 / 6.0);
}

/// Everybody falls silent, is asked about and held; and everybody comes back.
fn mass() {
    let servers = servers();
    let mut detector = detector(servers);
    let order = Dice(9).shuffled(servers);
    let (lost, ()) = timed(|| {
        let mut now = Time::EPOCH;
        while now < Time::EPOCH + SECOND * 3 {
            now = now + Duration::from_millis(10);
            black_box(detector.poll(now));
        }
    });
    let now = Time::EPOCH + SECOND * 3;
    let (back, ()) = timed(|| {
        for &number in &order {
            detector.heard(slot(number), Path::First, &beat(1), now);
        }
        black_box(detector.poll(now));
    });
    println!("\na mass event: all {servers} silent for 3 s, in racks of {RACK}, and back");
    println!(
        "  silent: {:.1} us a server",
        lost.as_secs_f64() * 1e6 / f64::from(servers)
    );
    println!(
        "  back:   {:.1} us a server",
        back.as_secs_f64() * 1e6 / f64::from(servers)
    );
}

fn memory() {
    let servers = servers();
    let names: Vec<Enrolment> = (0..servers).map(enrolment).collect();
    let key = AgentKey::new([1; 32]).unwrap_or_else(|error| panic!("{error}"));
    let mut kept = None;
    let info = allocation_counter::measure(|| {
        let detector = Detector::new(Profile::default(), Time::EPOCH);
        let mut intake = Intake::new(detector.unwrap_or_else(|error| panic!("{error}")));
        intake.reserve(servers as usize);
        for (number, enrolment) in names.iter().enumerate() {
            let slot = slot(u32::try_from(number).unwrap_or_default());
            intake.enrol(slot, enrolment, key.clone(), Time::EPOCH);
        }
        kept = Some(intake);
    });
    #[expect(clippy::cast_precision_loss, reason = "bytes for a person to read")]
    let bytes = info.bytes_current as f64 / f64::from(servers);
    println!("\nmemory, a key and two failure domains included");
    println!("  coldspare-heartbeat {bytes:>8.1} bytes a server");
    target("bytes a server", bytes, 72.0);
    black_box(kept);
}
