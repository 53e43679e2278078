//! The laboratory as an operator or a script runs it: the paper's failover on real parts.
//!
//! Where parts are missing nothing is tried, and that is said; with `CI=true` it is a failure.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

mod left_behind;
mod story;

/// One at a time: each keeps two processors busy.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The laboratory, built if it is not yet.
fn command(scenario: &str) -> Command {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root)
        .args(["run", "--quiet", "--package", "coldspare-examples"])
        .args(["--example", "lab", "--", "--json", "--scenario", scenario])
        .stdin(Stdio::null());
    cargo
}

/// What it printed, if this machine has what it needs.
fn lab(scenario: &str) -> Option<Vec<Value>> {
    let _alone = alone();
    let output = command(scenario).output().unwrap();
    if lacks_parts(&output) {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{said}\n{lines:#?}");
    Some(lines)
}

/// Says so, past the test harness, which hides what a passing test prints.
fn lacks_parts(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let lacks = output.status.code() == Some(2) && said.contains("this machine lacks");
    if lacks {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{said}");
        let _ = writeln!(std::io::stderr(), "NOT RUN: {said}");
    }
    lacks
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let objects = text.lines().map(serde_json::from_str);
    objects
        .collect::<Result<_, _>>()
        .expect("nothing but objects")
}

/// The persona is on that server, the disk tells of one writer, and nobody died in vain.
fn assert_restored(lines: &[Value], home: &str) {
    let report = lines.last().unwrap();
    assert_eq!(report["event"], "report");
    assert_eq!(report["restored"], true, "{report:#}");
    assert_eq!(report["home"]["web-1"], home);
    assert_eq!(report["violations"], serde_json::json!([]));
    let generations = report["disk"]["records"].as_object().unwrap();
    assert!(generations.len() > 1, "{generations:?}");
    assert!(report["disk"]["acknowledged"].as_u64().unwrap() > 0);
}

#[test]
fn a_persona_whose_server_loses_power_comes_back_as_the_simulation_tells_it() {
    if let Some(lines) = lab("power") {
        assert_restored(&lines, "r2");
        story::assert_same(&lines);
    }
}

#[test]
fn a_failover_goes_on_in_whatever_stage_its_controller_is_killed() {
    if let Some(lines) = lab("controller") {
        assert_restored(
            &lines,
            lines.last().unwrap()["home"]["web-1"].as_str().unwrap(),
        );
        let kills = lines.iter().filter(|line| {
            let reason = line["reason"].as_str().unwrap_or_default();
            line["event"] == "fault" && reason.starts_with("the controller is killed in stage")
        });
        let kills = kills.count();
        assert!(kills >= 5, "{kills} kills: {lines:#?}");
    }
}

#[test]
fn a_failover_whose_leader_is_killed_is_ended_by_another() {
    if let Some(lines) = lab("follower") {
        assert_restored(&lines, "r2");
    }
}

#[test]
fn a_server_that_thaws_after_its_persona_was_taken_can_do_no_harm() {
    if let Some(lines) = lab("feed") {
        assert_restored(&lines, "r2");
        let isolated = lines.iter().any(|line| {
            line["event"] == "fenced" && line["reason"].as_str().unwrap().contains("parked")
        });
        assert!(isolated, "fenced by isolation: {lines:#?}");
    }
}

#[test]
fn a_server_that_has_power_again_boots_what_its_nic_remembers_and_gets_nowhere() {
    if let Some(lines) = lab("return") {
        assert_restored(&lines, "r2");
        let spares = lines.last().unwrap()["spares"].as_array().unwrap();
        assert!(spares.contains(&"r1".into()), "{spares:?}");
    }
}
