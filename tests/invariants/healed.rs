//! A healed site converges: once nothing is broken any more, every persona runs, on all of its
//! networks; and where a persona was brought back, every database of its group is active where it
//! is preferred. What becomes of a member that nobody moved is the group's affair: a damaged volume
//! there waits for a person, as Exchange leaves it, a copy there that was not healthy yet when the
//! databases were last redistributed gets nothing more, and what left it since stays where it is.

use coldspare::What;
use coldspare::site::{Redistribution, SiteDag};
use coldspare_exchange::{CopyStatus, DagControl, DatabaseName, MemberName};
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
        let touched = site.dags.iter().filter(|(_, of)| {
            of.personas
                .values()
                .any(|name| run.was_restored(Some(name)))
        });
        touched.into_iter().find_map(|(name, of)| {
            let now = truth.group(name)?.dag().now_or_never()?.ok()?;
            let mut databases = of.dag.databases.iter().filter(|(database, wanted)| {
                let persona = of.personas.get(&wanted.active);
                !run.is_left_damaged(database, &wanted.active, persona)
                    && !run.is_the_groups_affair(database, &wanted.active, of)
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
    fn was_restored(&self, persona: Option<&PersonaName>) -> bool {
        let mut told = self.told.iter().map(|told| &told.event);
        told.any(|it| it.event == What::Restored && it.about.persona.as_ref() == persona)
    }

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

    /// Whether nobody led a database back since its group had to do without this member, which stayed
    /// where it was: its copy there was not healthy yet when a member of the group was last brought
    /// back, or the database has left it since.
    fn is_the_groups_affair(
        &self,
        database: &DatabaseName,
        member: &MemberName,
        group: &SiteDag,
    ) -> bool {
        let of_group = |persona: &PersonaName| group.personas.values().any(|of| of == persona);
        let Some(redistributed) = self.told.iter().rposition(|told| {
            let about = &told.event.about;
            told.event.event == What::Restored && about.persona.as_ref().is_some_and(of_group)
        }) else {
            return false;
        };
        let (before, after) = self.told.split_at(redistributed);
        let has_left = after.iter().map(|told| &told.event).any(|event| {
            event.event == What::DatabaseActivated
                && event.about.database.as_ref() == Some(database)
                && event.about.member.as_ref() != Some(member)
        });
        let latest = before.iter().rev().map(|told| &told.event).find(|event| {
            event.event == What::CopyStatus
                && event.about.database.as_ref() == Some(database)
                && event.about.member.as_ref() == Some(member)
        });
        let healthy = CopyStatus::Healthy.to_string();
        let was_not_healthy = latest.is_some_and(|event| event.status.as_ref() != Some(&healthy));
        has_left || (was_not_healthy && !self.was_restored(group.personas.get(member)))
    }
}
