//! One home a persona: at most one server can write to any of its volumes, or answers at any of
//! its addresses.
//!
//! A frozen server whose management controller says that it is off is silent, and a spare as far as
//! anybody can know. It has to be isolated once, when its persona is taken from it; that its ports
//! are opened for another persona later, and that its old system could speak through them, is held
//! against nobody until it is silent again: when the lie ends, somebody has to notice first. That it
//! could write is; and in the end nobody speaks but who is still said to be off.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{PersonaName, ServerName};
use coldspare_sim::{Speaker, Truth};

use crate::{Invariant, Run};

#[derive(Default)]
pub(crate) struct OneHome {
    /// Those that were isolated, or not up, while they were said to be off, and their old systems as
    /// long as they speak.
    hidden: BTreeSet<ServerName>,
}

impl Invariant for OneHome {
    fn name(&self) -> &'static str {
        "one home a persona"
    }

    fn look(&mut self, truth: &Truth<'_>) -> Option<String> {
        let mut homes: BTreeMap<PersonaName, BTreeSet<ServerName>> = BTreeMap::new();
        for (volume, owner) in truth.site().owners() {
            let writers = truth
                .writers(&volume)
                .into_iter()
                .map(|writer| writer.server);
            homes.entry(owner).or_default().extend(writers);
        }
        let speakers = truth.speakers();
        self.take_note(truth, &speakers);
        let known = |speaker: &Speaker| !self.hidden.contains(&speaker.server);
        for speaker in speakers.into_iter().filter(known) {
            homes
                .entry(speaker.persona)
                .or_default()
                .insert(speaker.server);
        }
        let (persona, servers) = homes.into_iter().find(|(_, servers)| servers.len() > 1)?;
        Some(format!("{persona} could act on {servers:?}"))
    }

    fn look_back(&mut self, _: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        self.hidden.retain(|server| truth.is_called_off(server));
        self.look(truth)
    }
}

impl OneHome {
    fn take_note(&mut self, truth: &Truth<'_>, speakers: &[Speaker]) {
        for server in truth.site().servers.keys() {
            if speakers.iter().any(|speaker| speaker.server == *server) {
                continue;
            }
            if truth.is_called_off(server) {
                self.hidden.insert(server.clone());
            } else {
                self.hidden.remove(server);
            }
        }
    }
}
