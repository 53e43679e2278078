//! What shells print, read: the forms that were seen, and everything else.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{CopyStatus, QueueLength, Version};

fn printed() -> Value {
    json!({
        "DatabaseAvailabilityGroup": {
            "Name": "DAG1", "Servers": ["EX1", "EX2"], "OperationalServers": "ex1",
            "PrimaryActiveManager": "EX1", "WitnessServer": "fs1.example.com",
            "WitnessShareInUse": "Primary", "PreferenceMoveFrequency": "01:00:00",
        },
        "MailboxServers": [
            { "Name": "EX1", "AdminDisplayVersion": "Version 15.2 (Build 986.5)",
              "AutoDatabaseMountDial": { "value": 6, "Value": "GoodAvailability" },
              "Site": "example.com/Configuration/Sites/North", "MaximumActiveDatabases": null },
            { "Name": "EX2", "MaximumActiveDatabases": "7" },
        ],
        "MailboxDatabases": {
            "Name": "Mailbox Database 1", "MountedOnServer": "EX1.example.com", "Mounted": true,
            "ActivationPreference": [{ "Key": "EX1", "Value": 1 }, { "Key": "EX2", "Value": 2 }],
            "ReplayLagTimes": [{ "Key": "EX2", "Value": "7.00:00:00" }],
        },
        "CopyStatus": [
            { "Identity": "Mailbox Database 1\\EX2", "Status": "Failed and Suspended",
              "CopyQueueLength": "9223372036854775806", "ReplayQueueLength": 3, "RunspaceId": "?" },
            { "Identity": "Mailbox Database 1\\EX1", "Status": "Mounted", "LastLogGenerated": 0 },
        ],
    })
}

#[test]
fn the_forms_that_shells_print_are_read() {
    let Group { dag, copies } = read_group(&printed()).unwrap();
    assert_eq!(dag.version, Version::V2019);
    assert_eq!(dag.preference_moves, Some(Duration::from_hours(1)));
    assert_eq!(dag.witness.as_ref().unwrap().server.as_str(), "fs1");
    let [first, second] = ["EX1", "EX2"].map(|name| name.parse::<MemberName>().unwrap());
    assert_eq!(
        dag.members[&first].node,
        NodeState::Up,
        "EX1 and ex1 are one server"
    );
    assert_eq!(dag.members[&second].node, NodeState::Down);
    assert_eq!(dag.members[&first].site.as_str(), "North");
    assert_eq!(dag.members[&second].policy.maximum_active, Some(7));
    let database = dag.databases.values().next().unwrap();
    assert_eq!((&database.active, database.mounted), (&first, true));
    assert_eq!(
        database.copies[&second].replay_lag,
        Duration::from_hours(7 * 24)
    );
    assert!(
        copies[0].active && copies[0].logs.is_none(),
        "zeros of an active copy are no logs"
    );
    assert_eq!(copies[1].status, CopyStatus::FailedAndSuspended);
    assert_eq!(
        copies[1].copy_queue,
        QueueLength::UNKNOWN,
        "a sentinel is no number"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    type Change = fn(&mut Value);
    let table: [(Change, &str); 8] = [
        (
            |v| v["CopyStatus"][0]["Status"] = json!("Fine"),
            "CopyStatus[0].Status: \"Fine\" is no status of a database copy",
        ),
        (
            |v| v["CopyStatus"][0]["Status"] = json!(11),
            "CopyStatus[0].Status: a name is expected, not a number",
        ),
        (
            |v| v["CopyStatus"][1]["Identity"] = json!("Mailbox Database 1"),
            "CopyStatus[1].Identity: \"Mailbox Database 1\" is no copy identity",
        ),
        (
            |v| v["CopyStatus"][1]["Identity"] = json!("MAILBOX Database 1\\ex2"),
            "CopyStatus[1].Identity: the copy is listed twice",
        ),
        (
            |v| v["MailboxDatabases"]["ActivationPreference"][1]["Value"] = json!(0),
            "MailboxDatabases.ActivationPreference: an activation preference is a number from 1 on",
        ),
        (
            |v| v["MailboxDatabases"]["ReplayLagTimes"][0]["Value"] = json!("a week"),
            "MailboxDatabases.ReplayLagTimes[0].Value: a span of time is expected",
        ),
        (
            |v| v["DatabaseAvailabilityGroup"] = Value::Null,
            "DatabaseAvailabilityGroup: it is missing",
        ),
        (
            |v| v["MailboxServers"][0]["AdminDisplayVersion"] = json!("Version 8.3"),
            "MailboxServers[0].AdminDisplayVersion: it is no version of Exchange",
        ),
    ];
    for (change, told) in table {
        let mut printed = printed();
        change(&mut printed);
        let error = read_group(&printed).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn without_status_nothing_is_known_of_nodes() {
    let mut printed = printed();
    printed["DatabaseAvailabilityGroup"]["OperationalServers"] = Value::Null;
    let dag = read_group(&printed).unwrap().dag;
    assert!(
        dag.members
            .values()
            .all(|member| member.node == NodeState::Unknown)
    );
}

#[test]
fn a_group_that_was_restored_tells_who_was_left_behind_and_which_witness_it_uses() {
    let mut printed = printed();
    let group = &mut printed["DatabaseAvailabilityGroup"];
    group["StoppedMailboxServers"] = json!(["ex2"]);
    group["AlternateWitnessServer"] = json!("fs2.example.com");
    group["WitnessShareInUse"] = json!("Alternate");
    let dag = read_group(&printed).unwrap().dag;
    assert_eq!(dag.witness_in_use().unwrap().server.as_str(), "fs2");
    let started: Vec<&str> = dag.started().map(MemberName::as_str).collect();
    assert_eq!(started, ["EX1"]);
    printed["DatabaseAvailabilityGroup"]["StoppedMailboxServers"] = json!("EX9");
    let told = read_group(&printed).unwrap_err().to_string();
    let expected = "DatabaseAvailabilityGroup: EX9 is stopped and is no member";
    assert_eq!(told, expected);
}

#[test]
fn a_member_that_is_in_neither_list_is_told_and_only_when_the_lists_are() {
    let unlisted = |started: Value, stopped: Value| -> Vec<String> {
        let mut printed = printed();
        printed["DatabaseAvailabilityGroup"]["StartedMailboxServers"] = started;
        printed["DatabaseAvailabilityGroup"]["StoppedMailboxServers"] = stopped;
        let members = read_group(&printed).unwrap().dag.unlisted.into_iter();
        members.map(|member| member.to_string()).collect()
    };
    assert_eq!(unlisted(json!("ex1"), Value::Null), ["EX2"]);
    assert_eq!(unlisted(json!(["EX1"]), json!("ex2")), [""; 0]);
    assert_eq!(unlisted(json!(["EX1", "EX2"]), Value::Null), [""; 0]);
    assert_eq!(unlisted(Value::Null, Value::Null), [""; 0]);
}

#[test]
fn a_lag_that_is_switched_off_is_told_and_none_is_not() {
    for (status, off) in [
        (
            json!(
                "Enabled:False; PlayDownReason:LagDisabled; Configured:7.00:00:00; Actual:00:00:01"
            ),
            true,
        ),
        (
            json!("Enabled:True; PlayDownReason:None; Configured:7.00:00:00; Actual:7.00:00:00"),
            false,
        ),
        (
            json!(
                "Enabled:False; PlayDownReason:None; Percentage:0; Configured:00:00:00; MaxDelay:1.00:00:00"
            ),
            false,
        ),
        (Value::Null, false),
    ] {
        let mut printed = printed();
        printed["CopyStatus"][0]["ReplayLagStatus"] = status.clone();
        let copies = read_group(&printed).unwrap().copies;
        assert_eq!(copies[1].replay_lag_off, off, "{status}");
    }
}

#[test]
fn versions_are_told_by_their_builds() {
    for (text, version) in [
        ("Version 14.2 (Build 247.5)", Version::V2010),
        ("Version 15.0 (Build 516.32)", Version::V2013Cu1),
        ("Version 15.0 (Build 620.29)", Version::V2013Cu1),
        ("Version 15.0 (Build 712.24)", Version::V2013),
        ("Version 15.0 (Build 1497.2)", Version::V2013),
        ("Version 15.1 (Build 2507.6)", Version::V2016),
        ("Version 15.2 (Build 1544.4)", Version::V2019),
        ("Version 15.2 (Build 2562.17)", Version::SubscriptionEdition),
    ] {
        let mut printed = printed();
        printed["MailboxServers"][0]["AdminDisplayVersion"] = json!(text);
        assert_eq!(read_group(&printed).unwrap().dag.version, version, "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("Name|Value|Key|Status|Identity", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_reader_panic(
        junk in any_json(),
        place in prop::sample::select(&[
            "", "/DatabaseAvailabilityGroup", "/MailboxServers", "/MailboxServers/0", "/CopyStatus",
            "/MailboxServers/0/AdminDisplayVersion", "/MailboxDatabases", "/CopyStatus/0",
            "/MailboxDatabases/ActivationPreference", "/CopyStatus/0/CopyQueueLength",
        ][..]),
    ) {
        let mut printed = printed();
        *printed.pointer_mut(place).unwrap() = junk;
        let _ = read_group(&printed);
    }
}
