//! Every persona is restored, or it is explained why not, and it is truly impossible.

use coldspare::{Event, Subject, Told, What};
use coldspare_names::PersonaName;
use coldspare_sim::Truth;
use coldspare_sim::{Possibility, possible};

use crate::{Invariant, Run};

/// The status of a verdict that others share, or that the monitor itself may be to blame for: nothing
/// follows from it yet.
const HELD: &str = "held";

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
            if !explained(run.told, truth, name) {
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

/// Whether it was told, since a persona was last back, that it cannot be helped. What was said of the
/// home to which it came back stands, though it was said before that.
fn explained(told: &[Told], truth: &Truth<'_>, name: &PersonaName) -> bool {
    let is_of = |event: &Event| event.about.persona.as_ref() == Some(name);
    let mut is_back = false;
    let since = told
        .iter()
        .rev()
        .map(|told| &told.event)
        .take_while(move |event| {
            is_back |= event.event == What::Restored && is_of(event);
            !(is_back && event.event == What::AgentUp && is_of(event))
        });
    let is_held = |event: &Event| event.status.as_deref() == Some(HELD);
    let mut verdicts = since.clone().filter(|event| event.event == What::Verdict);
    let verdict = verdicts.find(|event| is_of(event));
    let mut words = since;
    verdict.is_some_and(is_held)
        || words.any(|event| match event.event {
            What::Waiting | What::OperatorNeeded => is_of(event),
            // A controller that hears nobody, or cannot read its store, knows of nobody whom it could
            // name.
            What::Held => is_held(event) && !truth.controller_hears(),
            What::Alarm => {
                is_of(event) || (*event.about == Subject::default() && !truth.store_answers())
            }
            _ => false,
        })
}
