//! A healed site converges: once nothing is broken any more, every persona runs, on all of its
//! networks; and where a persona was brought back, every database of its group is active where it
//! is preferred. (What a group does by itself about its members' troubles is the group's affair.)

use coldspare::What;
use coldspare::site::Redistribution;
use coldspare_exchange::DagControl;
use coldspare_names::ServerName;
use coldspare_sim::Truth;
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
        let restored = run
            .told
            .iter()
            .any(|told| told.event.event == What::Restored);
        if site.redistribution == Redistribution::Persona || !restored {
            return None;
        }
        site.dags.iter().find_map(|(name, of)| {
            let now = truth.group(name)?.dag().now_or_never()?.ok()?;
            of.dag.databases.iter().find_map(|(database, wanted)| {
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
