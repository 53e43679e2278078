//! One home a persona: at most one server can write to any of its volumes, or answers at any of
//! its addresses.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{PersonaName, ServerName};
use coldspare_sim::Truth;

use crate::{Invariant, Run};

pub(crate) struct OneHome;

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
        for speaker in truth.speakers() {
            homes
                .entry(speaker.persona)
                .or_default()
                .insert(speaker.server);
        }
        let (persona, servers) = homes.into_iter().find(|(_, servers)| servers.len() > 1)?;
        Some(format!("{persona} could act on {servers:?}"))
    }

    fn look_back(&mut self, _: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        self.look(truth)
    }
}
