//! How a run ended: restored or not, how long degraded, phase by phase.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use coldspare::report::{Recovery, recoveries};
use coldspare::{Told, What};
use coldspare_exchange::{DatabaseName, MemberName};
use coldspare_names::{PersonaName, ServerName, Time};
use serde::Serialize;

use crate::tell::{self, seconds};

/// How things were in the end.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// When that was.
    pub at: Time,
    /// Where each persona ran.
    pub home: BTreeMap<PersonaName, Option<ServerName>>,
    /// The servers that could take a persona over.
    pub spares: Vec<ServerName>,
    /// Where each database was active.
    pub active: BTreeMap<DatabaseName, MemberName>,
    /// What must always hold, and did not.
    pub violations: Vec<String>,
    /// What is not as it should be.
    pub missing: Vec<String>,
}

/// The end of a run, as `--json` prints it last.
#[derive(Debug, Serialize)]
pub struct Verdict {
    event: &'static str,
    /// Everything that ran before runs, and is active where it is preferred.
    pub restored: bool,
    degraded_seconds: f64,
    phases: Vec<Phase>,
    home: BTreeMap<PersonaName, Option<ServerName>>,
    spares: Vec<ServerName>,
    active: BTreeMap<DatabaseName, MemberName>,
    violations: Vec<String>,
    /// The recoveries from which the phases are.
    #[serde(skip)]
    pub recoveries: Vec<Recovery>,
    #[serde(skip)]
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Phase {
    name: String,
    start: f64,
    end: f64,
}

impl Verdict {
    /// What follows from everything that was told, and from how it ended.
    pub fn of(told: &[Told], end: End) -> Self {
        let recoveries = recoveries(told);
        let phases = recoveries.iter().flat_map(|recovery| &recovery.phases);
        let phases = phases.map(|phase| Phase {
            name: phase.name.clone(),
            start: seconds(phase.start.since_epoch()),
            end: seconds(phase.end.since_epoch()),
        });
        Self {
            event: "report",
            restored: end.missing.is_empty(),
            degraded_seconds: seconds(degraded(told, &recoveries, end.at)),
            phases: phases.collect(),
            home: end.home,
            spares: end.spares,
            active: end.active,
            violations: end.violations,
            recoveries,
            missing: end.missing,
        }
    }

    /// The recoveries, phase by phase, and whether everything is as it was.
    pub fn outcome(&self) -> String {
        let mut text = String::new();
        for recovery in &self.recoveries {
            let lost = recovery.lost.as_ref();
            let lost = lost.map(|server| format!(", lost with {server}"));
            let _ = writeln!(text, "{}{}", recovery.persona, lost.unwrap_or_default());
            for phase in &recovery.phases {
                let (start, end) = (phase.start.since_epoch(), phase.end.since_epoch());
                let took = tell::clock(end.saturating_sub(start));
                let _ = writeln!(
                    text,
                    "  {:<14} {:>9} to {:>9}   {took:>8}",
                    phase.name,
                    tell::clock(start),
                    tell::clock(end)
                );
            }
        }
        let _ = if self.restored {
            let degraded = Duration::from_secs_f64(self.degraded_seconds);
            writeln!(text, "Restored. Degraded for {}.", tell::clock(degraded))
        } else {
            writeln!(text, "NOT restored: {}.", self.missing.join("; "))
        };
        let spares: Vec<_> = self.spares.iter().map(ToString::to_string).collect();
        let spares = if spares.is_empty() {
            "none".to_owned()
        } else {
            spares.join(", ")
        };
        let _ = writeln!(text, "Spares: {spares}.");
        text
    }

    /// What must always hold, and did not.
    pub fn violations(&self) -> String {
        let mut text = format!(
            "Violations of what must always hold: {}.\n",
            self.violations.len()
        );
        for violation in &self.violations {
            let _ = writeln!(text, "  {violation}");
        }
        text
    }
}

/// How long anything was degraded: from the fault that cost a persona its server until it was back.
fn degraded(told: &[Told], recoveries: &[Recovery], end: Time) -> Duration {
    let spans = recoveries.iter().map(|recovery| {
        let mut faults = told.iter().filter(|told| told.event.event == What::Fault);
        let cause = faults.rfind(|told| told.at <= recovery.began);
        (
            cause.map_or(recovery.began, |told| told.at),
            recovery.ended.unwrap_or(end),
        )
    });
    let (first, last) = spans.fold((Time::NEVER, Time::EPOCH), |(first, last), (start, end)| {
        (first.min(start), last.max(end))
    });
    last.since(first)
}
