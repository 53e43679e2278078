//! A failover told as phases: from the events alone, so that a study, a real rack and a log file
//! are told alike.

use std::collections::BTreeMap;

use coldspare_names::{PersonaName, ServerName, Time};
use serde::{Deserialize, Serialize};

use crate::event::{Told, What};

/// A part of a recovery, from one event to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What was being done: `detected`, `fenced`, `re-plugged` and so on.
    pub name: String,
    /// When it began.
    pub start: Time,
    /// When it was done.
    pub end: Time,
}

/// How one persona was brought back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The persona.
    pub persona: PersonaName,
    /// The server it was lost with.
    pub lost: Option<ServerName>,
    /// When the trouble was first seen.
    pub began: Time,
    /// When it was back; `None`: it is not.
    pub ended: Option<Time>,
    /// What was done, one after the other: each begins when the one before it is done. What was
    /// tried in vain counts to the phase that was begun anew.
    pub phases: Vec<Phase>,
}

/// The phases of a recovery, each ended by the last of its events.
const PHASES: [(&str, &[What]); 9] = [
    ("detected", &[What::Verdict]),
    ("placed", &[What::Placed, What::Reserved]),
    (
        "fenced",
        &[What::Fenced, What::ShutOut, What::Parked, What::Disarmed],
    ),
    (
        "re-plugged",
        &[What::Wired, What::Armed, What::Admitted, What::PoweredOn],
    ),
    ("booted", &[What::AgentUp]),
    ("networked", &[What::GuestConfigured]),
    ("services", &[What::ServicesReady]),
    ("healthy", &[What::CopiesHealthy]),
    ("redistributed", &[What::Redistributed]),
];

/// Tells the recoveries in what was told, in the order in which they began.
pub fn recoveries(told: &[Told]) -> Vec<Recovery> {
    let mut all: Vec<Recovery> = Vec::new();
    let mut suspected: BTreeMap<ServerName, Time> = BTreeMap::new();
    for Told { at, event } in told {
        let about = &event.about;
        if event.event == What::Suspected {
            suspected.extend(about.server.clone().map(|server| (server, *at)));
        }
        let Some(persona) = &about.persona else {
            continue;
        };
        let open = all
            .iter_mut()
            .rfind(|r| r.persona == *persona && r.ended.is_none());
        match (event.event, open) {
            (What::Restored, Some(recovery)) => recovery.ended = Some(*at),
            (What::Verdict | What::Placed, None) if begins(event) => {
                let server = about.server.as_ref();
                let seen = server.and_then(|server| suspected.remove(server));
                let began = seen.unwrap_or(*at);
                let mut recovery = Recovery {
                    persona: persona.clone(),
                    lost: about
                        .server
                        .clone()
                        .filter(|_| event.event == What::Verdict),
                    began,
                    ended: None,
                    phases: Vec::new(),
                };
                recovery.add(event.event, *at);
                all.push(recovery);
            }
            (what, Some(recovery)) => recovery.add(what, *at),
            (_, None) => {}
        }
    }
    all
}

fn begins(event: &crate::event::Event) -> bool {
    event.event == What::Placed || event.status.as_deref() == Some("dead")
}

impl Recovery {
    fn add(&mut self, what: What, at: Time) {
        let place = |name: &str| PHASES.iter().position(|(phase, _)| *phase == name);
        let Some((name, _)) = PHASES.iter().find(|(_, events)| events.contains(&what)) else {
            return;
        };
        match self.phases.iter_mut().find(|phase| phase.name == *name) {
            Some(phase) => phase.end = at,
            None => self.phases.push(Phase {
                name: (*name).to_owned(),
                start: at,
                end: at,
            }),
        }
        // What is prepared while the old server is still being fenced counts as done after it.
        self.phases.sort_by_key(|phase| place(&phase.name));
        let mut before = self.began;
        for phase in &mut self.phases {
            phase.start = before;
            phase.end = phase.end.max(before);
            before = phase.end;
        }
    }
}

#[cfg(test)]
mod tests;
