//! The paper's three tables as they really are at one moment: databases, VLANs, volumes.

use std::fmt::Write as _;

use coldspare_exchange::{CopyState, Dag, DagControl, resilience};
use coldspare_sim::Truth;
use futures::FutureExt;

/// One moment, in rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tables {
    databases: Vec<String>,
    ports: Vec<String>,
    volumes: Vec<String>,
}

impl Tables {
    /// Looks at the devices.
    pub(crate) fn of(truth: &Truth<'_>) -> Self {
        Self {
            databases: databases(truth),
            ports: ports(truth),
            volumes: volumes(truth),
        }
    }

    /// The tables under a heading.
    pub(crate) fn print(&self, heading: &str) -> String {
        let mut text = format!("{heading}\n");
        let sections = [
            ("databases", &self.databases),
            ("VLANs", &self.ports),
            ("volumes", &self.volumes),
        ];
        for (title, rows) in sections {
            for (index, row) in rows.iter().enumerate() {
                let title = if index == 0 { title } else { "" };
                let _ = writeln!(text, "  {title:<10} {row}");
            }
        }
        text
    }
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

fn ports(truth: &Truth<'_>) -> Vec<String> {
    let worn = truth.worn();
    let mut rows: Vec<String> = Vec::new();
    let mut last = None;
    for port in truth.ports() {
        let networks = truth.site().networks.iter();
        let passed = networks.filter(|network| port.observed.may_pass(network.vlan));
        let passed: Vec<_> = passed
            .map(|it| format!("{} {}", it.name, it.vlan))
            .collect();
        let passed = if passed.is_empty() {
            "parked".to_owned()
        } else {
            passed.join(", ")
        };
        let wears = worn
            .get(&port.server)
            .map(|worn| format!(" ({})", worn.persona));
        if last.as_ref() != Some(&port.server) {
            rows.push(format!("{}{}", port.server, wears.unwrap_or_default()));
        }
        rows.push(format!(
            "  channel {}: {} of {}: {passed}",
            port.channel, port.port.port, port.port.switch
        ));
        last = Some(port.server);
    }
    rows
}

fn volumes(truth: &Truth<'_>) -> Vec<String> {
    let rows = truth.admissions().into_iter().map(|(volume, admissions)| {
        let admitted = admissions.admitted.iter().map(|admission| {
            format!(
                "{} as {} (generation {})",
                admission.server, admission.initiator, admission.generation
            )
        });
        let admitted: Vec<_> = admitted.collect();
        let admitted = if admitted.is_empty() {
            "nobody".to_owned()
        } else {
            admitted.join(", ")
        };
        format!(
            "{:<8} {:<20} admits {admitted}",
            volume.array.to_string(),
            volume.volume.to_string()
        )
    });
    rows.collect()
}
