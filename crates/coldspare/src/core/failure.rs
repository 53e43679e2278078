//! What follows when a step has failed.
//!
//! A step that fails before *agent up* ends the run: what follows is planned anew, from who holds
//! the persona then, without the server that failed. After *agent up* nothing is fenced: a step is
//! tried again, and a person is told.

use std::time::Duration;

use coldspare_names::PersonaName;
use coldspare_persona::PersonaEvent;

use super::commit::Proposal;
use super::{Core, Subject, rest};
use crate::act::{Obstacle, StepError};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::holding::Grant;
use crate::record::{PersonaRecord, Purpose, Run, ServerRecord};
use crate::step::{Kind, Step};

/// How long a server is passed over on which a persona did not come up.
const COOL_OFF: Duration = Duration::from_mins(10);
/// After so many failures in a row of a step that is only tried again, a person is told.
const TRIES: u32 = 5;
/// What is told where an array was stamped by a record that is newer than ours.
pub(super) const NOT_THE_NEWEST: &str = "an array has seen a newer generation than the record: the store was \
    restored from a backup, and others may hold it. Nothing is given: restore the newest store, or \
    delete the record to have it found out anew";

impl Core {
    /// Somebody may still act as the persona: tried again after a rest, and a person is told.
    pub(super) fn unproven(&mut self, mut record: PersonaRecord, events: Vec<Event>, reason: &str) {
        let name = record.holding.persona().clone();
        record.turn(PersonaEvent::FenceUnproven);
        let event = Event::new(What::OperatorNeeded)
            .persona(&name)
            .because(reason);
        self.tell_once(&name, reason.to_owned(), event);
        self.rest(&name);
        if self.record(&name) == Some(&record) {
            self.dirty.insert(Subject::Persona(name));
        } else {
            let why = format!("{name} cannot be taken from its server yet: {reason}");
            self.propose(
                Proposal::new(Actor::Controller, why)
                    .persona(record)
                    .tell(events),
            );
        }
    }

    pub(super) fn conclude_failed(
        &mut self,
        record: PersonaRecord,
        run: Run,
        kind: Kind,
        error: &StepError,
    ) {
        match kind {
            _ if error.obstacle == Obstacle::Stamp => {
                self.unproven(record, Vec::new(), NOT_THE_NEWEST);
            }
            // The new home is not to blame. The old one is scrubbed meanwhile, or can be seen again.
            _ if error.obstacle == Obstacle::Unproven => {
                self.unproven(record, Vec::new(), &error.to_string());
            }
            _ if run.is_settled() => self.try_again(&record, error),
            Kind::Leave => self.cannot_leave(record, run, error),
            Kind::Take | Kind::Prepare | Kind::Give => {
                self.replan(record, &run, error, Vec::new(), kind);
            }
            Kind::Then if run.awaits().is_some() => {
                self.replan(record, &run, error, Vec::new(), kind);
            }
            Kind::Then => self.try_again(&record, error),
        }
    }

    /// After *agent up*: the step is tried again after a rest.
    fn try_again(&mut self, record: &PersonaRecord, error: &StepError) {
        let name = record.holding.persona().clone();
        self.rest(&name);
        let failures = self
            .personas
            .get(&name)
            .map_or(0, |persona| persona.failures);
        if failures == 1 || failures.is_multiple_of(TRIES) {
            let event = Event::new(What::Alarm).persona(&name).because(error);
            self.tell(event.status(format!("tried {failures} times")));
        }
        self.dirty.insert(Subject::Persona(name));
    }

    /// Leaving in good order does not work. If the application does not let go, the persona stays;
    /// if only its operating system takes too long to shut down, its power is taken.
    fn cannot_leave(&mut self, mut record: PersonaRecord, run: Run, error: &StepError) {
        let drains = run.plan.stages.get(run.stage).into_iter().flatten();
        let name = record.holding.persona().clone();
        if !drains
            .clone()
            .any(|step| matches!(step, Step::Drain { .. }))
        {
            let event = Event::new(What::Alarm).persona(&name);
            return self.conclude_done(
                record,
                run,
                vec![event.because(format!("{error}: power is taken"))],
            );
        }
        record.turn(PersonaEvent::HomeKept);
        record.wanted = crate::record::Wanted::Running;
        let event = Event::new(What::Refused).persona(&name).because(error);
        record.run = record.holding.reserved().is_some().then(|| {
            let policy = self.pool_policy(&name);
            Run {
                purpose: Purpose::Free,
                plan: self.planner(&policy).free(&record.holding).into(),
                stage: 0,
                deadline: None,
                ..run
            }
        });
        let why = format!("{name} stays where it is: {error}");
        self.propose(
            Proposal::new(Actor::Controller, why)
                .persona(record)
                .tell([event]),
        );
    }

    /// Ends the run; what follows is planned anew without the server that failed.
    pub(super) fn replan(
        &mut self,
        mut record: PersonaRecord,
        run: &Run,
        error: &StepError,
        mut events: Vec<Event>,
        kind: Kind,
    ) {
        let name = record.holding.persona().clone();
        record.run = None;
        record.turn(if kind == Kind::Then {
            PersonaEvent::BootTimerEnded
        } else {
            PersonaEvent::StepFailed
        });
        record.avoid.retain(|_, until| *until > self.now);
        let mut event = Event::new(What::Alarm).persona(&name).because(error);
        if let Some(to) = &run.to {
            let until = self.now + COOL_OFF;
            record.avoid.insert(to.server.clone(), until);
            self.timers.insert((until, Subject::Persona(name.clone())));
            event = event.server(&to.server);
        }
        events.push(event);
        self.begin_anew(&name);
        let why = format!("plan {name} anew: {error}");
        let proposal = Proposal::new(Actor::Controller, why)
            .persona(record)
            .tell(events);
        let proposal = self.with_failure(proposal, run.to.as_ref(), true);
        self.propose(proposal);
    }

    /// Whether the server to which a run leads has failed is a part of what is proposed.
    pub(super) fn with_failure(
        &self,
        proposal: Proposal,
        to: Option<&Grant>,
        failed: bool,
    ) -> Proposal {
        let found = to.and_then(|to| Some((&to.server, self.servers.get(&to.server)?)));
        let failed_at = failed.then_some(self.now);
        match found {
            Some((name, server)) if server.kept.record.failed_at != failed_at => {
                let record = server.kept.record.clone();
                proposal.server(
                    name,
                    ServerRecord {
                        failed_at,
                        ..record
                    },
                )
            }
            _ => proposal,
        }
    }

    fn rest(&mut self, name: &PersonaName) {
        let now = self.now;
        let Some(persona) = self.personas.get_mut(name) else {
            return;
        };
        persona.stage = None;
        persona.rest_until = now + rest(persona.failures);
        persona.failures += 1;
        let until = persona.rest_until;
        self.timers.insert((until, Subject::Persona(name.clone())));
    }
}
