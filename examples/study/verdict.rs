//! How the run ended: restored or not, how long degraded, phase by phase.

use std::collections::BTreeMap;
use std::time::Duration;

use coldspare::report::{Recovery, recoveries};
use coldspare::site::{Redistribution, Site};
use coldspare::{Told, What};
use coldspare_exchange::{DatabaseName, MemberName};
use coldspare_invariants::Checked;
use coldspare_names::{PersonaName, ServerName, Time};
use coldspare_sim::Picture;
use serde::Serialize;

use crate::tell::seconds;

/// The end of a run, as `--json` prints it last.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    event: &'static str,
    /// Everything that ran before runs, and is active where it is preferred.
    pub(crate) restored: bool,
    degraded_seconds: f64,
    phases: Vec<Phase>,
    home: BTreeMap<PersonaName, Option<ServerName>>,
    spares: Vec<ServerName>,
    active: BTreeMap<DatabaseName, MemberName>,
    violations: Vec<String>,
    /// The recoveries from which the phases are.
    #[serde(skip)]
    pub(crate) recoveries: Vec<Recovery>,
    /// Why it is not restored.
    #[serde(skip)]
    pub(crate) missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Phase {
    name: String,
    start: f64,
    end: f64,
}

impl Verdict {
    pub(crate) fn of(site: &Site, checked: &Checked, end: Time) -> Self {
        let Picture {
            home,
            spares,
            active,
        } = checked.outcome.after.clone();
        let recoveries = recoveries(&checked.outcome.told);
        let missing = missing(site, &checked.outcome.before, &checked.outcome.after);
        let phases = recoveries.iter().flat_map(|recovery| &recovery.phases);
        let phases = phases.map(|phase| Phase {
            name: phase.name.clone(),
            start: seconds(phase.start.since_epoch()),
            end: seconds(phase.end.since_epoch()),
        });
        Self {
            event: "report",
            restored: missing.is_empty(),
            degraded_seconds: seconds(degraded(&checked.outcome.told, &recoveries, end)),
            phases: phases.collect(),
            home,
            spares,
            active,
            violations: checked.violations.iter().map(ToString::to_string).collect(),
            recoveries,
            missing,
        }
    }

    pub(crate) fn degraded(&self) -> Duration {
        Duration::from_secs_f64(self.degraded_seconds)
    }

    pub(crate) fn violations(&self) -> &[String] {
        &self.violations
    }

    pub(crate) fn spares(&self) -> &[ServerName] {
        &self.spares
    }
}

/// What is not as it was.
fn missing(site: &Site, before: &Picture, after: &Picture) -> Vec<String> {
    let personas = before.home.iter().filter(|(_, home)| home.is_some());
    let lost = personas.filter(|(name, _)| after.home.get(*name).is_none_or(Option::is_none));
    let lost = lost.map(|(name, _)| format!("{name} does not run"));
    let moved = before.active.iter().filter(|(database, member)| {
        let now = after.active.get(*database);
        // The persona's own start-up item is not part of the simulation.
        let must_return = site.redistribution == Redistribution::Controller;
        now != Some(*member) && (must_return || now.is_none())
    });
    let moved = moved.map(|(database, member)| format!("{database} is not active on {member}"));
    lost.chain(moved).collect()
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
