//! What follows when a stage is over: all of its steps have ended, or what it is for is proven.

use std::time::Duration;

use coldspare_names::{PersonaName, ServerName, Time};
use coldspare_persona::PersonaEvent;

use super::commit::Proposal;
use super::failure::NOT_THE_NEWEST;
use super::{Core, End, Stage, Subject};
use crate::act::{Obstacle, StepError};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::fence::{self, Piece};
use crate::record::{PersonaRecord, Purpose, Run};
use crate::step::{Kind, Step};

/// A heartbeat that was sent just before the power went may arrive so much later.
const IN_FLIGHT: Duration = Duration::from_millis(500);

/// For how long beyond the pause of an *off* proof a stage waits for steps that it could do without.
pub(super) const LATECOMERS: Duration = Duration::from_secs(1);

impl Core {
    pub(super) fn conclude(&mut self, name: &PersonaName) {
        let Some(persona) = self.personas.get_mut(name) else {
            return;
        };
        let (Some(stage), Some(kept)) = (persona.stage.take(), &persona.kept) else {
            return;
        };
        let record = kept.record.clone();
        let Some(run) = record.run.clone() else {
            return;
        };
        let plan = run.plan.clone();
        let Some(steps) = plan.stages.get(run.stage) else {
            return;
        };

        self.abandon(&Subject::Persona(name.clone()));
        for (step, end) in steps.iter().zip(&stage.ends) {
            if self.is_contradicted(step, end.as_ref()) {
                let event = step.about(Event::new(What::Alarm)).persona(name);
                self.tell(event.because("it reads off, and its heartbeats arrive: not believed"));
            }
        }
        let failed = |(step, end): (&Step, Option<End>)| Some((step.kind(), end?.1.err()?));
        let pieces = self.seen(steps, &stage);
        let failures: Vec<_> = steps.iter().zip(stage.ends).filter_map(failed).collect();
        if run.plan.takes(run.stage) {
            self.conclude_take(record, run, &pieces, &failures);
        } else if let Some((kind, error)) = failures.first() {
            self.conclude_failed(record, run, *kind, error);
        } else {
            self.conclude_done(record, run, Vec::new());
        }
    }

    /// Whether a stage that takes has shown all that it is for, though some steps have not ended: a
    /// management controller that lost its power with its server holds up nobody whom the switches
    /// and arrays have isolated. It gets the time that it would need if it worked.
    pub(super) fn is_proven(&self, record: &PersonaRecord, stage: &Stage) -> bool {
        let Some(run) = record.run.as_ref().filter(|run| run.plan.takes(run.stage)) else {
            return false;
        };
        let Some(steps) = run.plan.stages.get(run.stage) else {
            return false;
        };
        // The same server is prepared next: what is taken from it must be over.
        if is_in_place(run) {
            return false;
        }
        let patience = self.pool_policy(record.holding.persona()).off_pause + LATECOMERS;
        let mut others = steps.iter().zip(&stage.ends);
        if self.now < stage.began + patience
            || others.any(|(step, end)| step.kind() != Kind::Take && end.is_none())
        {
            return false;
        }
        let pieces = self.seen(steps, stage);
        let mut demands = run.plan.demands.iter();
        demands.all(|demand| fence::prove(demand, &pieces).is_ok())
    }

    /// What the steps of a stage have seen so far, as far as it is believed.
    fn seen(&self, steps: &[Step], stage: &Stage) -> Vec<Piece> {
        let ended = steps.iter().zip(&stage.ends);
        let believed = ended.filter(|(step, end)| !self.is_contradicted(step, end.as_ref()));
        let pieces = believed.filter_map(|(_, end)| end.as_ref()?.1.as_ref().ok()?.clone());
        pieces.collect()
    }

    /// Whether a server that reads off was heard since: then its management controller lies.
    fn is_contradicted(&self, step: &Step, end: Option<&End>) -> bool {
        match (step, end) {
            (Step::PowerOff { server }, Some((read, Ok(_)))) => self.is_heard_since(server, *read),
            _ => false,
        }
    }

    /// Whether a server that read off twice, the second time then, was heard after the first.
    pub(super) fn is_heard_since(&self, server: &ServerName, read: Time) -> bool {
        let pause = self
            .site
            .policy_of(server)
            .map(|policy| policy.off_pause)
            .unwrap_or_default();
        let heard = self
            .servers
            .get(server)
            .map_or(Time::EPOCH, |server| server.heard);
        heard + pause > read + IN_FLIGHT
    }

    fn conclude_take(
        &mut self,
        mut record: PersonaRecord,
        run: Run,
        pieces: &[Piece],
        failures: &[(Kind, StepError)],
    ) {
        let name = record.holding.persona().clone();
        let newest = pieces.iter().filter_map(Piece::stamp).max();
        if newest.is_some_and(|stamp| stamp > record.holding.generation()) {
            return self.unproven(record, Vec::new(), NOT_THE_NEWEST);
        }
        let mut events = Vec::new();
        let mut unproven = Vec::new();
        for demand in &run.plan.demands {
            if !record.holding.involves(&demand.server) {
                continue;
            }
            match fence::prove(demand, pieces) {
                Ok(proof) => {
                    let event = Event::new(What::Fenced)
                        .server(&demand.server)
                        .persona(&name);
                    events.push(event.because(proof.evidence()));
                    record.holding.release(proof);
                }
                Err(missing) => unproven.push(missing.to_string()),
            }
        }
        if !unproven.is_empty() {
            let reasons = failures.iter().map(|(_, error)| error.to_string());
            let text = unproven
                .into_iter()
                .chain(reasons)
                .collect::<Vec<_>>()
                .join("; ");
            if is_in_place(&run) && self.fits_elsewhere(&name) {
                let error = StepError {
                    step: format!("start {name} again where it was"),
                    obstacle: Obstacle::Unproven,
                    reason: text,
                };
                return self.replan(record, &run, &error, events, Kind::Take);
            }
            // A spare that could not be asked, or was on, may fit the next time.
            if is_in_place(&run) {
                self.dirty.extend(self.pool_for(&name).map(Subject::Spares));
            }
            return self.unproven(record, events, &text);
        }
        let prepared = failures.iter().find(|(kind, _)| *kind == Kind::Prepare);
        if let Some((kind, error)) = prepared {
            return self.replan(record, &run, error, events, *kind);
        }
        self.conclude_done(record, run, events);
    }

    /// Whether a persona that was to be started again in place, only because no spare fitted then, has
    /// one now: whoever cannot be shown to be off can still be isolated.
    fn fits_elsewhere(&self, name: &PersonaName) -> bool {
        if self.control.record.paused {
            return false;
        }
        let placed = self.place(std::slice::from_ref(name), None);
        let mut choices = placed.iter().filter_map(|placed| placed.choice.as_ref());
        choices.any(|choice| !choice.in_place)
    }

    /// The stage is done: on to the next, or the run is over.
    pub(super) fn conclude_done(
        &mut self,
        mut record: PersonaRecord,
        mut run: Run,
        mut events: Vec<Event>,
    ) {
        let name = record.holding.persona().clone();
        let plan = run.plan.clone();
        let steps = plan.stages.get(run.stage).map_or(&[][..], Vec::as_slice);
        let came_up = run.awaits().and(run.to.clone());
        for step in steps {
            match step {
                Step::AwaitAgent { .. } => record.turn(PersonaEvent::AgentUp),
                Step::AwaitServices { .. } => record.turn(PersonaEvent::ServicesReady),
                _ => {}
            }
        }
        let left = steps
            .iter()
            .any(|step| matches!(step, Step::ShutDown { .. }));
        if left && run.purpose == Purpose::Move {
            record.turn(PersonaEvent::Placed);
        }
        let next = plan.stages.get(run.stage + 1);
        let gives = next
            .into_iter()
            .flatten()
            .any(|step| step.kind() == Kind::Give);
        if gives && !record.holding.seat() {
            return self.unproven(record, events, "somebody else may still hold it");
        }
        if gives || next.is_none() {
            record.turn(PersonaEvent::FenceProven);
        }
        run.stage += 1;
        if run.stage < run.plan.stages.len() {
            if run.awaits().is_some() && run.deadline.is_none() {
                let timer = self
                    .site
                    .personas
                    .get(&name)
                    .map(|of| of.persona.boot_timer);
                run.deadline = Some(self.now + timer.unwrap_or_default().length());
            }
            record.run = Some(run);
        } else {
            record.run = None;
            let is_back = match run.purpose {
                Purpose::Failover | Purpose::Move | Purpose::Start | Purpose::Stay => true,
                Purpose::Stop | Purpose::Free | Purpose::Refresh => false,
            };
            if is_back {
                record.avoid.clear();
                let home = record.holding.home();
                let event = Event::new(What::Restored).persona(&name);
                let event = home
                    .iter()
                    .fold(event, |event, home| event.server(&home.server));
                let took = self.now - run.opened;
                let since = match run.purpose {
                    Purpose::Stay => "its own server was heard again",
                    _ => "its server was chosen",
                };
                events.push(event.because(format!("{took:.1?} after {since}")));
            }
        }
        self.begin_anew(&name);
        if let Some(persona) = self.personas.get_mut(&name) {
            persona.told = None;
        }
        for server in record.holding.fenced().keys() {
            self.dirty.insert(Subject::Server(server.clone()));
        }
        let done: Vec<_> = steps.iter().map(ToString::to_string).collect();
        let mut proposal = Proposal::new(Actor::Controller, done.join(", "))
            .persona(record)
            .tell(events);
        if let Some(up) = came_up {
            proposal = self.with_failure(proposal, Some(&up), false);
        }
        self.propose(proposal);
    }
}

/// Whether a persona is to be started again on the server from which it is taken.
fn is_in_place(run: &Run) -> bool {
    let mut demands = run.plan.demands.iter();
    let to = run.to.as_ref();
    // Nobody may hold a persona any more but the server that could not be prepared for it.
    matches!(run.purpose, Purpose::Failover | Purpose::Start)
        && to.is_some_and(|to| demands.any(|demand| demand.server == to.server))
}
