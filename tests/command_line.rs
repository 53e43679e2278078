//! The main job as an operator or a script runs it: what is printed, and how it exits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// The program, built if it is not yet.
fn study(arguments: &[&str]) -> Output {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root)
        .args(["run", "--quiet", "--package", "coldspare-examples"]);
    cargo
        .args(["--example", "study", "--"])
        .args(arguments)
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("nothing but objects"))
        .collect()
}

#[test]
fn json_is_one_object_a_line_and_the_report_is_the_last() {
    let output = study(&["--json"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&output);
    let (report, events) = lines.split_last().unwrap();
    assert_eq!(report["event"], "report");
    assert_eq!(report["restored"], true);
    assert_eq!(report["home"]["exchange-1"], "r720-3");
    assert_eq!(report["active"]["Database-1"], "exchange-1");
    assert_eq!(report["violations"], serde_json::json!([]));
    let degraded = report["degraded_seconds"].as_f64().unwrap();
    assert!(
        degraded > 0.0 && degraded < 3_600.0,
        "the paper: less than an hour"
    );
    let at: Vec<f64> = events
        .iter()
        .map(|event| event["at"].as_f64().unwrap())
        .collect();
    assert!(at.is_sorted(), "in the order of time");
    assert_eq!(
        study(&["--json"]).stdout,
        output.stdout,
        "the same seed, the same bytes"
    );
}

#[test]
fn what_is_not_restored_exits_3_and_says_so() {
    let output = study(&["--json", "--site", "examples/sites/two-pools.toml"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(lines(&output).last().unwrap()["restored"], false);
}

#[test]
fn bad_input_exits_2_with_file_line_and_reason() {
    let output = study(&["--site", "examples/scenarios/power-loss.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("examples/scenarios/power-loss.toml:"),
        "{told}"
    );
    assert!(output.stdout.is_empty());
    assert_eq!(
        study(&["--scenario", "no/such/file"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_plan_says_where_to_why_not_elsewhere_and_how_long() {
    let output = study(&["--plan"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    for part in [
        "to r720-3",
        "wears exchange-2",
        "power off r720-1",
        "within its objective",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
