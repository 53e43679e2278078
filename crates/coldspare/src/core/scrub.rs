//! How a server becomes a spare again: off, disarmed, parked, shut out, and all of it read back.
//! Repeated until done; only then is it a spare.

use coldspare_names::{ServerName, Time};

use super::commit::Proposal;
use super::{Core, Stage, Subject, rest};
use crate::act::Order;
use crate::command::Actor;
use crate::event::{Event, What};
use crate::holding::Holding;

impl Core {
    /// Leads a server on: scrubs it, if it holds nothing and is not scrubbed yet.
    pub(super) fn scrub(&mut self, name: &ServerName) {
        let may = self.may_scrub(name);
        let Some(server) = self.servers.get_mut(name) else {
            return;
        };
        if !may {
            // Whatever was seen so far may be otherwise once it may be scrubbed again.
            server.scrub = None;
            return self.abandon(&Subject::Server(name.clone()));
        }
        if server.kept.is_committing() || server.kept.record.scrubbed {
            return;
        }
        match &server.scrub {
            None if server.scrub_rest_until > self.now => {
                self.timers
                    .insert((server.scrub_rest_until, Subject::Server(name.clone())));
            }
            None => self.begin_scrub(name),
            Some(stage) if stage.has_ended() => self.conclude_scrub(name),
            Some(_) => {}
        }
    }

    /// A spare that is on, whoever turned it on, is none: it is scrubbed again.
    pub(super) fn is_no_spare(&mut self, name: &ServerName) {
        let Some(server) = self.servers.get(name) else {
            return;
        };
        if server.kept.is_committing() || !server.kept.record.scrubbed || !self.may_scrub(name) {
            return;
        }
        let mut record = server.kept.record.clone();
        record.scrubbed = false;
        let why = format!("{name} is on: no spare");
        self.propose(Proposal::new(Actor::Controller, why).server(name, record));
    }

    /// Nobody is powered off that may hold a persona, or on which people work.
    fn may_scrub(&self, name: &ServerName) -> bool {
        let held = self.holdings(name).any(|of| of.involves(name));
        let maintained = self
            .servers
            .get(name)
            .is_some_and(|s| s.kept.record.maintenance);
        self.directory.is_complete() && !held && !maintained && !self.control.record.paused
    }

    /// Of the personas that know a server.
    fn holdings(&self, name: &ServerName) -> impl Iterator<Item = &Holding> {
        let personas = self.directory.known_to(name);
        personas.filter_map(|persona| Some(&self.record(persona)?.holding))
    }

    fn begin_scrub(&mut self, name: &ServerName) {
        let policy = self.site.policy_of(name).cloned().unwrap_or_default();
        let holdings: Vec<_> = self.holdings(name).collect();
        let planner = self.planner(&policy);
        let steps = planner.scrub(name, &holdings);
        let orders: Vec<_> = steps
            .into_iter()
            .map(|step| Order {
                limit: planner.limit(&step),
                step,
                give: None,
            })
            .collect();
        let subject = Subject::Server(name.clone());
        self.abandon(&subject);
        if let Some(server) = self.servers.get_mut(name) {
            server.scrub = Some(Stage {
                began: self.now,
                ends: vec![None; orders.len()],
            });
        }
        for (index, order) in orders.into_iter().enumerate() {
            self.act(subject.clone(), index, order);
        }
    }

    fn conclude_scrub(&mut self, name: &ServerName) {
        let Some(server) = self.servers.get_mut(name) else {
            return;
        };
        let Some(stage) = server.scrub.take() else {
            return;
        };
        let failed = stage
            .ends
            .into_iter()
            .flatten()
            .any(|(_, end)| end.is_err());
        if failed || server.heard >= stage.began {
            server.scrub_rest_until = self.now + rest(server.scrub_failures);
            server.scrub_failures += 1;
            self.dirty.insert(Subject::Server(name.clone()));
            return;
        }
        let fenced_by: Vec<_> = self
            .directory
            .known_to(name)
            .filter_map(|persona| self.personas.get(persona)?.kept.as_ref())
            .filter(|kept| kept.record.holding.fenced().contains_key(name))
            .collect();
        if fenced_by.iter().any(|kept| kept.is_committing()) {
            // A record is on its way: look again once it has arrived.
            self.timers
                .insert((self.now + rest(0), Subject::Server(name.clone())));
            return;
        }
        let mut event = Event::new(What::Scrubbed).server(name);
        let mut proposal = Proposal::new(Actor::Controller, format!("scrub {name}"));
        for kept in fenced_by {
            let mut record = kept.record.clone();
            record.holding.scrubbed(name);
            event = event.persona(record.holding.persona());
            proposal = proposal.persona(record);
        }
        let Some(server) = self.servers.get_mut(name) else {
            return;
        };
        server.scrub_failures = 0;
        server.scrub_rest_until = Time::EPOCH;
        server.power = coldspare_heartbeat::Power::Off;
        let mut record = server.kept.record.clone();
        record.scrubbed = true;
        let event = event.because("it is off, disarmed, parked and shut out: a spare again");
        self.propose(proposal.server(name, record).tell([event]));
    }
}
