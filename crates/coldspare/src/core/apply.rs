//! What another site changes. The store is the site of record: a site counts once it is committed.

use std::sync::Arc;

use coldspare_names::PersonaName;
use coldspare_persona::PersonaState;
use coldspare_store::Listing;

use super::commit::Proposal;
use super::{Core, Output, RequestId, Subject};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::record::{PersonaRecord, Purpose, Run, SiteOnRecord, SiteParts, site_of};
use crate::reply::Reply;
use crate::site::Site;

impl Core {
    /// Has another site recorded, unless something is still in use that it lacks.
    pub(super) fn apply(
        &mut self,
        request: RequestId,
        actor: &Actor,
        site: Site,
    ) -> Result<Option<Reply>, String> {
        let changes = self.site.difference(&site);
        if changes.is_empty() {
            return Ok(Some(Reply::AlreadySo));
        }
        if self.applying {
            return Err("it is just being changed: ask again".to_owned());
        }
        if let Some(reason) = self.still_in_use(&site) {
            return Err(reason);
        }
        let parts = SiteParts::of(&site)?;
        self.applying = true;
        let lines: Vec<_> = changes.iter().map(ToString::to_string).collect();
        let reply = Reply::Accepted(lines.join("\n"));
        let why = format!("apply another site: {} changes", changes.len());
        let proposal = Proposal::new(actor.clone(), why).site(Arc::new(site), parts);
        self.propose(proposal.reply(Some((request, reply))));
        Ok(None)
    }

    /// What a site lacks and somebody cannot do without.
    fn still_in_use(&self, site: &Site) -> Option<String> {
        self.personas.iter().find_map(|(name, persona)| {
            let record = persona.kept.as_ref().map(|kept| &kept.record);
            let Some(record) = record else {
                return (!site.personas.contains_key(name))
                    .then(|| format!("it lacks {name}, and it is being found out who holds it"));
            };
            let held = !record.holding.holders().is_empty() || record.run.is_some();
            if held && !site.personas.contains_key(name) {
                return Some(format!(
                    "it lacks {name}, which is {}: stop it first",
                    record.state
                ));
            }
            let mut known = record.holding.known();
            let gone = known.find(|server| {
                let involved = record.holding.involves(server);
                let is_there = |site: &Site| site.servers.contains_key(*server);
                involved && is_there(&self.site) && !is_there(site)
            })?;
            Some(format!(
                "it lacks {gone}, which may act as {name}: move {name} first"
            ))
        })
    }

    /// A site was recorded: it is used from now on.
    pub(super) fn applied(&mut self, site: Arc<Site>) {
        self.applying = false;
        self.change_site(site);
        let personas = self.site.personas.keys().cloned();
        self.dirty.extend(personas.map(Subject::Persona));
    }

    /// Uses the site that the store has on record, if it is another one. False: it cannot be used
    /// with the devices that there are, and nothing is begun any more.
    pub(super) fn read_site(&mut self, record: &Listing) -> bool {
        self.applying = false;
        let found = SiteOnRecord::in_record(record);
        let known = std::mem::replace(&mut self.site_on_record, found);
        if known.revision() == self.site_on_record.revision() {
            return true;
        }
        match site_of(record) {
            Ok(Some(site)) if site != *self.site => self.change_site(Arc::new(site)),
            Ok(_) => true,
            Err(reason) => {
                self.tell(Event::new(What::OperatorNeeded).because(reason));
                true
            }
        }
    }

    fn change_site(&mut self, site: Arc<Site>) -> bool {
        let same = same_devices(&self.site, &site);
        let output = if same { Output::Use } else { Output::StartAnew };
        self.outputs.push(output(site.clone()));
        if let Err(error) = self.use_site(site) {
            self.tell(Event::new(What::OperatorNeeded).because(error));
        }
        same
    }

    /// Whether a running persona's networks were set as another site said.
    pub(super) fn is_outdated(&self, record: &PersonaRecord) -> bool {
        record.state == PersonaState::Running && record.site != self.site_on_record.mark()
    }

    /// Sets a running persona's ports and interfaces as the site now says.
    pub(super) fn refresh(&mut self, name: &PersonaName) {
        let Some(mut record) = self.record(name).cloned() else {
            return;
        };
        let policy = self.pool_policy(name);
        match self.planner(&policy).refresh(&record.holding) {
            Ok(plan) => {
                record.run = Some(Run::new(
                    Purpose::Refresh,
                    Actor::Controller,
                    plan,
                    self.now,
                ));
                record.site = self.site_on_record.mark();
                self.begin_anew(name);
                let why = format!("set the networks of {name} as the site says");
                self.propose(Proposal::new(Actor::Controller, why).persona(record));
            }
            Err(problem) => {
                let event = Event::new(What::Alarm).persona(name).because(&problem);
                self.tell_once(name, problem.to_string(), event);
            }
        }
    }
}

/// Whether handles on the devices of one site do for another: networks, policies and words may
/// differ, and how often and for how long a server is heard may not.
fn same_devices(before: &Site, after: &Site) -> bool {
    let works = |site: &Site| {
        let personas = site.personas.iter();
        let works = personas.map(|(name, of)| {
            let agent = of.persona.agent;
            (name.clone(), agent, of.home.clone(), of.workload.clone())
        });
        works.collect::<Vec<_>>()
    };
    before.key == after.key
        && before.redistribution == after.redistribution
        && before.heartbeat == after.heartbeat
        && before.servers == after.servers
        && before.switches == after.switches
        && before.arrays == after.arrays
        && before.dags == after.dags
        && works(before) == works(after)
}
