//! A healed site converges: once nothing is broken any more, every persona runs, on all of its
//! networks; and where a persona was brought back, every database of its group is active where it
//! is preferred. What becomes of a member that nobody moved is the group's affair: a damaged volume
//! there waits for a person, as Exchange leaves it.

use coldspare::What;
use coldspare::site::Redistribution;
use coldspare_exchange::{DagControl, DatabaseName, MemberName};
use coldspare_names::{PersonaName, ServerName};
use coldspare_sim::{Fault, FaultKind, Truth};
use futures::FutureExt;

use crate::{Invariant, Run};

pub(crate) struct Healed;

impl Invariant for Healed {
    fn name(&self) -> &'static str {
        "a healed site converges"
    }

    fn look(&mut self, _: &Truth<'_>) -> Option<String> {
        None
    }

    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        if !run.had_time(truth) || !run.is_healed() {
            return None;
        }
        let site = truth.site();
        let running = site.personas.values().filter(|of| of.home.is_some());
        for of in running {
            let name = &of.persona.name;
            let Some(home): Option<ServerName> = truth.homes(name).into_iter().next() else {
                return Some(format!("{name} runs nowhere"));
            };
            for connection in &of.connections.connections {
                if !truth.is_connected(&home, &connection.network) {
                    return Some(format!("{name} is not on {}", connection.network));
                }
            }
        }
        if site.redistribution == Redistribution::Persona {
            return None;
        }
        let was_restored = |name: &PersonaName| {
            let mut told = run.told.iter().map(|told| &told.event);
            told.any(|it| it.event == What::Restored && it.about.persona.as_ref() == Some(name))
        };
        let touched = site
            .dags
            .iter()
            .filter(|(_, of)| of.personas.values().any(was_restored));
        touched.into_iter().find_map(|(name, of)| {
            let now = truth.group(name)?.dag().now_or_never()?.ok()?;
            let mut databases = of.dag.databases.iter().filter(|(database, wanted)| {
                let persona = of.personas.get(&wanted.active);
                !run.is_left_damaged(database, &wanted.active, persona)
            });
            databases.find_map(|(database, wanted)| {
                let active = &now.databases.get(database)?.active;
                (*active != wanted.active).then(|| {
                    format!(
                        "{database} is active on {active}, preferred on {}",
                        wanted.active
                    )
                })
            })
        })
    }
}

impl Run<'_> {
    /// Whether a copy was damaged whose member's persona was not brought back since.
    fn is_left_damaged(
        &self,
        database: &DatabaseName,
        member: &MemberName,
        persona: Option<&PersonaName>,
    ) -> bool {
        let is_this = |fault: &&Fault| {
            matches!(&fault.kind, FaultKind::VolumeDamage { database: d, member: m }
                if d == database && m == member)
        };
        let damaged = self.scenario.faults.iter().filter(is_this);
        damaged.map(|fault| fault.at).max().is_some_and(|at| {
            let mut later = self.told.iter().filter(|told| told.at > at);
            !later.any(|told| {
                told.event.event == What::Restored && told.event.about.persona.as_ref() == persona
            })
        })
    }
}
