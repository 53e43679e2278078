//! The controller, pure: what happened goes in, what is to be done comes out. No clock, no
//! randomness, no device: production, the simulation, the crash harness and the model checker run
//! this same machine.
//!
//! It is level-triggered. Whatever comes in changes what is known and marks the personas and
//! servers it concerns; each marked one is then led on from its **durable record** and from what
//! is known now. So a restart is nothing special: the record is read, the world is asked, and the
//! same decisions follow. Nothing is acted on before it is committed: while a commit of a persona
//! or server is on its way, that one is not led on.
//!
//! | room | decides |
//! |---|---|
//! | `adopt` | who holds what, when there is no record yet |
//! | `judge` | what follows from the detector's findings |
//! | `home` | who needs a home, and which server becomes it |
//! | `arrival` | when a persona counts as up, and when it is given up |
//! | `run` | how a plan is carried out, stage by stage |
//! | `conclude` | what follows when all steps of a stage have ended |
//! | `failure` | what follows when one has failed |
//! | `scrub` | how a server becomes a spare again |
//! | `request` | what people ask for |
//! | `apply` | what another site changes |
//! | `commit` | what is made durable, and what follows once it is |
//! | `watch` | whom the detector watches |
//! | `tasks` | which steps are on their way |
//! | `directory` | who belongs where |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use coldspare_heartbeat::{Detector, Label, Power, Slot, Status};
use coldspare_names::{PersonaName, PoolName, ServerName, Time};
use coldspare_persona::PoolPolicy;
use coldspare_store::Revision;

use crate::act::{Done, StepError};
use crate::estimates::Estimates;
use crate::event::Event;
use crate::planner::Planner;
use crate::record::{ControlRecord, PersonaRecord, ServerRecord, SiteOnRecord};
use crate::site::Site;

mod adopt;
mod apply;
mod arrival;
mod commit;
mod conclude;
mod directory;
mod failure;
mod home;
mod inputs;
mod judge;
mod request;
mod run;
mod scrub;
mod tasks;
mod watch;

pub use inputs::{CommitId, Input, Output, RequestId, TaskId, Watched};

/// A record, and what is known of it in the store.
#[derive(Debug, Clone, PartialEq)]
struct Kept<T> {
    record: T,
    /// At which revision it is stored; `None`: it is not.
    revision: Option<Revision>,
    /// What it becomes, if the commit succeeds that is on its way.
    proposed: Option<Box<T>>,
}

impl<T> Kept<T> {
    fn new(record: T, revision: Option<Revision>) -> Self {
        Self {
            record,
            revision,
            proposed: None,
        }
    }

    fn is_committing(&self) -> bool {
        self.proposed.is_some()
    }

    /// As it is, and as it may be at any moment.
    fn either(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.record).chain(self.proposed.as_deref())
    }
}

/// The steps of a stage, as far as they have ended.
#[derive(Debug, Clone, PartialEq)]
struct Stage {
    began: Time,
    ends: Vec<Option<End>>,
}

/// When a step ended, and how.
type End = (Time, Result<Done, StepError>);

impl Stage {
    fn has_ended(&self) -> bool {
        self.ends.iter().all(Option::is_some)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Persona {
    /// `None`: there is no record yet, and it is being found out who holds it.
    kept: Option<Kept<PersonaRecord>>,
    stage: Option<Stage>,
    /// The servers that the detector watches for it, hardly ever more than one.
    watched: Vec<ServerName>,
    /// Not to be led on before that.
    rest_until: Time,
    /// While it waits for a server: when the spares are looked at next.
    look_again: Time,
    /// How often in a row the present stage has failed.
    failures: u32,
    /// What was told last about why nothing can be done, so that it is told once.
    told: Option<String>,
}

impl Persona {
    /// Its record as it is, and as it may be at any moment.
    fn records(&self) -> impl Iterator<Item = &PersonaRecord> {
        self.kept.iter().flat_map(Kept::either)
    }

    /// The servers that these know.
    fn known(&self) -> impl Iterator<Item = &ServerName> {
        self.records().flat_map(|record| record.holding.known())
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Server {
    kept: Kept<ServerRecord>,
    slot: Slot,
    power: Power,
    /// When it was seen to have its power again.
    on_since: Option<Time>,
    /// Under which generation of which persona the detector watches it.
    watched: Option<Watched>,
    /// It was seen to start since it is watched.
    started: bool,
    /// A heartbeat of it counted since it is watched, or was judged last.
    accepted: bool,
    /// The verdict that stands, and since when.
    verdict: Option<(Status, Time)>,
    /// When it was last heard.
    heard: Time,
    scrub: Option<Stage>,
    scrub_rest_until: Time,
    scrub_failures: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Persona(PersonaName),
    Server(ServerName),
    /// Who needs a home in a pool, and which spares of it are left: placement looks at a whole pool.
    Homes(PoolName),
    /// The servers of a pool that wear nothing: whether they are off.
    Spares(PoolName),
    /// A commit that is tried again.
    Commit(CommitId),
    /// The survey of a site without record.
    Survey,
}

/// How far the store has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    NotBegun,
    First,
    Done,
    /// It was read, and holds something else by now.
    Again,
}

/// The controller.
#[derive(Debug, Clone)]
pub struct Core {
    site: Arc<Site>,
    binds: bool,
    estimates: Estimates,
    now: Time,
    reading: Reading,
    detector: Detector,
    by_slot: Vec<ServerName>,
    personas: BTreeMap<PersonaName, Persona>,
    servers: BTreeMap<ServerName, Server>,
    control: Kept<ControlRecord>,
    site_on_record: SiteOnRecord,
    /// A commit of another site is on its way.
    applying: bool,
    directory: directory::Directory,
    tasks: tasks::Tasks,
    commits: BTreeMap<CommitId, commit::Proposal>,
    numbered: u64,
    timers: BTreeSet<(Time, Subject)>,
    woken_at: Time,
    dirty: BTreeSet<Subject>,
    outputs: Vec<Output>,
}

/// A server of which there is no record yet.
fn initial(site: &Site, server: &ServerName) -> ServerRecord {
    let of = site.servers.get(server);
    ServerRecord {
        maintenance: of.is_some_and(|of| of.server.maintenance),
        scrubbed: false,
        failed_at: None,
    }
}

/// How long a failed step rests before it is tried again, by how often it failed in a row.
fn rest(failures: u32) -> Duration {
    Duration::from_secs(5) * 2_u32.pow(failures.min(4))
}

impl Core {
    /// A controller of a site; `binds` says whether every array can tell a former holder from the
    /// present one. It does nothing before it has seen the store: hand in a tick.
    pub fn new(
        site: Arc<Site>,
        binds: bool,
        estimates: Estimates,
        now: Time,
    ) -> Result<Self, coldspare_heartbeat::Error> {
        let detector = Detector::new(site.heartbeat.clone(), now)?;
        let mut core = Self {
            binds,
            estimates,
            now,
            reading: Reading::NotBegun,
            detector,
            by_slot: Vec::new(),
            personas: BTreeMap::new(),
            servers: BTreeMap::new(),
            control: Kept::new(ControlRecord::default(), None),
            site_on_record: SiteOnRecord::default(),
            applying: false,
            directory: directory::Directory::default(),
            tasks: tasks::Tasks::default(),
            commits: BTreeMap::new(),
            numbered: 0,
            timers: BTreeSet::new(),
            woken_at: Time::NEVER,
            dirty: BTreeSet::new(),
            outputs: Vec::new(),
            site: site.clone(),
        };
        core.use_site(site)?;
        Ok(core)
    }

    /// Takes in what happened and gives out what is to be done.
    pub fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.now = self.now.max(now);
        match input {
            Input::Loaded(loaded) => self.load(&loaded),
            Input::Heard { server, path, beat } => self.heard(&server, path, &beat),
            Input::OwnLink { path, up } => self.detector.own_link(path, up, self.now),
            Input::Answered(answered) => self.answered(answered),
            Input::Acted { task, end } => self.acted(task, end),
            Input::Committed { commit, end } => self.committed(commit, &end),
            Input::Asked { request, command } => self.asked(request, command),
            Input::Tick => {}
        }
        if self.reading == Reading::NotBegun {
            self.reading = Reading::First;
            self.outputs.push(Output::Load { lines: Vec::new() });
        }
        match self.reading {
            Reading::Done => {
                self.poll_detector();
                self.ring_timers();
                self.settle();
            }
            Reading::Again => self.end_commits(),
            Reading::NotBegun | Reading::First => {}
        }
        self.wake();
        std::mem::take(&mut self.outputs)
    }

    fn settle(&mut self) {
        while let Some(subject) = self.dirty.pop_first() {
            match &subject {
                Subject::Persona(persona) => self.lead(persona),
                Subject::Server(server) => self.scrub(server),
                Subject::Homes(pool) => self.find_homes(pool),
                Subject::Spares(pool) => self.look_at_spares(pool),
                Subject::Commit(commit) => self.commit_again(*commit),
                Subject::Survey => self.begin_survey(),
            }
        }
    }

    fn ring_timers(&mut self) {
        while let Some((at, subject)) = self.timers.first() {
            if *at > self.now {
                break;
            }
            self.dirty.insert(subject.clone());
            self.timers.pop_first();
        }
    }

    fn wake(&mut self) {
        let timer = self.timers.first().map(|(at, _)| *at);
        let poll = self
            .detector
            .deadline()
            .filter(|_| self.reading == Reading::Done);
        let Some(next) = timer.into_iter().chain(poll).min() else {
            return;
        };
        if next != self.woken_at {
            self.woken_at = next;
            self.outputs.push(Output::Wake(next));
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push(Output::Tell(event));
    }

    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    fn planner<'a>(&'a self, policy: &'a PoolPolicy) -> Planner<'a> {
        Planner {
            site: &self.site,
            binds: self.binds,
            policy,
        }
    }

    /// Changes to another site: what is new is added, what is gone is watched no longer.
    fn use_site(&mut self, site: Arc<Site>) -> Result<(), coldspare_heartbeat::Error> {
        // Maps that are made at once have no room to spare: see `Site::packed`.
        let (mut servers, mut personas) = (Vec::new(), Vec::new());
        for name in site.servers.keys() {
            if self.servers.contains_key(name) {
                continue;
            }
            let number = u32::try_from(self.by_slot.len()).unwrap_or(u32::MAX);
            let slot = Slot::new(number)?;
            self.by_slot.push(name.clone());
            self.dirty.insert(Subject::Server(name.clone()));
            let server = Server {
                kept: Kept::new(initial(&site, name), None),
                slot,
                power: Power::NoAnswer,
                on_since: None,
                watched: None,
                started: false,
                accepted: false,
                verdict: None,
                heard: Time::EPOCH,
                scrub: None,
                scrub_rest_until: Time::EPOCH,
                scrub_failures: 0,
            };
            servers.push((name.clone(), server));
        }
        for name in site.personas.keys() {
            let unknown = || Persona {
                kept: None,
                stage: None,
                watched: Vec::new(),
                rest_until: Time::EPOCH,
                look_again: Time::EPOCH,
                failures: 0,
                told: None,
            };
            if !self.personas.contains_key(name) {
                personas.push((name.clone(), unknown()));
                self.directory.recorded(name, false);
            }
        }
        self.servers.append(&mut servers.into_iter().collect());
        self.personas.append(&mut personas.into_iter().collect());
        self.directory.use_site(&site);
        self.site = site;
        Ok(())
    }

    /// The policy of a persona's pool.
    fn pool_policy(&self, persona: &PersonaName) -> PoolPolicy {
        let pool = self
            .site
            .personas
            .get(persona)
            .and_then(|of| self.site.pools.get(&of.persona.pool));
        pool.map(|pool| pool.policy.clone()).unwrap_or_default()
    }

    /// The labels under which a server can fall silent together with others: its failure domains,
    /// and the switches through which it is heard.
    fn labels(&self, server: &ServerName) -> BTreeSet<Label> {
        let Some(of) = self.site.servers.get(server) else {
            return BTreeSet::new();
        };
        let domains = of.server.domains.iter();
        let mut labels: BTreeSet<_> = domains
            .map(|domain| Label::new(domain.to_string()))
            .collect();
        let channels = self
            .site
            .system_control()
            .map(|network| network.channels.in_order());
        let nics = channels
            .into_iter()
            .flatten()
            .filter_map(|channel| of.server.nics.get(&channel));
        let switches: BTreeSet<_> = nics.map(|nic| nic.cable.switch.to_string()).collect();
        if !switches.is_empty() {
            let switches: Vec<_> = switches.into_iter().collect();
            labels.insert(Label::new(format!(
                "LAN switch {}",
                switches.join(" with ")
            )));
        }
        labels
    }
}

#[cfg(test)]
mod tests;
