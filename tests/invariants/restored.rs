//! Every persona is restored, or it is explained why not, and it is truly impossible.

use coldspare::{Event, Subject, What};
use coldspare_names::PersonaName;
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
            Some(format!(
                "{name} is down, and could run on any of {servers:?}"
            ))
        })
    }
}

/// Whether the last word about a persona is that it cannot be helped.
fn explained(run: &Run<'_>, name: &PersonaName) -> bool {
    let about = run.told.iter().rev().filter(|told| {
        let Event { event, about, .. } = &told.event;
        // A controller that cannot read its store knows of nobody whom it could name.
        let of_the_store = *event == What::Alarm && **about == Subject::default();
        about.persona.as_ref() == Some(name) || *event == What::Held || of_the_store
    });
    let mut words = about.map(|told| told.event.event);
    words.any(|what| {
        matches!(
            what,
            What::Waiting | What::OperatorNeeded | What::Alarm | What::Held
        )
    })
}
