//! Who holds what, when there is no record yet.
//!
//! Without a record every server of the pool counts as a holder, unless it is proven off or works
//! as another persona's holder. So a site that runs already is taken over without touching
//! anything, and where it is not clear who holds a persona, nobody else gets it unfenced.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldspare_heartbeat::Power;
use coldspare_names::{Generation, IscsiName, PersonaName, ServerName};
use coldspare_persona::PersonaState;
use coldspare_san::Session;

use super::commit::Proposal;
use super::{Core, Output, Reading, Subject};
use crate::ask::{Ask, World};
use crate::command::Actor;
use crate::event::{Event, What};
use crate::holding::Holding;
use crate::record::{PersonaRecord, Wanted};
use crate::site::{Site, SitePersona};

/// How long to wait before the world is asked again.
const REST: Duration = Duration::from_secs(10);

impl Core {
    /// Asks the world, if there is a persona without record.
    pub(super) fn begin_survey(&mut self) {
        if self.personas.values().any(|persona| persona.kept.is_none()) {
            self.outputs.push(Output::Ask(Ask::Survey));
        }
    }

    pub(super) fn surveyed(&mut self, world: &World) {
        if self.reading != Reading::Done {
            // It is asked again once the store has been read.
            return;
        }
        for (server, power) in &world.power {
            if let Some(server) = self.servers.get_mut(server) {
                server.power = *power;
            }
        }
        let site = self.site.clone();
        let at_work = working(&site, world);
        let unknown = self
            .personas
            .iter()
            .filter(|(_, persona)| persona.kept.is_none());
        let names: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
        for (name, of) in names
            .iter()
            .filter_map(|name| Some((name, site.personas.get(name)?)))
        {
            let servers = self.directory.servers(&of.persona.pool);
            match adopt(&site, of, servers, world, &at_work) {
                Ok(record) => self.adopted(name, record),
                Err(missing) => {
                    let reason = format!("cannot tell who holds it: {missing}");
                    let event = Event::new(What::Waiting).persona(name).because(&reason);
                    self.tell_once(name, reason, event);
                    self.timers.insert((self.now + REST, Subject::Survey));
                }
            }
        }
    }

    fn adopted(&mut self, name: &PersonaName, mut record: PersonaRecord) {
        // Its networks are left as they were found.
        record.site = self.site_on_record.mark();
        let mut events = Vec::new();
        if record.holding.holders().len() > 1 {
            let others: Vec<_> = record
                .holding
                .holders()
                .keys()
                .map(ToString::to_string)
                .collect();
            let event = Event::new(What::OperatorNeeded).persona(name);
            events.push(event.because(format!(
                "any of {} may hold it: each is fenced before it is given to another",
                others.join(", ")
            )));
        }
        self.keep(name, Some(super::Kept::new(record.clone(), None)));
        self.propose(
            Proposal::new(Actor::Controller, format!("adopt {name}"))
                .persona(record)
                .tell(events),
        );
    }
}

/// What the world shows about one persona, or which part of the world is missing; `servers` are
/// those of its pool, and `at_work` says under which names each server is logged in.
fn adopt(
    site: &Site,
    of: &SitePersona,
    servers: &[ServerName],
    world: &World,
    at_work: &AtWork,
) -> Result<PersonaRecord, String> {
    let persona = &of.persona;
    let volumes = site.volumes_of(&persona.name);
    let mut highest = Generation::NONE;
    let mut admitted: BTreeMap<ServerName, Generation> = BTreeMap::new();
    for volume in &volumes {
        let found = world.arrays.get(&volume.array);
        let found = found.ok_or_else(|| format!("array {} does not answer", volume.array))?;
        let Some(admissions) = found.admissions.get(&volume.volume) else {
            continue;
        };
        highest = highest.max(admissions.stamp);
        for admission in &admissions.admitted {
            highest = highest.max(admission.generation);
            let held = admitted.entry(admission.server.clone()).or_default();
            *held = admission.generation.max(*held);
        }
    }

    let may_hold = servers.iter().filter(|name| {
        let off = world.power.get(*name) == Some(&Power::Off);
        let elsewhere = at_work
            .get(*name)
            .is_some_and(|names| !names.contains(&persona.initiator));
        !off && !elsewhere
    });
    let holders: BTreeMap<_, _> = may_hold
        .map(|name| {
            let generation = admitted.get(name).copied().unwrap_or(highest);
            (name.clone(), generation)
        })
        .collect();

    let runs = holders.keys().any(|server| {
        at_work
            .get(server)
            .is_some_and(|initiators| initiators.contains(&persona.initiator))
    });
    let (state, wanted) = if runs {
        (PersonaState::Running, Wanted::Running)
    } else {
        (PersonaState::Stopped, Wanted::Stopped)
    };
    Ok(PersonaRecord {
        holding: Holding::adopted(persona.name.clone(), holders, highest),
        state,
        wanted,
        run: None,
        avoid: BTreeMap::new(),
        site: None,
    })
}

/// Under which initiator names each server is logged in.
type AtWork = BTreeMap<ServerName, BTreeSet<IscsiName>>;

/// The same by what the arrays show: servers are known by their SAN addresses.
fn working(site: &Site, world: &World) -> AtWork {
    let mut working = AtWork::new();
    let servers: BTreeMap<_, _> = site
        .servers
        .keys()
        .flat_map(|name| {
            site.san_addresses(name)
                .into_iter()
                .map(move |at| (at, name))
        })
        .collect();
    let sessions = world.arrays.values().flat_map(|found| &found.sessions);
    for Session {
        source, initiator, ..
    } in sessions
    {
        if let (Some(server), Ok(initiator)) = (servers.get(source), IscsiName::new(initiator)) {
            working
                .entry((*server).clone())
                .or_default()
                .insert(initiator);
        }
    }
    working
}
