//! Every persona is restored, or it is explained why not, and it is truly impossible.

use coldspare::What;
use coldspare_names::{PersonaName, ServerName};
use coldspare_sim::Truth;
use coldspare_sim::{Possibility, possible};

use crate::{Invariant, Run};

pub(crate) struct Restored;

impl Invariant for Restored {
    fn name(&self) -> &'static str {
        "restored, or explained and impossible"
    }

    fn look(&mut self, _: &Truth<'_>) -> Option<String> {
        None
    }

    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        if !run.had_time(truth) {
            return None;
        }
        let possible = possible(truth);
        let personas = truth
            .site()
            .personas
            .values()
            .filter(|of| of.home.is_some());
        let mut lost = personas.filter(|of| truth.homes(&of.persona.name).is_empty());
        lost.find_map(|of| {
            let name = &of.persona.name;
            // Without an agent nobody can see that a persona which answers has lost its disks.
            let answers = truth
                .speakers()
                .iter()
                .any(|speaker| speaker.persona == *name);
            if !of.persona.agent && answers {
                return None;
            }
            if !explained(run, name) {
                return Some(format!("{name} is down, and nobody is told why"));
            }
            let Some(Possibility::Possible(servers)) = possible.get(name) else {
                return None;
            };
            // A server that lost its power by itself is left alone: only its return brings it back.
            let former = last_home(run, name).or(of.home.as_ref());
            let others: Vec<_> = servers
                .iter()
                .filter(|server| Some(*server) != former)
                .collect();
            (!others.is_empty())
                .then(|| format!("{name} is down, and could run on any of {others:?}"))
        })
    }
}

/// The server that held a persona last.
fn last_home<'a>(run: &'a Run<'_>, name: &PersonaName) -> Option<&'a ServerName> {
    let mut woken = run
        .told
        .iter()
        .rev()
        .filter(|told| told.event.event == What::AgentUp);
    let last = woken.find(|told| told.event.about.persona.as_ref() == Some(name));
    last.and_then(|told| told.event.about.server.as_ref())
}

/// Whether the last word about a persona is that it cannot be helped.
fn explained(run: &Run<'_>, name: &PersonaName) -> bool {
    let about = run.told.iter().rev().filter(|told| {
        told.event.about.persona.as_ref() == Some(name) || told.event.event == What::Held
    });
    let mut words = about.map(|told| told.event.event);
    words.any(|what| {
        matches!(
            what,
            What::Waiting | What::OperatorNeeded | What::Alarm | What::Held
        )
    })
}
