//! How a plan is carried out, stage by stage.
//!
//! The steps of a stage go out side by side; when all have ended the stage is concluded, and the
//! next begins once that is committed. A step that fails before *agent up* ends the run: what
//! follows is planned anew, from who holds the persona then, without the server that failed. After
//! *agent up* nothing is fenced: a step is tried again, and a person is told.

use std::time::Duration;

use coldspare_names::{PersonaName, ServerName, Time};
use coldspare_persona::{PersonaEvent, PersonaState};

use super::commit::Proposal;
use super::{Core, Stage, Subject, rest};
use crate::act::{Give, Obstacle, Order, StepError};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::fence::{self, Piece};
use crate::holding::Grant;
use crate::record::{PersonaRecord, Purpose, Run, ServerRecord};
use crate::step::{Kind, Step};

/// How long a server is passed over on which a persona did not come up.
const COOL_OFF: Duration = Duration::from_mins(10);
/// After so many failures in a row of a step that is only tried again, a person is told.
const TRIES: u32 = 5;
/// What is told where an array was stamped by a record that is newer than ours.
const NOT_THE_NEWEST: &str = "an array has seen a newer generation than the record: the store was \
    restored from a backup, and others may hold it. Nothing is given: restore the newest store, or \
    delete the record to have it found out anew";
/// A heartbeat that was sent just before the power went may arrive so much later.
const IN_FLIGHT: Duration = Duration::from_millis(500);

impl Core {
    /// Leads a persona on.
    pub(super) fn lead(&mut self, name: &PersonaName) {
        let Some(persona) = self.personas.get(name) else {
            return;
        };
        let Some(kept) = persona.kept.as_ref().filter(|kept| !kept.committing) else {
            return;
        };
        if kept.record.run.is_none() {
            if kept.record.state == PersonaState::Waiting && self.is_back(&kept.record) {
                self.keep_home(name);
            } else if kept.record.state == PersonaState::Waiting {
                self.look_at_spares();
                self.dirty.insert(Subject::Homes);
            }
            return;
        }
        match &persona.stage {
            Some(stage) if stage.has_ended() => self.conclude(name),
            Some(_) => self.await_agent(name),
            None if persona.rest_until > self.now => {
                self.timers
                    .insert((persona.rest_until, Subject::Persona(name.clone())));
            }
            None => self.begin_stage(name),
        }
    }

    fn begin_stage(&mut self, name: &PersonaName) {
        let Some(record) = self.record(name).cloned() else {
            return;
        };
        let Some(run) = &record.run else { return };
        let Some(steps) = run.plan.stages.get(run.stage) else {
            return;
        };
        if let Some(persona) = self.personas.get_mut(name) {
            persona.stage = Some(Stage {
                began: self.now,
                ends: vec![None; steps.len()],
            });
        }
        if run.awaits().is_some() {
            return self.await_agent(name);
        }
        let gives = steps.iter().any(|step| step.kind() == Kind::Give);
        let mut fenced = record.holding.fenced().keys();
        let heard = fenced.find(|server| self.is_heard_since(server, self.now));
        if let Some(server) = heard.filter(|_| gives) {
            let reason = format!("{server} was fenced, and its heartbeats arrive: not believed");
            return self.unproven(record, Vec::new(), &reason);
        }
        let policy = self.pool_policy(name);
        for (index, step) in steps.iter().enumerate() {
            let limit = self.planner(&policy).limit(step);
            let give = (step.kind() == Kind::Give)
                .then(|| self.give(&record))
                .flatten();
            let order = Order {
                step: step.clone(),
                limit,
                give,
            };
            self.act(Subject::Persona(name.clone()), index, order);
        }
    }

    /// What giving needs: the one holder, and where to look again before.
    fn give(&self, record: &PersonaRecord) -> Option<Give> {
        let holder = record.holding.home()?;
        let policy = self.pool_policy(record.holding.persona());
        let planner = self.planner(&policy);
        let taken_from = record.holding.fenced().iter().map(|(server, fenced)| {
            let look = planner.look_again(&record.holding, server, fenced.generation);
            (look, fenced.evidence.clone())
        });
        Some(Give {
            holder,
            taken_from: taken_from.collect(),
        })
    }

    fn conclude(&mut self, name: &PersonaName) {
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
        let Some(steps) = run.plan.stages.get(run.stage) else {
            return;
        };

        let mut failures: Vec<(Kind, StepError)> = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        for (step, (at, end)) in steps.iter().zip(stage.ends.into_iter().flatten()) {
            match end {
                Ok(_) if self.is_contradicted(step, at) => {
                    let event = step.about(Event::new(What::Alarm)).persona(name);
                    self.tell(
                        event.because("it reads off, and its heartbeats arrive: not believed"),
                    );
                }
                Ok(piece) => pieces.extend(piece),
                Err(error) => failures.push((step.kind(), error)),
            }
        }
        if run.plan.takes(run.stage) {
            self.conclude_take(record, run, &pieces, &failures);
        } else if let Some((kind, error)) = failures.first() {
            self.conclude_failed(record, run, *kind, error);
        } else {
            self.conclude_done(record, run, Vec::new());
        }
    }

    /// Whether a server that reads off was heard since: then its management controller lies.
    fn is_contradicted(&self, step: &Step, read: Time) -> bool {
        let Step::PowerOff { server } = step else {
            return false;
        };
        self.is_heard_since(server, read)
    }

    /// Whether a server that read off twice, the second time then, was heard after the first.
    fn is_heard_since(&self, server: &ServerName, read: Time) -> bool {
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
            return self.unproven(record, events, &text);
        }
        let prepared = failures.iter().find(|(kind, _)| *kind == Kind::Prepare);
        if let Some((kind, error)) = prepared {
            return self.replan(record, &run, error, events, *kind);
        }
        self.conclude_done(record, run, events);
    }

    /// Somebody may still act as the persona: tried again after a rest, and a person is told.
    fn unproven(&mut self, mut record: PersonaRecord, events: Vec<Event>, reason: &str) {
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

    fn conclude_failed(&mut self, record: PersonaRecord, run: Run, kind: Kind, error: &StepError) {
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
                plan: self.planner(&policy).free(&record.holding),
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
    fn replan(
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
    fn with_failure(&self, proposal: Proposal, to: Option<&Grant>, failed: bool) -> Proposal {
        let found = to.and_then(|to| Some((&to.server, self.servers.get(&to.server)?)));
        match found {
            Some((name, server)) if server.kept.record.failed != failed => {
                let record = server.kept.record.clone();
                proposal.server(name, ServerRecord { failed, ..record })
            }
            _ => proposal,
        }
    }

    /// The stage is done: on to the next, or the run is over.
    fn conclude_done(&mut self, mut record: PersonaRecord, mut run: Run, mut events: Vec<Event>) {
        let name = record.holding.persona().clone();
        let steps = run.plan.stages.get(run.stage).cloned().unwrap_or_default();
        let came_up = run.awaits().and(run.to.clone());
        for step in &steps {
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
        let next = run.plan.stages.get(run.stage + 1);
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
