//! Whom the detector watches.

use std::collections::BTreeMap;
use std::net::IpAddr;

use coldspare_heartbeat::{Enrolment, Start, Watch};
use coldspare_names::{Generation, PersonaName, ServerName};
use coldspare_persona::PersonaState;

use super::{Core, Output, Server, Watched};
use crate::record::PersonaRecord;

impl Core {
    /// Has the detector watch the servers that hold a persona, and no others.
    pub(super) fn watch(&mut self, persona: &PersonaName) {
        let wanted = self.to_be_watched(persona);
        let Some(of) = self.personas.get_mut(persona) else {
            return;
        };
        let before = std::mem::replace(&mut of.watched, wanted.keys().cloned().collect());
        for name in before.iter().filter(|name| !wanted.contains_key(*name)) {
            if let Some(server) = self.servers.get_mut(name) {
                self.detector.withdraw(server.slot);
                server.watched = None;
                (server.verdict, server.accepted) = (None, false);
                self.outputs.push(Output::Expect {
                    server: name.clone(),
                    slot: server.slot,
                    watched: None,
                });
            }
        }
        for (name, (generation, start)) in wanted {
            let watched = Watched {
                persona: persona.clone(),
                generation,
            };
            let is_new = |server: &Server| server.watched.as_ref() != Some(&watched);
            if !self.servers.get(&name).is_some_and(is_new) {
                continue;
            }
            let enrolment = self.enrolment(persona, &name, generation, start);
            let Some(server) = self.servers.get_mut(&name) else {
                continue;
            };
            server.watched = Some(watched.clone());
            (server.started, server.accepted) = (false, false);
            server.verdict = None;
            self.detector.enrol(server.slot, &enrolment, self.now);
            self.outputs.push(Output::Expect {
                server: name,
                slot: server.slot,
                watched: Some(watched),
            });
        }
    }

    /// Has those recognised who may act as a persona, or did, and are not watched. Who was watched
    /// is recognised anyway: this is for a controller that has only the record of them.
    pub(super) fn recognise(&mut self, persona: &PersonaName) {
        let Some(record) = self.record(persona) else {
            return;
        };
        let holding = &record.holding;
        let fenced = holding.fenced().iter();
        let fenced = fenced.map(|(name, fenced)| (name, fenced.generation));
        let holders = holding.holders().iter();
        let holders = holders.map(|(name, generation)| (name, *generation));
        let all = holders.chain(fenced).filter_map(|(name, generation)| {
            let server = self.servers.get(name);
            let server = server.filter(|server| server.watched.is_none())?;
            Some(Output::Recognise {
                server: name.clone(),
                slot: server.slot,
                watched: Watched {
                    persona: persona.clone(),
                    generation,
                },
            })
        });
        let all: Vec<_> = all.collect();
        self.outputs.extend(all);
    }

    fn to_be_watched(&self, persona: &PersonaName) -> BTreeMap<ServerName, (Generation, Start)> {
        let kept = self
            .personas
            .get(persona)
            .and_then(|persona| persona.kept.as_ref());
        let Some(PersonaRecord {
            holding,
            state,
            avoid,
            ..
        }) = kept.map(|kept| &kept.record)
        else {
            return BTreeMap::new();
        };
        let start = match state {
            PersonaState::Stopped => return BTreeMap::new(),
            PersonaState::Booting => Start::Booting,
            _ => Start::Running,
        };
        // One whose boot timer has ended is not believed any more.
        let holders = holding
            .holders()
            .iter()
            .filter(|(server, _)| !avoid.contains_key(*server));
        holders
            .map(|(server, generation)| (server.clone(), (*generation, start)))
            .collect()
    }

    fn enrolment(
        &self,
        persona: &PersonaName,
        server: &ServerName,
        generation: Generation,
        start: Start,
    ) -> Enrolment {
        let of = self.site.personas.get(persona);
        let watch = match of.map(|of| of.persona.agent) {
            Some(true) if self.has_two_paths() => Watch::Agent,
            Some(true) => Watch::AgentOnOnePath,
            _ => Watch::Probed,
        };
        let volumes = self.site.volumes_of(persona);
        let arrays = volumes.into_iter().map(|volume| volume.array).collect();
        Enrolment {
            generation,
            watch,
            start,
            labels: self.labels(server),
            arrays,
        }
    }

    /// Where a persona that has no agent answers.
    pub(super) fn health_monitor(&self, persona: &PersonaName) -> Option<IpAddr> {
        let of = &self.site.personas.get(persona)?.persona;
        let monitor = of.health_monitor.filter(|_| !of.agent);
        monitor.map(|monitor| monitor.address)
    }

    fn has_two_paths(&self) -> bool {
        let scn = self.site.system_control();
        scn.is_some_and(|network| network.channels.secondary().is_some())
    }
}
