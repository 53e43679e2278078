//! Who needs a home, and which server becomes it. Placing comes before fencing: without a fitting
//! spare a dead server is not touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldspare_heartbeat::Power;
use coldspare_names::{PersonaName, PoolName, ServerName};
use coldspare_persona::placement::{self, Candidate, Claim, LastResort, NetworkNeed, Placement};
use coldspare_persona::{FailureDomain, PersonaEvent, PersonaState};

use super::commit::Proposal;
use super::{Core, Persona, RequestId, Subject};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::holding::{Grant, Holding};
use crate::record::{PersonaRecord, Purpose, Run, Wanted};
use crate::reply::Reply;
use crate::site::{SitePersona, WorkloadKind};

/// How often the spares are looked at while a persona waits for one.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Core {
    pub(super) fn find_homes(&mut self, pool: &PoolName) {
        if self.control.record.paused {
            return;
        }
        let Some(pool) = self.site.pools.get(pool) else {
            return;
        };
        let names = self.directory.personas(&pool.name);
        let needy: Vec<_> = names
            .iter()
            .filter(|name| self.needs_home(name))
            .cloned()
            .collect();
        if needy.is_empty() {
            return;
        }
        let moving = names.iter().filter(|name| self.is_moving(name)).count();
        let budget = pool.policy.simultaneous_failovers.get() as usize;
        let mut budget = budget.saturating_sub(moving);

        let mut placed = self.place(&needy, None);
        let urgent = |p: &Placement| {
            self.site
                .personas
                .get(&p.persona)
                .map(|of| of.persona.priority)
        };
        placed.sort_by_key(|placement| std::cmp::Reverse(urgent(placement)));
        for placement in placed {
            if placement.choice.is_none() {
                self.wait(&placement.persona, explain(&placement), "no server fits");
            } else if budget == 0 {
                let reason = "as many failovers as the pool allows are under way";
                self.wait(&placement.persona, Vec::new(), reason);
            } else {
                budget -= 1;
                let Some(record) = self.record(&placement.persona).cloned() else {
                    continue;
                };
                let is_new = record.holding.holders().is_empty();
                let purpose = if is_new {
                    Purpose::Start
                } else {
                    Purpose::Failover
                };
                let opened = self.open(record, &placement, purpose, Actor::Controller, None);
                if let Err(problem) = opened {
                    self.wait(&placement.persona, Vec::new(), &problem);
                }
            }
        }
    }

    /// Whether the persona shall run, does not, and nothing is being done about it.
    fn needs_home(&self, name: &PersonaName) -> bool {
        let Some(kept) = self
            .personas
            .get(name)
            .and_then(|persona| persona.kept.as_ref())
        else {
            return false;
        };
        let record = &kept.record;
        if kept.is_committing() || record.wanted != Wanted::Running || record.is_in_run() {
            return false;
        }
        match record.state {
            PersonaState::Waiting => true,
            PersonaState::Running | PersonaState::AwaitingConfirmation => {
                let mut holders = record.holding.holders().keys().peekable();
                holders.peek().is_some() && holders.all(|server| self.is_lost(server))
            }
            _ => false,
        }
    }

    fn is_moving(&self, name: &PersonaName) -> bool {
        let of = self.personas.get(name);
        // One that is just being opened counts too.
        let mut records = of.into_iter().flat_map(Persona::records);
        records.any(PersonaRecord::is_in_run)
    }

    /// Places personas together, on servers of their pools, or only on one that was asked for.
    pub(super) fn place(&self, names: &[PersonaName], only: Option<&ServerName>) -> Vec<Placement> {
        let pools: BTreeSet<&PoolName> = names
            .iter()
            .filter_map(|name| Some(&self.site.personas.get(name)?.persona.pool))
            .collect();
        let candidates: Vec<_> = match only {
            Some(only) => vec![only],
            None => pools
                .into_iter()
                .flat_map(|pool| self.directory.servers(pool))
                .collect(),
        };
        let candidates: Vec<_> = candidates
            .into_iter()
            .filter_map(|name| self.candidate(name))
            .collect();
        let claims: Vec<_> = names.iter().filter_map(|name| self.claim(name)).collect();
        placement::place(&claims, &candidates)
    }

    fn candidate(&self, name: &ServerName) -> Option<Candidate<'_>> {
        let (of, known) = (self.site.servers.get(name)?, self.servers.get(name)?);
        let known_to = |is_so: &dyn Fn(&Holding) -> bool| {
            let mut personas = self.directory.known_to(name).rev();
            let persona = personas.find(|persona| {
                let of = self.personas.get(*persona);
                let mut records = of.into_iter().flat_map(Persona::records);
                records.any(|record| is_so(&record.holding))
            });
            persona.cloned()
        };
        Some(Candidate {
            server: &of.server,
            maintenance: known.kept.record.maintenance,
            wears: known_to(&|holding| holding.holders().contains_key(name)),
            reserved: known_to(&|holding| {
                let grant = holding.reserved();
                grant.is_some_and(|grant| grant.server == *name)
            }),
            scrubbed: known.kept.record.scrubbed,
            failed_at: known.kept.record.failed_at,
            power: match known.power {
                Power::Off => placement::Power::Off,
                Power::On => placement::Power::On,
                Power::NoAnswer => placement::Power::Unknown,
            },
        })
    }

    fn claim(&self, name: &PersonaName) -> Option<Claim<'_>> {
        let of = self.site.personas.get(name)?;
        let record = self.record(name)?;
        let avoided = record.avoid.iter().filter(|(_, until)| **until > self.now);
        let without = avoided
            .map(|(server, until)| (server.clone(), format!("passed over until {until}")))
            .collect();
        let is_avoided = |own: &Grant| {
            let until = record.avoid.get(&own.server);
            until.is_some_and(|until| *until > self.now)
        };
        // One that was reserved and could not be prepared is nobody else's spare either.
        let own = record.holding.only().filter(|own| !is_avoided(own));
        // One that lost its power by itself is left alone: powered on again it would be the home
        // that it was. One that was tried in vain may be off because we left it so.
        let was_tried = |own: &Grant| record.avoid.contains_key(&own.server);
        Some(Claim {
            networks: self.needs(of),
            without,
            peers: self.peers(name, of),
            last_resort: own.map(|own| LastResort {
                off_unprovable: match self.reads(&own.server) {
                    Power::On => self.booting(&own.server, of),
                    Power::Off if was_tried(&own) => None,
                    Power::Off => {
                        Some("it lost its power, and only its return brings it back".to_owned())
                    }
                    Power::NoAnswer => Some("its management controller does not answer".to_owned()),
                },
                server: own.server,
            }),
            ..Claim::new(&of.persona)
        })
    }

    /// Why a server is let alone that has its power again by itself: it is given the time to boot.
    fn booting(&self, server: &ServerName, of: &SitePersona) -> Option<String> {
        let until = self.servers.get(server)?.on_since? + of.persona.boot_timer.length();
        (until > self.now).then(|| format!("it has its power again, and has until {until} to boot"))
    }

    fn needs(&self, of: &SitePersona) -> Vec<NetworkNeed> {
        let wanted = of
            .connections
            .connections
            .iter()
            .map(|connection| &connection.network);
        let networks = wanted.filter_map(|name| self.site.networks.get(name).ok());
        networks
            .map(|network| NetworkNeed {
                network: network.name.clone(),
                primary: network.channels.primary(),
                secondary: network.channels.secondary(),
            })
            .collect()
    }

    /// The other members of its group, and what their servers share with others.
    fn peers(
        &self,
        name: &PersonaName,
        of: &SitePersona,
    ) -> BTreeMap<PersonaName, BTreeSet<FailureDomain>> {
        let WorkloadKind::DagMember { dag, .. } = &of.workload else {
            return BTreeMap::new();
        };
        let group = self.site.dags.get(dag);
        let members = group.into_iter().flat_map(|of| of.personas.values());
        let peers = members.filter(|member| *member != name);
        peers
            .filter_map(|peer| {
                let home = self.record(peer)?.holding.home()?;
                let domains = &self.site.servers.get(&home.server)?.server.domains;
                Some((peer.clone(), domains.clone()))
            })
            .collect()
    }

    /// Opens the run that brings the persona to the server that was chosen: reserves the server
    /// and raises the generation, before any device is called.
    pub(super) fn open(
        &mut self,
        mut record: PersonaRecord,
        placement: &Placement,
        purpose: Purpose,
        actor: Actor,
        reply: Option<(RequestId, Reply)>,
    ) -> Result<(), String> {
        let choice = placement.choice.as_ref().ok_or("no server fits")?;
        let name = placement.persona.clone();
        record.avoid.remove(&choice.server);
        record.holding.reserve(choice.server.clone());
        let policy = self.pool_policy(&name);
        let planner = self.planner(&policy);
        let plan = match purpose {
            Purpose::Move => planner.leave_and_retarget(&record.holding),
            _ => planner.retarget(&record.holding),
        };
        let plan = plan.map_err(|problem| problem.to_string())?;
        if purpose == Purpose::Move {
            record.turn(PersonaEvent::StopRequested);
        } else {
            record.turn(PersonaEvent::HomeLost);
            record.turn(PersonaEvent::Placed);
        }
        let grant = record.holding.reserved().cloned();
        record.site = self.site_on_record.mark();
        record.run = Some(Run {
            to: grant.clone(),
            ..Run::new(purpose, actor.clone(), plan, self.now)
        });
        let about = |what| Event::new(what).persona(&name).server(&choice.server);
        let why = if choice.in_place {
            "restart in place: no spare fits"
        } else {
            "it fits best"
        };
        let generation = grant.map(|grant| grant.generation).unwrap_or_default();
        let events = [
            about(What::Placed)
                .because(why)
                .explained(explain(placement)),
            about(What::Reserved).because(format!("under generation {generation}")),
        ];
        self.begin_anew(&name);
        let why = format!("{} {name} to {}", purpose.word(), choice.server);
        let lost: Vec<_> = match purpose {
            Purpose::Failover => record.holding.holders().keys().cloned().collect(),
            _ => Vec::new(),
        };
        let mut proposal = Proposal::new(actor, why).persona(record);
        for name in lost.iter().chain([&choice.server]) {
            if let Some(server) = self.servers.get(name) {
                let mut known = server.kept.record.clone();
                known.scrubbed &= *name != choice.server;
                if lost.contains(name) {
                    known.failed_at = Some(self.now);
                }
                proposal = proposal.server(name, known);
            }
        }
        self.propose(proposal.tell(events).reply(reply));
        Ok(())
    }

    /// Nothing can be done now: told once, and tried again when something changes.
    fn wait(&mut self, name: &PersonaName, explanation: Vec<String>, reason: &str) {
        // One look is enough, however often it is found that nothing can be done.
        if let Some(persona) = self.personas.get_mut(name)
            && persona.look_again <= self.now
        {
            persona.look_again = self.now + LOOK_AGAIN;
            let subject = Subject::Persona(name.clone());
            self.timers.insert((persona.look_again, subject));
        }
        let event = Event::new(What::Waiting).persona(name).because(reason);
        let text = format!("{reason}: {}", explanation.join("; "));
        self.tell_once(name, text, event.explained(explanation));
        let Some(record) = self.record(name) else {
            return;
        };
        if record.state != PersonaState::Waiting {
            let mut record = record.clone();
            record.turn(PersonaEvent::HomeLost);
            record.run = None;
            let why = format!("{name} waits: {reason}");
            self.begin_anew(name);
            self.propose(Proposal::new(Actor::Controller, why).persona(record));
        }
    }

    pub(super) fn record(&self, name: &PersonaName) -> Option<&PersonaRecord> {
        Some(&self.personas.get(name)?.kept.as_ref()?.record)
    }

    /// Tells why nothing can be done, unless that was told last.
    pub(super) fn tell_once(&mut self, name: &PersonaName, text: String, event: Event) {
        let Some(persona) = self.personas.get_mut(name) else {
            return;
        };
        if persona.told.as_ref() != Some(&text) {
            persona.told = Some(text);
            self.tell(event);
        }
    }

    /// Forgets how far the persona's steps had come.
    pub(super) fn begin_anew(&mut self, name: &PersonaName) {
        self.abandon(&Subject::Persona(name.clone()));
        if let Some(persona) = self.personas.get_mut(name) {
            persona.stage = None;
            persona.failures = 0;
            persona.rest_until = coldspare_names::Time::EPOCH;
        }
    }
}

/// Why each other server was not chosen, and what would have to change, one line a server.
pub(super) fn explain(placement: &Placement) -> Vec<String> {
    let lines = placement.refused.iter().map(|(server, refusals)| {
        let reasons: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        format!("{server} {}", reasons.join(", "))
    });
    lines.collect()
}
