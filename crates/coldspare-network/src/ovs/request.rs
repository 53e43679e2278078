//! Operations on the database as values (RFC 7047, 5.2).

use std::collections::BTreeMap;

use coldspare_names::PortName;
use serde_json::{Value, json};

use super::columns::{Bridge, Port, Vlans};
use crate::{Observed, SwitchPlan};

pub(super) fn transact(operations: Vec<Value>) -> Value {
    let database = Value::from("Open_vSwitch");
    std::iter::once(database).chain(operations).collect()
}

pub(super) fn look(bridge: &str) -> [Value; 2] {
    let ports = json!([
        "_uuid",
        "name",
        "interfaces",
        "tag",
        "trunks",
        "vlan_mode",
        "cvlans",
        "protected"
    ]);
    [
        select(
            "Bridge",
            &json!([["name", "==", bridge]]),
            &json!(["ports", "controller"]),
        ),
        select("Port", &json!([]), &ports),
    ]
}

pub(super) fn links() -> [Value; 1] {
    [select(
        "Interface",
        &json!([]),
        &json!(["_uuid", "link_state"]),
    )]
}

/// A transaction that ends in that many updates of one row each.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) operations: Vec<Value>,
    pub(super) updates: usize,
}

/// Sets what is wanted, as long as the bridge is as it was found: all of its columns that decide,
/// of the ports that are expected to be something; of the others that they are there.
pub(super) fn change(
    bridge: &str,
    found: &Bridge,
    expected: &BTreeMap<PortName, Observed>,
    wanted: &SwitchPlan,
) -> Change {
    let touched = found.ports.iter();
    let touched =
        touched.filter(|(name, _)| expected.contains_key(*name) || wanted.contains_key(*name));
    let mut here = vec![json!(["name", "==", bridge])];
    let mut operations = Vec::new();
    for (name, port) in touched {
        here.push(json!(["ports", "includes", port.uuid]));
        if expected.contains_key(name) {
            operations.push(unchanged("Port", &json!([at(port)]), &json!(port.vlans)));
        }
    }
    let uncontrolled = json!({ "controller": found.controller });
    operations.push(unchanged("Bridge", &here.into(), &uncontrolled));
    let updates = wanted.iter().filter_map(|(name, membership)| {
        let row = Vlans::from(membership);
        let port = found.ports.get(name)?;
        Some(json!({ "op": "update", "table": "Port", "where": [at(port)], "row": row }))
    });
    let before = operations.len();
    operations.extend(updates);
    Change {
        updates: operations.len() - before,
        operations,
    }
}

/// Asks the daemon to say when it has followed the database up to here.
pub(super) fn ask_for_progress() -> [Value; 2] {
    let ask = json!({
        "op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]
    });
    [ask, progress()]
}

/// Returns when it has followed further than it had. (Without a limit: a call has its own, and the
/// server forgets what is awaited by a connection that was closed.)
pub(super) fn await_progress(done: i64) -> [Value; 2] {
    let further = json!({
        "op": "wait", "table": "Open_vSwitch", "where": [], "columns": ["cur_cfg"],
        "until": "!=", "rows": [{ "cur_cfg": done }]
    });
    [further, progress()]
}

fn progress() -> Value {
    select("Open_vSwitch", &json!([]), &json!(["next_cfg", "cur_cfg"]))
}

fn select(table: &str, rows: &Value, columns: &Value) -> Value {
    json!({ "op": "select", "table": table, "where": rows, "columns": columns })
}

/// Fails the transaction at once unless there is a row there, and it is as it was.
fn unchanged(table: &str, rows: &Value, was: &Value) -> Value {
    let columns: Vec<_> = was
        .as_object()
        .into_iter()
        .flat_map(|row| row.keys())
        .collect();
    json!({
        "op": "wait", "table": table, "where": rows, "columns": columns,
        "until": "==", "rows": [was], "timeout": 0
    })
}

fn at(port: &Port) -> Value {
    json!(["_uuid", "==", port.uuid])
}
