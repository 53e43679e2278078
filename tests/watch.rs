//! The monitor's example as a person or a script runs it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// What it finds, in order.
fn watch(arguments: &[&str]) -> Vec<Value> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args([
        "run",
        "--quiet",
        "--package",
        "coldspare-examples",
        "--example",
        "watch",
        "--",
        "--json",
    ]);
    let output = cargo.args(arguments).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{complaint}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line| serde_json::from_str(line).expect("nothing but objects");
    text.lines().map(line).collect()
}

fn slots(told: &[Value], finding: &str) -> BTreeSet<u64> {
    let told = told.iter().filter(|told| told["finding"] == finding);
    told.map(|told| told["slot"].as_u64().unwrap()).collect()
}

#[test]
fn an_agent_that_is_killed_is_found_dead_and_nobody_else() {
    let told = watch(&[
        "--processes",
        "3",
        "--agents",
        "500",
        "--kill",
        "5",
        "--for",
        "12",
    ]);
    assert_eq!(slots(&told, "started"), (0..503).collect());
    let judged: Vec<&Value> = told
        .iter()
        .filter(|told| told["finding"] == "judged")
        .collect();
    let [judged] = judged.as_slice() else {
        panic!("{judged:#?}");
    };
    assert_eq!(judged["slot"], 0);
    assert_eq!(judged["verdict"]["status"], "dead");
    assert_eq!(judged["verdict"]["row"], "powered-off");
    assert!(judged["at"].as_f64().unwrap() > 5.0);
}
