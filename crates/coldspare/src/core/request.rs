//! What people and programs ask for. Everything is recorded with who asked, before it is done.

use coldspare_names::{Generation, PersonaName, ServerName};
use coldspare_persona::{PersonaEvent, PersonaState};

use super::commit::Proposal;
use super::home::explain;
use super::{Core, Output, Reading, RequestId};
use crate::command::{Actor, Command, Verb};
use crate::event::{Event, What};
use crate::fence;
use crate::holding::Grant;
use crate::record::{PersonaRecord, Purpose, Run, Wanted};
use crate::reply::{Overview, PersonaOverview, Preview, Reply, ServerOverview};

impl Core {
    pub(super) fn asked(&mut self, request: RequestId, command: Command) {
        let Command { actor, verb } = command;
        let word = verb.word();
        let answer = match verb {
            _ if self.reading == Reading::First => {
                Err("the store has not been read yet".to_owned())
            }
            Verb::Status => Ok(Some(Reply::Status(self.overview()))),
            Verb::Plan { persona, to } => self.preview(&persona, to.as_ref()).map(Some),
            _ if self.reading == Reading::Again => {
                Err("the record changed meanwhile: ask again".to_owned())
            }
            _ if self.control.record.paused && verb.begins() => {
                Err("everything is paused: nothing new is begun".to_owned())
            }
            Verb::Retarget { persona, to } => self.retarget(request, &actor, &persona, to.as_ref()),
            Verb::Start { persona, on } => self.start(request, &actor, &persona, on.as_ref()),
            Verb::Stop { persona } => self.stop(request, &actor, &persona),
            Verb::Maintenance { server, on } => self.maintain(request, &actor, &server, on),
            Verb::ConfirmFenced {
                persona,
                server,
                generation,
            } => self.confirm_fenced(request, &actor, &persona, &server, generation),
            Verb::Pause { on } => self.pause(request, &actor, on),
            Verb::Compare { site } => Ok(Some(Reply::Difference(self.site.difference(&site)))),
            Verb::Apply { site } => self.apply(request, &actor, *site),
        };
        let reply = match answer {
            Ok(Some(reply)) => reply,
            // The reply goes out once it is committed.
            Ok(None) => return,
            Err(reason) => {
                self.tell(Event::new(What::Refused).status(word).because(&reason));
                Reply::Refused(reason)
            }
        };
        self.outputs.push(Output::Reply { request, reply });
    }

    /// A persona's record, free to be changed.
    pub(super) fn free(&self, name: &PersonaName) -> Result<PersonaRecord, String> {
        let persona = self
            .personas
            .get(name)
            .ok_or_else(|| format!("there is no persona {name}"))?;
        let kept = persona.kept.as_ref();
        let kept = kept.ok_or_else(|| format!("it is being found out who holds {name}"))?;
        if kept.is_committing() {
            return Err(format!("{name} is just being changed: ask again"));
        }
        Ok(kept.record.clone())
    }

    fn check_server(&self, asked_for: Option<&ServerName>) -> Result<(), String> {
        match asked_for.filter(|name| !self.site.servers.contains_key(*name)) {
            Some(name) => Err(format!("there is no server {name}")),
            None => Ok(()),
        }
    }

    fn retarget(
        &mut self,
        request: RequestId,
        actor: &Actor,
        name: &PersonaName,
        to: Option<&ServerName>,
    ) -> Result<Option<Reply>, String> {
        let record = self.free(name)?;
        if record.state != PersonaState::Running || record.is_in_run() {
            return Err(format!("{name} is {}, not running", record.state));
        }
        if to.is_some() && to == record.holding.home().map(|home| home.server).as_ref() {
            return Ok(Some(Reply::AlreadySo));
        }
        self.check_server(to)?;
        let placements = self.place(std::slice::from_ref(name), to);
        let placement = placements.first().ok_or("it cannot be placed")?;
        match &placement.choice {
            Some(choice) if !choice.in_place => {
                let reply = Reply::Accepted(format!("{name} moves to {}", choice.server));
                let reply = Some((request, reply));
                self.open(record, placement, Purpose::Move, actor.clone(), reply)?;
                Ok(None)
            }
            _ => Err(format!("no server fits: {}", explain(placement).join("; "))),
        }
    }

    fn start(
        &mut self,
        request: RequestId,
        actor: &Actor,
        name: &PersonaName,
        on: Option<&ServerName>,
    ) -> Result<Option<Reply>, String> {
        let mut record = self.free(name)?;
        self.check_server(on)?;
        if record.wanted == Wanted::Running {
            return match on.filter(|on| !record.holding.involves(on)) {
                Some(on) => Err(format!("{name} is {}, not for {on}", record.state)),
                None => Ok(Some(Reply::AlreadySo)),
            };
        }
        if record.run.is_some() {
            return Err(format!(
                "{name} is {}: wait until it is stopped",
                record.state
            ));
        }
        record.wanted = Wanted::Running;
        record.turn(PersonaEvent::StartRequested);
        let placements = self.place(std::slice::from_ref(name), on);
        match placements.first() {
            Some(placement) if placement.choice.is_some() => {
                let reply = Reply::Accepted(format!("{name} starts"));
                let reply = Some((request, reply));
                self.open(record, placement, Purpose::Start, actor.clone(), reply)?;
            }
            Some(placement) if on.is_some() => {
                return Err(format!(
                    "it does not fit: {}",
                    explain(placement).join("; ")
                ));
            }
            _ => {
                let reply = Reply::Accepted(format!("{name} starts as soon as a server fits"));
                let proposal = Proposal::new(actor.clone(), format!("start {name}"));
                self.propose(proposal.persona(record).reply(Some((request, reply))));
            }
        }
        Ok(None)
    }

    fn stop(
        &mut self,
        request: RequestId,
        actor: &Actor,
        name: &PersonaName,
    ) -> Result<Option<Reply>, String> {
        let mut record = self.free(name)?;
        if record.wanted == Wanted::Stopped {
            return Ok(Some(Reply::AlreadySo));
        }
        if record.is_in_run() {
            return Err(format!("{name} is {}: wait until it runs", record.state));
        }
        let runs = record.state == PersonaState::Running;
        record.wanted = Wanted::Stopped;
        record.holding.raise();
        record.turn(PersonaEvent::StopRequested);
        let policy = self.pool_policy(name);
        let planner = self.planner(&policy);
        let plan = if runs {
            planner.leave_and_retarget(&record.holding)
        } else {
            planner.retarget(&record.holding)
        };
        record.run = Some(Run::new(
            Purpose::Stop,
            actor.clone(),
            plan.map_err(|problem| problem.to_string())?,
            self.now,
        ));
        self.begin_anew(name);
        let reply = Reply::Accepted(format!("{name} stops"));
        let proposal = Proposal::new(actor.clone(), format!("stop {name}"));
        self.propose(proposal.persona(record).reply(Some((request, reply))));
        Ok(None)
    }

    fn maintain(
        &mut self,
        request: RequestId,
        actor: &Actor,
        name: &ServerName,
        on: bool,
    ) -> Result<Option<Reply>, String> {
        let server = self
            .servers
            .get(name)
            .ok_or_else(|| format!("there is no server {name}"))?;
        if server.kept.is_committing() {
            return Err(format!("{name} is just being changed: ask again"));
        }
        if server.kept.record.maintenance == on {
            return Ok(Some(Reply::AlreadySo));
        }
        let mut record = server.kept.record.clone();
        record.maintenance = on;
        // Whoever worked on it has looked at it.
        record.failed_at = record.failed_at.filter(|_| on);
        // People have worked on it: what was read back before does not count.
        record.scrubbed &= on;
        let word = if on { "in" } else { "out of" };
        let reply = Reply::Accepted(format!("{name} is {word} maintenance"));
        let proposal = Proposal::new(actor.clone(), format!("{name} {word} maintenance"));
        self.propose(proposal.server(name, record).reply(Some((request, reply))));
        Ok(None)
    }

    fn confirm_fenced(
        &mut self,
        request: RequestId,
        actor: &Actor,
        name: &PersonaName,
        server: &ServerName,
        generation: Generation,
    ) -> Result<Option<Reply>, String> {
        let mut record = self.free(name)?;
        let holds = record.holding.holders().get(server) == Some(&generation);
        let grant = Grant {
            server: server.clone(),
            generation,
        };
        let prepared = record.holding.reserved() == Some(&grant) && !record.is_in_run();
        if !holds && !prepared {
            return Err(format!(
                "{server} does not hold {name} under generation {generation}"
            ));
        }
        // One on which it did not come up is not believed, and not watched: see `watch`.
        let doubted = record.avoid.contains_key(server)
            || self
                .servers
                .get(server)
                .is_some_and(|server| server.verdict.is_some());
        if holds && !doubted && record.state != PersonaState::OperatorNeeded {
            return Err(format!("nothing speaks against {server}: it is heard"));
        }
        let proof = fence::stated(actor.clone(), server.clone(), generation);
        let event = Event::new(What::Fenced)
            .server(server)
            .persona(name)
            .because(proof.evidence());
        record.holding.release(proof);
        if record.holding.holders().is_empty() {
            record.turn(PersonaEvent::HomeLost);
        }
        if let Some(persona) = self.personas.get_mut(name) {
            persona.rest_until = self.now;
        }
        let reply = Reply::Accepted(format!("{server} counts as fenced, by the word of {actor}"));
        let why = format!("{actor} confirms {server} fenced for {name}, generation {generation}");
        let proposal = Proposal::new(actor.clone(), why)
            .persona(record)
            .tell([event]);
        self.propose(proposal.reply(Some((request, reply))));
        Ok(None)
    }

    fn pause(
        &mut self,
        request: RequestId,
        actor: &Actor,
        on: bool,
    ) -> Result<Option<Reply>, String> {
        if self.control.record.paused == on {
            return Ok(Some(Reply::AlreadySo));
        }
        if self.control.is_committing() {
            return Err("it is just being changed: ask again".to_owned());
        }
        let mut record = self.control.record.clone();
        record.paused = on;
        let what = if on {
            "nothing new is begun"
        } else {
            "failovers are begun again"
        };
        let reply = Some((request, Reply::Accepted(what.to_owned())));
        self.propose(
            Proposal::new(actor.clone(), what)
                .control(record)
                .reply(reply),
        );
        Ok(None)
    }

    fn preview(&self, name: &PersonaName, to: Option<&ServerName>) -> Result<Reply, String> {
        let of = self
            .site
            .personas
            .get(name)
            .ok_or_else(|| format!("there is no persona {name}"))?;
        self.check_server(to)?;
        let record = self.record(name);
        let record = record.ok_or_else(|| format!("it is being found out who holds {name}"))?;
        let placements = self.place(std::slice::from_ref(name), to);
        let placement = placements.into_iter().next().ok_or("it cannot be placed")?;
        let plan = placement.choice.as_ref().map(|choice| {
            let mut holding = record.holding.clone();
            holding.reserve(choice.server.clone());
            let policy = self.pool_policy(name);
            self.planner(&policy)
                .retarget(&holding)
                .map_err(|problem| problem.to_string())
        });
        let plan = plan.transpose()?;
        Ok(Reply::Preview(Box::new(Preview {
            expected: plan
                .as_ref()
                .map(|plan| self.estimates.of(plan))
                .unwrap_or_default(),
            placement,
            plan,
            objective: of.persona.recovery_time_objective,
        })))
    }

    fn overview(&self) -> Overview {
        let personas = self.site.personas.values().map(|of| {
            let name = &of.persona.name;
            let record = self.record(name);
            let stage = record.and_then(|record| {
                let run = record.run.as_ref()?;
                run.plan.stages.get(run.stage)
            });
            PersonaOverview {
                persona: name.clone(),
                pool: of.persona.pool.clone(),
                state: record.map(|record| record.state),
                wanted: record.map(|record| record.wanted),
                home: record
                    .and_then(|record| record.holding.home())
                    .map(|home| home.server),
                generation: record
                    .map(|record| record.holding.generation())
                    .unwrap_or_default(),
                doing: stage
                    .into_iter()
                    .flatten()
                    .map(ToString::to_string)
                    .collect(),
                waits_for: self
                    .personas
                    .get(name)
                    .and_then(|persona| persona.told.clone()),
            }
        });
        let servers = self.site.servers.values().filter_map(|of| {
            let server = self.servers.get(&of.server.name)?;
            Some(ServerOverview {
                server: of.server.name.clone(),
                pool: of.server.pool.clone(),
                power: server.power,
                verdict: server.verdict.map(|(status, _)| status),
                maintenance: server.kept.record.maintenance,
                scrubbed: server.kept.record.scrubbed,
                wears: server
                    .watched
                    .as_ref()
                    .map(|watched| watched.persona.clone()),
            })
        });
        Overview {
            paused: self.control.record.paused,
            personas: personas.collect(),
            servers: servers.collect(),
        }
    }
}
