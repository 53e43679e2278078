//! What follows from heartbeats, from witnesses, and from the detector's findings.

use std::collections::BTreeSet;
use std::time::Duration;

use coldspare_heartbeat::{
    Answer, Beat, Cause, Finding, Heard, Path, Power, Question, Slot, Status, Testimony, Verdict,
};
use coldspare_names::{PersonaName, PoolName, ServerName, Time};
use coldspare_persona::{PersonaEvent, PoolPolicy, SanLostPolicy, UnknownPolicy};

use super::commit::Proposal;
use super::{Core, Output, Server, Subject};
use crate::ask::{Answered, Ask};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::record::{PersonaRecord, Purpose, Run};

/// How long after a sign of life without a session the session is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Core {
    pub(super) fn heard(&mut self, name: &ServerName, path: Path, beat: &Beat) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(name) else {
            return;
        };
        server.heard = now;
        if self.detector.heard(server.slot, path, beat, now) != Heard::Accepted {
            return;
        }
        let Some(watched) = &server.watched else {
            return;
        };
        let persona = watched.persona.clone();
        if !std::mem::replace(&mut server.accepted, true) {
            self.dirty.insert(Subject::Persona(persona.clone()));
        }
        let wrote = beat
            .wrote
            .map(|ago| Time::after_epoch(now.since_epoch().saturating_sub(ago)));
        self.agent_up(&persona, beat.generation, wrote);
    }

    pub(super) fn answered(&mut self, answered: Answered) {
        match answered {
            Answered::Witness { server, testimony } => self.testified(&server, testimony),
            Answered::Wears {
                persona,
                generation,
                wears: true,
            } => {
                self.agent_up(&persona, generation, Some(self.now));
            }
            Answered::Wears { persona, .. } => {
                self.timers
                    .insert((self.now + ASK_AGAIN, Subject::Persona(persona)));
            }
            Answered::Survey(world) => self.surveyed(&world),
        }
    }

    fn testified(&mut self, name: &ServerName, testimony: Testimony) {
        let Some(server) = self.servers.get_mut(name) else {
            return;
        };
        let mut is_news = false;
        if let Answer::Power(power) = testimony.answer
            && power != server.power
        {
            server.power = power;
            if power == Power::On && server.verdict.is_some() {
                server.on_since = Some(self.now);
            }
            is_news = true;
        }
        let (slot, is_watched) = (server.slot, server.watched.is_some());
        if is_news {
            self.look_at(name);
        }
        if is_watched {
            self.detector.testify(slot, testimony, self.now);
        } else if testimony.answer == Answer::Power(Power::On) {
            self.is_no_spare(name);
        }
    }

    pub(super) fn ask_power(&mut self, server: &ServerName) {
        let ask = Ask::Witness {
            server: server.clone(),
            question: Question::Power,
            asked: self.now,
        };
        self.outputs.push(Output::Ask(ask));
    }

    pub(super) fn poll_detector(&mut self) {
        for finding in self.detector.poll(self.now) {
            self.found(finding);
        }
    }

    fn found(&mut self, finding: Finding) {
        match finding {
            Finding::Started { slot, .. } => {
                if let Some((server, Some(persona))) = self.at(slot) {
                    if let Some(server) = self.servers.get_mut(&server) {
                        server.started = true;
                    }
                    self.dirty.insert(Subject::Persona(persona));
                }
            }
            Finding::Announced { .. } => {}
            Finding::EchoLost { slot, path } => {
                let because = "it is heard on this path, and hears nobody";
                self.tell_path(slot, path, "one-way", because);
            }
            Finding::EchoRestored { slot, path } => {
                self.tell_path(
                    slot,
                    path,
                    "restored",
                    "it hears the monitor on this path again",
                );
            }
            Finding::PathDegraded { slot, path } => {
                self.tell_path(slot, path, "degraded", "it is silent on this path only");
            }
            Finding::PathRestored { slot, path } => {
                self.tell_path(slot, path, "restored", "it is heard on this path again");
            }
            Finding::Suspected { slot, heard } => {
                let because = format!("not heard since {heard}: witnesses are asked");
                self.tell_of(slot, What::Suspected, None, because);
                let persona = self.at(slot).and_then(|(_, persona)| persona);
                let pool = persona.and_then(|persona| self.pool_for(&persona));
                self.dirty.extend(pool.map(Subject::Spares));
            }
            Finding::DiskStalled { slot, wrote } => {
                let because = format!("it is alive and has not written its disk since {wrote}");
                self.tell_of(slot, What::Alarm, None, because);
            }
            Finding::Ask {
                slot,
                question,
                asked,
            } => {
                if let Some((server, persona)) = self.at(slot) {
                    let monitor = persona.and_then(|persona| self.health_monitor(&persona));
                    let ask = match (question, monitor) {
                        (Question::Probe(_), Some(address)) => Ask::HealthMonitor {
                            server,
                            address,
                            asked,
                        },
                        _ => Ask::Witness {
                            server,
                            question,
                            asked,
                        },
                    };
                    self.outputs.push(Output::Ask(ask));
                }
            }
            Finding::Judged { slot, verdict } => self.judged(slot, &verdict),
            Finding::CeilingPassed { slot } => {
                let because =
                    "nobody can tell whether it lives: confirm it fenced, or mend a witness";
                self.tell_of(slot, What::OperatorNeeded, None, because.to_owned());
            }
            Finding::Contradicted { slot } => {
                let because = "its management controller says off, and it acts: not believed";
                self.tell_of(slot, What::Alarm, None, because.to_owned());
            }
            Finding::Recovered { slot } => self.recovered(slot),
            Finding::Held { cause, slots } => self.tell_held(&cause, &slots, "held"),
            Finding::HoldEnded { cause, slots } => self.tell_held(&cause, &slots, "judged again"),
        }
    }

    fn at(&self, slot: Slot) -> Option<(ServerName, Option<PersonaName>)> {
        let name = self.by_slot.get(usize::try_from(slot.number()).ok()?)?;
        let persona = self
            .servers
            .get(name)?
            .watched
            .as_ref()
            .map(|w| w.persona.clone());
        Some((name.clone(), persona))
    }

    fn about(&self, slot: Slot, what: What) -> Option<Event> {
        let (server, persona) = self.at(slot)?;
        let event = Event::new(what).server(&server);
        Some(persona.iter().fold(event, Event::persona))
    }

    fn tell_of(&mut self, slot: Slot, what: What, status: Option<&str>, because: String) {
        if let Some(event) = self.about(slot, what) {
            let event = event.because(because);
            self.tell(status.into_iter().fold(event, Event::status));
        }
    }

    fn tell_path(&mut self, slot: Slot, path: Path, status: &str, because: &str) {
        let Some(event) = self.about(slot, What::PathDegraded) else {
            return;
        };
        let scn = self.site.system_control();
        let channels = scn.map(|network| network.channels);
        let channel = channels.and_then(|pair| match path {
            Path::First => Some(pair.primary()),
            Path::Second => pair.secondary(),
        });
        let event = channel
            .iter()
            .fold(event.status(status).because(because), Event::channel);
        self.tell(event);
    }

    fn tell_held(&mut self, cause: &Cause, slots: &BTreeSet<Slot>, status: &str) {
        let servers: Vec<_> = slots.iter().filter_map(|slot| self.at(*slot)).collect();
        let names: Vec<_> = servers
            .iter()
            .map(|(server, _)| server.to_string())
            .collect();
        let event = Event::new(What::Held).status(status);
        let concerned = match names.as_slice() {
            [] => String::new(),
            names => format!("; concerned: {}", names.join(", ")),
        };
        self.tell(event.because(format!("{cause}{concerned}")));
    }

    fn judged(&mut self, slot: Slot, verdict: &Verdict) {
        let Some((name, persona)) = self.at(slot) else {
            return;
        };
        let Some(server) = self.servers.get_mut(&name) else {
            return;
        };
        server.accepted = false;
        let since = server
            .verdict
            .filter(|(status, _)| *status == verdict.status);
        server.verdict = Some((verdict.status, since.map_or(self.now, |(_, since)| since)));
        let explanation = verdict.explanation();
        if let Some(event) = self.about(slot, What::Verdict) {
            let event = event.status(verdict.status).because(verdict.to_string());
            self.tell(event.explained(explanation));
        }
        let alarming = matches!(
            verdict.status,
            Status::AgentDead | Status::Isolated | Status::SanLost
        );
        if alarming {
            self.tell_of(slot, What::Alarm, None, verdict.to_string());
        }
        let pool = persona.as_ref().and_then(|persona| self.pool_for(persona));
        let policy = self.site.policy_of(&name).cloned().unwrap_or_default();
        if let Some(patience) = patience(verdict.status, &policy)
            && !patience.is_zero()
        {
            let at = self.now + patience;
            let homes = pool.clone().map(|pool| (at, Subject::Homes(pool)));
            self.timers.extend(homes);
        }
        self.dirty.extend(persona.map(Subject::Persona));
        self.dirty.extend(pool.map(Subject::Homes));
    }

    fn recovered(&mut self, slot: Slot) {
        let Some((name, persona)) = self.at(slot) else {
            return;
        };
        if let Some(server) = self.servers.get_mut(&name) {
            (server.verdict, server.accepted) = (None, true);
        }
        self.dirty.extend(persona.map(Subject::Persona));
    }

    /// Whether the persona's own server, though it was given up, is heard again.
    pub(super) fn is_back(&self, record: &PersonaRecord) -> bool {
        let home = record.holding.home();
        let server = home.and_then(|home| self.servers.get(&home.server));
        server.is_some_and(|server| server.accepted && server.verdict.is_none())
    }

    /// Whether the server from which a persona is to be taken is heard again, and nothing was begun:
    /// it took long to record that it was given up.
    pub(super) fn has_returned(&self, record: &PersonaRecord, failures: u32) -> bool {
        let begins = |run: &Run| run.purpose == Purpose::Failover && run.stage == 0;
        if failures > 0 || !record.run.as_ref().is_some_and(begins) {
            return false;
        }
        let reserved = record.holding.reserved();
        let mut holders = record.holding.holders().keys();
        let is_back = |name: &ServerName| {
            let server = self.servers.get(name);
            let heard = server.is_some_and(|it| it.accepted && it.verdict.is_none());
            heard && reserved.is_some_and(|grant| grant.server != *name)
        };
        holders.next().is_some_and(is_back) && holders.next().is_none()
    }

    /// A failover ends before it has begun: the persona stays, and the reserved server is freed.
    pub(super) fn call_off(&mut self, name: &PersonaName) {
        let Some(mut record) = self.record(name).cloned() else {
            return;
        };
        record.turn(PersonaEvent::StepFailed);
        record.turn(PersonaEvent::HomeKept);
        let policy = self.pool_policy(name);
        let plan = self.planner(&policy).free(&record.holding);
        record.run = Some(Run::new(Purpose::Free, Actor::Controller, plan, self.now));
        self.begin_anew(name);
        let why = format!("{name} stays where it is: its server was heard before it was fenced");
        self.propose(Proposal::new(Actor::Controller, why).persona(record));
    }

    /// A persona that waits stays where it is, if its own server is heard again.
    pub(super) fn keep_home(&mut self, name: &PersonaName) {
        let Some(mut record) = self.record(name).cloned() else {
            return;
        };
        let Some(home) = record.holding.home() else {
            return;
        };
        record.turn(PersonaEvent::HomeKept);
        self.begin_anew(name);
        if let Some(persona) = self.personas.get_mut(name) {
            persona.told = None;
        }
        let policy = self.pool_policy(name);
        let plan = self.planner(&policy).refresh(&record.holding);
        record.site = self.site_on_record.mark();
        record.run = plan
            .ok()
            .map(|plan| Run::new(Purpose::Stay, Actor::Controller, plan, self.now));
        let why = format!("{name} stays on {}, which is heard again", home.server);
        self.propose(Proposal::new(Actor::Controller, why).persona(record));
    }
}

/// How long a verdict stands before it is acted on; `None`: it never is.
pub(super) fn patience(status: Status, policy: &PoolPolicy) -> Option<Duration> {
    match status {
        Status::Dead => Some(Duration::ZERO),
        Status::SanLost => match policy.san_lost {
            SanLostPolicy::Alarm => None,
            SanLostPolicy::Fence { after } => Some(after),
        },
        Status::Unknown => match policy.unknown {
            UnknownPolicy::Operator => None,
            UnknownPolicy::Isolate { after } => Some(after),
        },
        Status::AgentDead | Status::Isolated | Status::Held => None,
    }
}

impl Core {
    /// Whether the server is as good as dead: a verdict stands that is acted on now.
    pub(super) fn is_lost(&self, name: &ServerName) -> bool {
        let Some(server) = self.servers.get(name) else {
            return false;
        };
        let Some((status, since)) = server.verdict else {
            return false;
        };
        let policy = self.site.policy_of(name).cloned().unwrap_or_default();
        patience(status, &policy).is_some_and(|patience| self.now >= since + patience)
    }

    /// Asks the management controllers of all servers of a pool that wear nothing.
    pub(super) fn look_at_spares(&mut self, pool: &PoolName) {
        // The detector does not ask again about a server that it found dead.
        let is_dead = |server: &Server| matches!(server.verdict, Some((Status::Dead, _)));
        let is_idle = |name: &&ServerName| {
            let server = self.servers.get(*name);
            server.is_some_and(|server| server.watched.is_none() || is_dead(server))
        };
        let servers = self.directory.servers(pool).iter();
        for name in servers.filter(is_idle).cloned().collect::<Vec<_>>() {
            self.ask_power(&name);
        }
    }

    /// Whether the management controller's word on a server's power may be believed.
    pub(super) fn reads(&self, name: &ServerName) -> Power {
        self.servers
            .get(name)
            .map_or(Power::NoAnswer, |server| server.power)
    }
}
