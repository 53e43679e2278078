//! Making things durable, and what follows once they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coldspare_names::{PersonaName, ServerName, Time};
use coldspare_store::{Expected, Key, KeyError, Listing, Outcome, Revision, Txn, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CommitId, Core, Kept, Output, Reading, RequestId, Subject, initial};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::record::{
    self, ControlRecord, JournalLine, Loaded, PersonaRecord, ServerRecord, SiteOnRecord, SiteParts,
};
use crate::reply::Reply;
use crate::site::Site;

/// How long a commit rests of which nobody knows whether it happened.
const REST: Duration = Duration::from_secs(1);
/// After so many tries of one commit a person is told.
const TRIES: u32 = 5;

/// Records as they shall be, and what is told once they are.
#[derive(Debug, Clone)]
pub(super) struct Proposal {
    actor: Actor,
    why: String,
    personas: BTreeMap<PersonaName, PersonaRecord>,
    servers: BTreeMap<ServerName, ServerRecord>,
    control: Option<ControlRecord>,
    site: Option<(Arc<Site>, SiteParts)>,
    events: Vec<Event>,
    reply: Option<(RequestId, Reply)>,
    txn: Txn,
    /// Its line in the journal, which no other commit writes.
    line: Option<Key>,
    tries: u32,
    /// It met a conflict: it never happens any more, unless an earlier try of it did.
    is_over: bool,
}

impl Proposal {
    pub(super) fn new(actor: Actor, why: impl Into<String>) -> Self {
        Self {
            actor,
            why: why.into(),
            personas: BTreeMap::new(),
            servers: BTreeMap::new(),
            control: None,
            site: None,
            events: Vec::new(),
            reply: None,
            txn: Txn::new(),
            line: None,
            tries: 0,
            is_over: false,
        }
    }

    pub(super) fn persona(mut self, record: PersonaRecord) -> Self {
        self.personas
            .insert(record.holding.persona().clone(), record);
        self
    }

    pub(super) fn server(mut self, name: &ServerName, record: ServerRecord) -> Self {
        self.servers.insert(name.clone(), record);
        self
    }

    pub(super) fn control(mut self, record: ControlRecord) -> Self {
        self.control = Some(record);
        self
    }

    pub(super) fn site(mut self, site: Arc<Site>, parts: SiteParts) -> Self {
        self.site = Some((site, parts));
        self
    }

    pub(super) fn tell(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.events.extend(events);
        self
    }

    pub(super) fn reply(mut self, reply: Option<(RequestId, Reply)>) -> Self {
        self.reply = reply;
        self
    }

    fn output(&self, commit: CommitId) -> Output {
        let parts = self.site.iter().flat_map(|(_, parts)| parts.commits());
        Output::Commit {
            commit,
            before: parts.collect(),
            txn: self.txn.clone(),
        }
    }
}

/// The transaction with a record beside, of which this revision is known to be stored.
fn with(
    txn: Txn,
    key: Key,
    revision: Option<Revision>,
    record: &impl Serialize,
) -> Result<Txn, String> {
    let expected = revision.map_or(Expected::Absent, Expected::At);
    let bytes = serde_json::to_vec(record).map_err(|error| error.to_string())?;
    let value = Value::new(bytes).map_err(|error| error.to_string())?;
    Ok(txn.expect(key.clone(), expected).put(key, value))
}

impl Core {
    /// Proposes records to the store. Their subjects are not led on until it has answered.
    pub(super) fn propose(&mut self, mut proposal: Proposal) {
        match self.transaction(&proposal) {
            Ok((txn, line)) => (proposal.txn, proposal.line) = (txn, Some(line)),
            Err(reason) => {
                return self.tell(Event::new(What::Alarm).because(format!(
                    "could not {}: the record cannot be stored: {reason}",
                    proposal.why
                )));
            }
        }
        for (name, record) in &proposal.personas {
            self.promise(name, record.clone());
        }
        for (name, record) in &proposal.servers {
            if let Some(server) = self.servers.get_mut(name) {
                server.kept.proposed = Some(Box::new(record.clone()));
            }
        }
        if let Some(record) = &proposal.control {
            self.control.proposed = Some(Box::new(record.clone()));
        }
        let commit = CommitId(self.number());
        self.outputs.push(proposal.output(commit));
        self.commits.insert(commit, proposal);
    }

    /// The commit of a proposal, and the key of its line in the journal.
    fn transaction(&mut self, proposal: &Proposal) -> Result<(Txn, Key), String> {
        let refuse = |error: KeyError| error.to_string();
        let mut txn = Txn::new();
        for (name, record) in &proposal.personas {
            let kept = self
                .personas
                .get(name)
                .and_then(|persona| persona.kept.as_ref());
            txn = with(
                txn,
                record::persona_key(name).map_err(refuse)?,
                kept.and_then(|kept| kept.revision),
                record,
            )?;
        }
        for (name, record) in &proposal.servers {
            let Some(server) = self.servers.get(name) else {
                continue;
            };
            txn = with(
                txn,
                record::server_key(name).map_err(refuse)?,
                server.kept.revision,
                record,
            )?;
        }
        if let Some(record) = &proposal.control {
            txn = with(
                txn,
                record::control_key().map_err(refuse)?,
                self.control.revision,
                record,
            )?;
        }
        if let Some((_, parts)) = &proposal.site {
            txn = self.site_on_record.replaced_by(parts, txn);
        }
        let line = JournalLine {
            at: self.now,
            actor: proposal.actor.clone(),
            what: proposal.why.clone(),
        };
        let (key, line) = line.entry(self.number())?;
        Ok((txn.put(key.clone(), line), key))
    }

    pub(super) fn committed(&mut self, commit: CommitId, end: &Result<Outcome, String>) {
        match end {
            Ok(Outcome::Committed(revision)) => {
                let revision = *revision;
                let Some(proposal) = self.commits.remove(&commit) else {
                    return;
                };
                for (name, record) in proposal.personas {
                    self.keep(&name, Some(Kept::new(record, Some(revision))));
                    self.watch(&name);
                }
                for (name, record) in proposal.servers {
                    if let Some(server) = self.servers.get_mut(&name) {
                        let (slot, on) = (server.slot, record.maintenance);
                        server.kept = Kept::new(record, Some(revision));
                        self.detector.maintenance(slot, on, self.now);
                    }
                    self.look_at(&name);
                }
                if let Some(record) = proposal.control {
                    self.control = Kept::new(record, Some(revision));
                    self.look_at_everything();
                }
                if let Some((site, parts)) = proposal.site {
                    self.site_on_record = SiteOnRecord::after(&parts, revision);
                    self.applied(site);
                    self.look_at_everything();
                }
                self.outputs
                    .extend(proposal.events.into_iter().map(Output::Tell));
                if let Some((request, reply)) = proposal.reply {
                    self.outputs.push(Output::Reply { request, reply });
                }
            }
            // Somebody else wrote, or an earlier try of ours did get through: read and go on.
            Ok(Outcome::Conflict(_)) => {
                if let Some(proposal) = self.commits.get_mut(&commit) {
                    proposal.is_over = true;
                }
                self.reading = Reading::Again;
            }
            Err(error) => {
                let Some(proposal) = self.commits.get_mut(&commit) else {
                    return;
                };
                proposal.tries += 1;
                if proposal.tries == TRIES {
                    let reason = format!("could not record: {}: {error}", proposal.why);
                    let alarm = Event::new(What::Alarm).because(reason);
                    let mut alarms: Vec<_> = proposal
                        .personas
                        .keys()
                        .map(|name| alarm.clone().persona(name))
                        .collect();
                    if alarms.is_empty() {
                        alarms.push(alarm);
                    }
                    for alarm in alarms {
                        self.tell(alarm);
                    }
                }
                self.timers
                    .insert((self.now + REST, Subject::Commit(commit)));
            }
        }
        // Only then does the store show of each whether it happened: one that is still under way
        // may happen after it was read.
        let all_over = self.commits.values().all(|proposal| proposal.is_over);
        if self.reading == Reading::Again && all_over {
            let lines = self.commits.values().filter_map(|it| it.line.clone());
            let lines = lines.collect();
            self.outputs.push(Output::Load { lines });
        }
    }

    /// While nothing else is done: brings to an end what is under way.
    pub(super) fn end_commits(&mut self) {
        self.ring_timers();
        // What else is due is looked at once the store has been read.
        for subject in std::mem::take(&mut self.dirty) {
            if let Subject::Commit(commit) = subject {
                self.commit_again(commit);
            }
        }
    }

    /// Tries a commit again of which nobody knows whether it happened: if it did, this one meets
    /// a conflict.
    pub(super) fn commit_again(&mut self, commit: CommitId) {
        if let Some(proposal) = self.commits.get(&commit) {
            self.outputs.push(proposal.output(commit));
        }
    }

    /// Begins from what the store holds.
    pub(super) fn load(&mut self, loaded: &Loaded) {
        let listing = &loaded.record;
        let read_before = std::mem::replace(&mut self.reading, Reading::Done);
        for (_, proposal) in std::mem::take(&mut self.commits) {
            // Its line in the journal shows that it happened, though nobody said so.
            let line = proposal.line.as_ref();
            let happened = line.is_some_and(|line| loaded.lines.contains(line));
            if happened {
                let events = proposal.events.into_iter();
                self.outputs.extend(events.map(Output::Tell));
            }
            if let Some((request, reply)) = proposal.reply {
                let changed = "the record changed meanwhile: ask again";
                let refused = || Reply::Refused(changed.to_owned());
                let reply = if happened { reply } else { refused() };
                self.outputs.push(Output::Reply { request, reply });
            }
        }
        self.tasks = super::tasks::Tasks::default();
        // Commits are over; what else was to be looked at is due as before.
        self.timers
            .retain(|(_, subject)| !matches!(subject, Subject::Commit(_)));
        if !self.read_site(listing) {
            self.reading = read_before;
            return;
        }

        let personas: Vec<_> = self.site.personas.keys().cloned().collect();
        for name in &personas {
            let stored = record::persona_key(name).map(|key| self.read(listing, &key));
            let Some(persona) = self.personas.get_mut(name) else {
                continue;
            };
            persona.stage = None;
            persona.look_again = Time::EPOCH;
            self.keep(name, stored.ok().flatten());
            self.watch(name);
        }
        for name in &personas {
            self.recognise(name);
        }
        for name in self.site.servers.keys().cloned().collect::<Vec<_>>() {
            let stored = record::server_key(&name).map(|key| self.read(listing, &key));
            let initial = initial(&self.site, &name);
            let Some(server) = self.servers.get_mut(&name) else {
                continue;
            };
            server.scrub = None;
            server.kept = stored
                .ok()
                .flatten()
                .unwrap_or_else(|| Kept::new(initial, None));
            let (slot, on) = (server.slot, server.kept.record.maintenance);
            self.detector.maintenance(slot, on, self.now);
        }
        let control = record::control_key().ok();
        let control = control.and_then(|key| self.read(listing, &key));
        self.control = control.unwrap_or_else(|| Kept::new(ControlRecord::default(), None));
        self.look_at_everything();
        self.begin_survey();
        if read_before == Reading::First {
            // Whether a spare is off is on no record, and nothing is placed on one that may be on.
            let pools = self.site.pools.keys().cloned().map(Subject::Spares);
            self.dirty.extend(pools);
        }
    }

    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        listing: &Listing,
        key: &Key,
    ) -> Option<Kept<T>> {
        let entry = listing.entries.get(key)?;
        match serde_json::from_slice(entry.value.bytes()) {
            Ok(record) => Some(Kept::new(record, Some(entry.revision))),
            Err(error) => {
                self.tell(Event::new(What::OperatorNeeded).because(format!(
                    "the store's entry {key} cannot be read ({error}): restore it, or delete it \
                     to have it found out anew"
                )));
                None
            }
        }
    }
}
