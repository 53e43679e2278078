//! The detector over traces: it is fast, and does not cry wolf. A slice of what the bench
//! `heartbeat-traces` plays at length.

#[path = "traces/mod.rs"]
mod traces;

use std::time::Duration;

use coldspare_heartbeat::{Path, Profile};
use traces::scene::{Cut, Scene, Way};
use traces::weather::Loss;
use traces::world::play;

const HOUR: u64 = 3_600_000;

fn mean(times: &[u64]) -> f64 {
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    let sum: u64 = times.iter().sum();
    Duration::from_millis(sum).as_secs_f64() / f64::from(count.max(1))
}

/// The weather of the default configuration.
fn rough() -> Scene {
    Scene {
        loss: Loss {
            share: 0.05,
            burst: 250,
        },
        stalls: Some((HOUR, 5_000)),
        ..Scene::fair()
    }
}

#[test]
fn with_witnesses_nobody_is_failed_over_for_nothing_and_failures_are_found_fast() {
    let scene = Scene {
        failures: Some(HOUR / 2),
        ..rough()
    };
    let outcome = play(&scene, 3.0, 1);
    assert_eq!(outcome.false_failovers, 0);
    assert_eq!(outcome.contradictions, 0, "no witness lies");
    assert!(outcome.suspicions > 250, "the stalls were noticed");
    let (power, panic) = (mean(&outcome.power_losses), mean(&outcome.panics));
    assert!(outcome.power_losses.len() > 100 && power <= 3.0, "{power}");
    assert!(outcome.panics.len() > 100 && panic <= 9.0, "{panic}");
}

#[test]
fn without_witnesses_two_paths_and_probes_survive_every_kind_of_loss() {
    for (share, burst) in [(0.01, 0), (0.05, 0), (0.20, 0), (0.05, 250), (0.20, 250)] {
        let scene = Scene {
            profile: Profile::without_witnesses(),
            witnesses: false,
            loss: Loss { share, burst },
            ..Scene::fair()
        };
        let outcome = play(&scene, 1.0, 2);
        assert_eq!(outcome.false_failovers, 0, "{share} {burst}");
    }
}

/// A switch that silences a rack of twenty for 90 s; nobody can be asked.
fn rack_brown_out_of(servers: u32) -> Scene {
    let cut = Cut {
        servers: 0..20,
        paths: Path::BOTH.to_vec(),
        way: Way::Both,
        from: 60_000,
        until: 150_000,
        spread: 20_000,
    };
    Scene {
        profile: Profile::without_witnesses(),
        servers,
        witnesses: false,
        loss: Loss {
            share: 0.01,
            burst: 0,
        },
        cuts: vec![cut],
        ..Scene::fair()
    }
}

#[test]
fn a_rack_switch_that_silences_its_servers_for_90_s_is_named_and_nobody_fenced() {
    for servers in [40, 60, 200] {
        let outcome = play(&rack_brown_out_of(servers), 0.2, 3);
        assert_eq!(outcome.false_failovers, 0, "20 of {servers}");
        let switch = r#"Shared({"switch of rack 0"})"#;
        let named: Vec<_> = outcome.causes.keys().map(String::as_str).collect();
        assert_eq!(named, [switch], "20 of {servers}");
        // A rule that holds once half of all are silent would have fenced them in the larger two.
        let holds_by_half = outcome.most_silent * 2 >= servers;
        assert_eq!(holds_by_half, servers == 40, "20 of {servers}");
    }
}

#[test]
fn a_rack_without_heartbeats_whose_witnesses_answer_is_named_and_nobody_fenced_either() {
    for servers in [40, 60, 200] {
        let scene = Scene {
            profile: Profile::default(),
            servers,
            witnesses: true,
            ..rack_brown_out_of(servers)
        };
        let outcome = play(&scene, 0.2, 3);
        assert_eq!(outcome.false_failovers, 0, "20 of {servers}");
        let switch = r#"Shared({"switch of rack 0"})"#;
        assert!(outcome.causes.contains_key(switch), "20 of {servers}");
    }
}

#[test]
fn where_management_controllers_never_answer_the_san_finds_the_dead_and_spares_the_living() {
    let scene = Scene {
        dead_controllers: 2,
        failures: Some(HOUR / 2),
        ..rough()
    };
    let outcome = play(&scene, 2.0, 11);
    assert_eq!((outcome.false_failovers, outcome.contradictions), (0, 0));
    let longest = outcome.power_losses.iter().chain(&outcome.panics).max();
    assert!(outcome.power_losses.len() > 50 && outcome.panics.len() > 50);
    assert!(longest <= Some(&60_000), "{longest:?}");
}

#[test]
fn a_path_lost_in_a_whole_rack_is_told_for_each_and_suspects_nobody() {
    let cut = Cut {
        servers: 0..20,
        paths: vec![Path::Second],
        way: Way::Both,
        from: 60_000,
        until: 150_000,
        spread: 0,
    };
    let scene = Scene {
        cuts: vec![cut],
        ..Scene::fair()
    };
    let outcome = play(&scene, 0.1, 4);
    assert_eq!((outcome.degraded, outcome.restored), (20, 20));
    assert_eq!(outcome.suspicions, 0);
}

#[test]
fn a_rack_that_falls_silent_again_is_held_again() {
    // While the first hold still waits for stragglers, and long after.
    for again in [170_000, 600_000] {
        let cut = |from| Cut {
            servers: 0..20,
            paths: Path::BOTH.to_vec(),
            way: Way::Both,
            from,
            until: from + 60_000,
            spread: 10_000,
        };
        let scene = Scene {
            profile: Profile::without_witnesses(),
            servers: 60,
            witnesses: false,
            cuts: vec![cut(60_000), cut(again)],
            ..Scene::fair()
        };
        let outcome = play(&scene, 0.3, 11);
        assert_eq!(outcome.false_failovers, 0, "again after {again} ms");
        assert!(outcome.suspicions >= 40, "each of the twenty, twice");
        let switch = r#"Shared({"switch of rack 0"})"#;
        let named: Vec<_> = outcome.causes.keys().map(String::as_str).collect();
        assert_eq!(named, [switch], "again after {again} ms");
    }
}

#[test]
fn a_server_that_was_cut_off_and_came_back_is_suspected_again_when_it_is_cut_off_again() {
    let cut = |from| Cut {
        servers: 0..1,
        paths: Path::BOTH.to_vec(),
        way: Way::Both,
        from,
        until: from + 30_000,
        spread: 0,
    };
    let scene = Scene {
        cuts: vec![cut(60_000), cut(100_000), cut(300_000)],
        ..Scene::fair()
    };
    let outcome = play(&scene, 0.2, 12);
    assert_eq!((outcome.suspicions, outcome.false_failovers), (3, 0));
}

#[test]
fn a_path_that_carries_in_one_direction_only_fails_nobody_over() {
    let play_cut = |way, paths: &[Path]| {
        let cut = Cut {
            servers: 0..20,
            paths: paths.to_vec(),
            way,
            from: 60_000,
            until: 150_000,
            spread: 0,
        };
        let scene = Scene {
            cuts: vec![cut],
            ..Scene::fair()
        };
        let outcome = play(&scene, 0.1, 13);
        assert_eq!(outcome.false_failovers, 0, "{way:?} {paths:?}");
        (outcome.suspicions, outcome.degraded, outcome.restored)
    };
    // What does not reach the servers are probes alone, and nobody needs one.
    assert_eq!(play_cut(Way::ToServer, &Path::BOTH), (0, 0, 0));
    assert_eq!(play_cut(Way::ToMonitor, &[Path::First]), (0, 20, 20));
    assert_eq!(play_cut(Way::ToMonitor, &Path::BOTH).0, 20);
}

#[test]
fn everybody_lost_and_back_is_nobody_failed_over() {
    for (witnesses, seed) in [(true, 5), (false, 6)] {
        let cut = Cut {
            servers: 0..100,
            paths: Path::BOTH.to_vec(),
            way: Way::Both,
            from: 60_000,
            until: 360_000,
            spread: 30_000,
        };
        let scene = Scene {
            cuts: vec![cut],
            witnesses,
            ..Scene::fair()
        };
        assert_eq!(play(&scene, 0.3, seed).false_failovers, 0);
    }
}

#[test]
fn a_monitor_that_stands_still_again_and_again_fails_nobody_over() {
    let scene = Scene {
        profile: Profile::without_witnesses(),
        witnesses: false,
        monitor_stalls: Some((120_000, 8_000)),
        loss: Loss {
            share: 0.01,
            burst: 0,
        },
        ..Scene::fair()
    };
    let outcome = play(&scene, 1.0, 7);
    assert_eq!(outcome.false_failovers, 0);
    assert!(outcome.causes["MonitorStopped"] > 10);
}

#[test]
fn what_is_played_back_keeps_no_dead_server_alive_and_hurts_no_living_one() {
    let scene = Scene {
        failures: Some(HOUR / 2),
        replays: 0.5,
        ..rough()
    };
    let outcome = play(&scene, 1.0, 10);
    assert_eq!(outcome.false_failovers, 0);
    let (power, panic) = (mean(&outcome.power_losses), mean(&outcome.panics));
    assert!(outcome.power_losses.len() > 50 && power <= 3.0, "{power}");
    assert!(outcome.panics.len() > 50 && panic <= 9.0, "{panic}");
}

#[test]
fn clocks_that_run_wrong_change_nothing() {
    let scene = Scene {
        drift: 20_000,
        ..Scene::fair()
    };
    let outcome = play(&scene, 0.5, 8);
    assert_eq!((outcome.suspicions, outcome.degraded), (0, 0));
}

#[test]
fn at_a_tenth_of_a_second_it_is_found_in_half_of_one() {
    let scene = Scene {
        profile: Profile::fast(),
        witnesses: false,
        failures: Some(HOUR),
        loss: Loss {
            share: 0.01,
            burst: 0,
        },
        slice: 5,
        ..Scene::fair()
    };
    let outcome = play(&scene, 1.0, 9);
    assert_eq!(outcome.false_failovers, 0);
    let found: Vec<u64> = outcome
        .power_losses
        .iter()
        .chain(&outcome.panics)
        .copied()
        .collect();
    assert!(found.len() > 30 && mean(&found) <= 0.5, "{}", mean(&found));
}

#[test]
fn the_same_seed_plays_the_same_story() {
    let scene = Scene {
        failures: Some(HOUR),
        ..rough()
    };
    let tell = |seed| format!("{:?}", play(&scene, 0.5, seed));
    assert_eq!(tell(1), tell(1));
    assert_ne!(tell(1), tell(2));
}
