//! How fast failures are found, and how often wolf is cried: ours over seeded traces, and the peers'
//! at equal detection time.
//!
//! By default a slice; with `--long` as much as the project promises (minutes, on all cores).

#[path = "../../crates/coldspare-heartbeat/tests/traces/mod.rs"]
mod traces;

mod rivals;

use std::time::Duration;

use coldspare_heartbeat::Profile;
use traces::scene::{Outcome, Scene};
use traces::weather::Loss;
use traces::world::play;

const HOUR: u64 = 3_600_000;
/// Of one world: small enough for a processor's own memory, so that many hours pass in one.
const SERVERS: u32 = 500;

const WEATHERS: [(&str, Loss); 5] = [
    (
        "1 % lost",
        Loss {
            share: 0.01,
            burst: 0,
        },
    ),
    (
        "5 % lost",
        Loss {
            share: 0.05,
            burst: 0,
        },
    ),
    (
        "20 % lost",
        Loss {
            share: 0.20,
            burst: 0,
        },
    ),
    (
        "5 % lost in bursts",
        Loss {
            share: 0.05,
            burst: 250,
        },
    ),
    (
        "20 % lost in bursts",
        Loss {
            share: 0.20,
            burst: 250,
        },
    ),
];

fn has(flag: &str) -> bool {
    std::env::args().any(|argument| argument == flag)
}

/// Server-hours: so many in the long run, fewer by default.
fn hours(long: f64) -> f64 {
    match (has("--test"), has("--long")) {
        (true, _) => long / 10_000.0,
        (_, true) => long,
        _ => long / 20.0,
    }
}

fn main() {
    println!(
        "heartbeat-traces: bursts last 250 ms on average; one datagram in a hundred is delayed"
    );
    println!("by a heavy tail (Pareto, 1.2, from 10 ms)");
    at_equal_detection_time();
    promises();
}

/// Plays on all cores, each its own part.
fn play_on_all(scene: &Scene, server_hours: f64) -> Outcome {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = u32::try_from(cores).unwrap_or(1);
    let each = server_hours / f64::from(scene.servers) / f64::from(parts);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let start = |seed| scope.spawn(move || play(scene, each, u64::from(seed) + 11));
        let playing: Vec<_> = (0..parts).map(start).collect();
        playing
            .into_iter()
            .filter_map(|part| part.join().ok())
            .collect()
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        all.server_hours += outcome.server_hours;
        all.false_failovers += outcome.false_failovers;
        all.suspicions += outcome.suspicions;
        all.power_losses.extend(outcome.power_losses);
        all.panics.extend(outcome.panics);
    }
    all
}

fn mean(times: &[u64]) -> f64 {
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    Duration::from_millis(times.iter().sum()).as_secs_f64() / f64::from(count.max(1))
}

fn worst(times: &[u64]) -> f64 {
    Duration::from_millis(times.iter().max().copied().unwrap_or_default()).as_secs_f64()
}

fn report(name: &str, outcome: &Outcome) {
    println!(
        "  {name:<52} {:>9.0} server-hours  {:>8} suspicions  {:>3} false",
        outcome.server_hours, outcome.suspicions, outcome.false_failovers
    );
    for (kind, times) in [
        ("power loss", &outcome.power_losses),
        ("panic", &outcome.panics),
    ] {
        if !times.is_empty() {
            println!(
                "    {kind:<10} found {:>7} times in {:.2} s on average, {:.2} s at worst",
                times.len(),
                mean(times),
                worst(times)
            );
        }
    }
}

fn promises() {
    println!("\nWhat is promised: false failovers 0");
    let default = Scene {
        servers: SERVERS,
        rack: 40,
        loss: Loss {
            share: 0.05,
            burst: 250,
        },
        stalls: Some((HOUR, 5_000)),
        failures: Some(20 * HOUR),
        ..Scene::fair()
    };
    let outcome = play_on_all(&default, hours(1_000_000.0));
    report("default, with witnesses, bursts, stalls of 5 s", &outcome);
    for (name, loss) in WEATHERS {
        let scene = Scene {
            profile: Profile::without_witnesses(),
            servers: SERVERS,
            rack: 40,
            witnesses: false,
            loss,
            ..Scene::fair()
        };
        let outcome = play_on_all(&scene, hours(100_000.0));
        report(&format!("no witness, 3 s, {name}"), &outcome);
    }
    let fast = Scene {
        profile: Profile::fast(),
        servers: if has("--test") { 100 } else { 10_000 },
        rack: 40,
        witnesses: false,
        loss: Loss {
            share: 0.01,
            burst: 0,
        },
        failures: Some(200 * HOUR),
        slice: 5,
        ..Scene::fair()
    };
    report(
        "every 100 ms, 10,000 servers, 1 % lost",
        &play_on_all(&fast, hours(10_000.0)),
    );
}

/// Each judges 3 s after it last heard somebody, on average; how often is it wrong?
fn at_equal_detection_time() {
    let server_hours = hours(10_000.0);
    println!("\nFalse failovers in 1,000 server-hours, all judging 3.0 s after the last heartbeat");
    print!("  {:<44}", "");
    for (name, _) in WEATHERS {
        print!(" {name:>20}");
    }
    println!(" {:>20}", "stalls of 5 s, 1 %");
    let stalls = [None; WEATHERS.len()]
        .into_iter()
        .chain([Some((HOUR, 5_000))]);
    let losses = WEATHERS
        .iter()
        .map(|&(_, loss)| loss)
        .chain([WEATHERS[0].1]);
    let kinds: Vec<(Loss, Option<(u64, u64)>)> = losses.zip(stalls).collect();
    for rival in rivals::all() {
        print!("  {:<44}", rival.name);
        for &(loss, stalls) in &kinds {
            let wrong = rivals::false_failovers(&rival, loss, stalls, server_hours);
            print!(" {:>20.2}", wrong * 1_000.0 / server_hours);
        }
        println!();
    }
    for (name, witnesses) in [
        ("ours: two paths, probes", false),
        ("ours: two paths, probes, witnesses", true),
    ] {
        print!("  {name:<44}");
        for &(loss, stalls) in &kinds {
            let scene = Scene {
                profile: if witnesses {
                    Profile::default()
                } else {
                    Profile::without_witnesses()
                },
                servers: SERVERS,
                rack: 40,
                witnesses,
                loss,
                stalls,
                ..Scene::fair()
            };
            let outcome = play_on_all(&scene, server_hours);
            let wrong = f64::from(u32::try_from(outcome.false_failovers).unwrap_or(u32::MAX));
            print!(" {:>20.2}", wrong * 1_000.0 / outcome.server_hours);
        }
        println!();
    }
}
