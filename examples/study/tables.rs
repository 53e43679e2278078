//! The paper's three tables as they really are at one moment: databases, VLANs, volumes.

use std::fmt::Write as _;

use coldspare_examples::tables::{PortRow, Tables, ports, volumes};
use coldspare_exchange::{CopyState, Dag, DagControl, resilience};
use coldspare_sim::Truth;
use futures::FutureExt;

/// Looks at the devices.
pub(crate) fn of(truth: &Truth<'_>) -> Tables {
    let worn = truth.worn().into_iter();
    let rows = truth.ports().into_iter().map(|port| PortRow {
        server: port.server,
        channel: port.channel,
        port: port.port,
        observed: port.observed,
    });
    let rows: Vec<_> = rows.collect();
    let wears = worn.map(|(server, worn)| (server, worn.persona)).collect();
    Tables(vec![
        ("databases", databases(truth)),
        ("VLANs", ports(&truth.site().networks, &rows, &wears)),
        ("volumes", volumes(&truth.admissions())),
    ])
}

fn databases(truth: &Truth<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    for name in truth.site().dags.keys() {
        let Some(group) = truth.group(name) else {
            continue;
        };
        // A group in memory answers at once, or, with no member up, not at all.
        let Some(Ok(dag)) = group.dag().now_or_never() else {
            rows.push(format!("{name}: no member is up"));
            continue;
        };
        let copies = group
            .copies()
            .now_or_never()
            .and_then(Result::ok)
            .unwrap_or_default();
        for (database, of) in &dag.databases {
            let mut row = format!("{database:<12} active on {:<12}", of.active.to_string());
            for state in copies
                .iter()
                .filter(|state| state.copy.database == *database)
            {
                let preference = of
                    .copies
                    .get(&state.copy.member)
                    .map(|copy| copy.preference.get());
                let preference = preference.unwrap_or_default();
                let _ = write!(
                    row,
                    "  {} ({preference}): {}",
                    state.copy.member, state.status
                );
            }
            rows.push(row);
        }
        rows.extend(load(&dag, &copies));
    }
    rows
}

/// Who carries how much, and what the next losses would cost.
fn load(dag: &Dag, copies: &[CopyState]) -> Vec<String> {
    let stands = resilience(dag, copies);
    let mut rows: Vec<_> = stands
        .active
        .iter()
        .map(|(member, active)| {
            let (now, preferred) = (active.now, active.preferred);
            let much = if now > preferred { ": overloaded" } else { "" };
            format!("{member} serves {now} databases, {preferred} when all is well{much}")
        })
        .collect();
    let mut next = format!(
        "further losses until no quorum: {}",
        stands.losses_until_no_quorum
    );
    if let Some((database, losses)) = stands.weakest() {
        let _ = write!(next, "; until no copy of {database}: {losses}");
    }
    rows.push(next);
    rows
}
