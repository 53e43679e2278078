//! What an operator or a script sees of the rebalancing example: findings, and bad input refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const SAMPLE: &str = "examples/dags/after-a-failover.json";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program, built if it is not yet, run from the root with something to read.
fn rebalance(arguments: &[&str], input: &[u8]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
        .args(["run", "--quiet", "--package", "coldspare-examples"])
        .args(["--example", "rebalance", "--"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = cargo.spawn().unwrap();
    // A program that refuses its arguments does not wait for what it could read.
    let _ = running.stdin.take().unwrap().write_all(input);
    running.wait_with_output().unwrap()
}

fn sample() -> Value {
    serde_json::from_slice(&std::fs::read(root().join(SAMPLE)).unwrap()).unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Bad input: exit 2, nothing on stdout, and the reason as it is told.
fn refused(arguments: &[&str], input: &[u8]) -> String {
    let output = rebalance(arguments, input);
    let reason = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{reason}");
    assert!(output.stdout.is_empty(), "nothing is found");
    reason
}

#[test]
fn a_person_is_told_what_is_wrong_what_would_be_done_and_what_each_server_carries() {
    let output = rebalance(&[SAMPLE], b"");
    assert_eq!(output.status.code(), Some(0));
    let told = told(&output);
    for part in [
        "DAG1: 2 members, 2 databases",
        "Database-1 is active on EXCHANGE2, not on EXCHANGE1",
        "resume Database-2\\EXCHANGE1: it is FailedAndSuspended",
        "move Database-1 from EXCHANGE2 (preference 2) to EXCHANGE1 (preference 1)",
        "2 -> 1   active",
        "240.000 -> 240.000 IOPS",
        "further losses cost the quorum",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_script_gets_one_object_with_the_same_findings() {
    let output = rebalance(&["--json", SAMPLE], b"");
    assert_eq!(output.status.code(), Some(0));
    let found: Value = serde_json::from_str(told(&output).trim()).unwrap();
    let planned = &found["redistribution"]["moves"][0];
    assert_eq!(planned["database"], "Database-1");
    assert_eq!(planned["to"], "EXCHANGE1");
    assert_eq!(found["counters"]["moved"], 1);
    assert_eq!(found["repair"][0]["reason"], "failed-and-suspended");
    let before = &found["distribution"]["before"][1];
    assert_eq!(
        (&before["ServerName"], &before["ActiveDbs"]),
        (&json!("EXCHANGE2"), &json!(2))
    );
}

#[test]
fn standard_input_is_read_like_a_file_and_a_byte_order_mark_does_no_harm() {
    let marked = [b"\xef\xbb\xbf", sample().to_string().as_bytes()].concat();
    let from_file = rebalance(&["--json", SAMPLE], b"");
    let from_input = rebalance(&["--json", "-"], &marked);
    assert_eq!(from_input.status.code(), Some(0));
    assert_eq!(from_input.stdout, from_file.stdout);
}

#[test]
fn what_was_suspended_before_the_failure_is_left_alone() {
    let directory = std::env::temp_dir().join(format!("rebalance-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, status: &str| {
        let mut group = sample();
        group["CopyStatus"][2]["Status"] = json!(status);
        let path = directory.join(name);
        std::fs::write(&path, group.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (suspended, healthy) = (file("suspended", "Suspended"), file("healthy", "Healthy"));
    let repair = |before: &str| {
        let output = rebalance(&["--json", "--before", before, &suspended], b"");
        let found: Value = serde_json::from_str(told(&output).trim()).unwrap();
        found["repair"].as_array().unwrap().len()
    };
    assert_eq!(repair(&suspended), 0, "somebody wanted that");
    assert_eq!(repair(&healthy), 1, "nobody wanted that");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn bad_input_exits_2_with_path_and_reason() {
    type Change = fn(&mut Value);
    let changed = |change: Change| {
        let mut group = sample();
        change(&mut group);
        refused(&["-"], group.to_string().as_bytes())
    };
    let table: [(Change, &str); 5] = [
        (
            |v| v["CopyStatus"][1]["Status"] = json!("Fine"),
            "CopyStatus[1].Status: \"Fine\" is no status of a database copy",
        ),
        (
            |v| v["DatabaseAvailabilityGroup"] = json!(null),
            "DatabaseAvailabilityGroup: it is missing",
        ),
        (
            |v| v["MailboxDatabases"][0]["ActivationPreference"][0]["Value"] = json!(3),
            "has preference 3: each of 1 to 2 once is allowed",
        ),
        (
            |v| v["Load"]["databases"]["Database-1"]["mailboxes"] = json!("many"),
            "Load: ",
        ),
        (|v| *v = json!([1, 2]), "DatabaseAvailabilityGroup"),
    ];
    for (change, reason) in table {
        let told = changed(change);
        assert!(told.starts_with("-: ") && told.contains(reason), "{told}");
    }
    assert!(refused(&["no/such/file"], b"").starts_with("no/such/file: "));
    let half = refused(&["-"], b"{\"CopyStatus\": [");
    assert!(half.contains("line 1"), "{half}");
    refused(&["-"], b"");
    refused(&["-"], &[0, 159, 146, 150]);
    refused(&["--by", "chance", SAMPLE], b"");
    let before = refused(&["--before", "no/such/file", SAMPLE], b"");
    assert!(before.starts_with("no/such/file: "), "{before}");
}
