//! Who may act as a persona: the durable half of the one rule.

use std::collections::BTreeMap;

use coldspare_names::{Generation, PersonaName, ServerName};
use serde::{Deserialize, Serialize};

use crate::fence::{Evidence, FenceProof};

/// A server and the generation under which it got, or will get, a persona.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// The server.
    pub server: ServerName,
    /// Its generation.
    pub generation: Generation,
}

/// A server that the persona was taken from, and what showed that it can no longer act.
///
/// The evidence is looked at again before anything is given; it is forgotten once the server has
/// been scrubbed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fenced {
    /// The highest generation that the server was fenced under.
    pub generation: Generation,
    /// What was seen.
    pub evidence: Evidence,
}

/// The durable record of who may act as one persona.
///
/// A server enters as *reserved*, before any device is called; it becomes the one *holder* when
/// no other is left; and it leaves by a [`FenceProof`], never otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holding {
    persona: PersonaName,
    generation: Generation,
    holders: BTreeMap<ServerName, Generation>,
    reserved: Option<Grant>,
    fenced: BTreeMap<ServerName, Fenced>,
}

impl Holding {
    /// A persona that was just cloned: nobody holds it.
    pub fn nobody(persona: PersonaName) -> Self {
        Self {
            persona,
            generation: Generation::NONE,
            holders: BTreeMap::new(),
            reserved: None,
            fenced: BTreeMap::new(),
        }
    }

    /// A persona found running, or of which it is not known who runs it: each of `holders` may
    /// act as it under the generation given. `highest` is the highest generation seen anywhere,
    /// the arrays' stamps included.
    pub fn adopted(
        persona: PersonaName,
        holders: BTreeMap<ServerName, Generation>,
        highest: Generation,
    ) -> Self {
        let generation = holders.values().copied().fold(highest, Ord::max);
        Self {
            generation,
            holders,
            ..Self::nobody(persona)
        }
    }

    /// The persona.
    pub fn persona(&self) -> &PersonaName {
        &self.persona
    }

    /// The highest generation ever issued.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The servers that may still act as the persona.
    pub fn holders(&self) -> &BTreeMap<ServerName, Generation> {
        &self.holders
    }

    /// The server that is to get the persona.
    pub fn reserved(&self) -> Option<&Grant> {
        self.reserved.as_ref()
    }

    /// The servers that were fenced and not yet scrubbed.
    pub fn fenced(&self) -> &BTreeMap<ServerName, Fenced> {
        &self.fenced
    }

    /// The one holder, when there is exactly one and nobody is reserved: the persona's home.
    pub fn home(&self) -> Option<Grant> {
        self.only().filter(|_| self.reserved.is_none())
    }

    /// The one server that may act as the persona or is about to, when there is exactly one.
    pub fn only(&self) -> Option<Grant> {
        let holders = self.holders.iter().map(|(server, generation)| Grant {
            server: server.clone(),
            generation: *generation,
        });
        let mut involved = holders.chain(self.reserved.clone());
        involved.next().filter(|_| involved.next().is_none())
    }

    /// Whether the server may act as the persona, or is about to.
    pub fn involves(&self, server: &ServerName) -> bool {
        self.holders.contains_key(server)
            || self
                .reserved
                .as_ref()
                .is_some_and(|grant| grant.server == *server)
    }

    /// Raises the generation, so that every older grant is stale. A server reserved before becomes
    /// one of those to be fenced: it may have been prepared already.
    pub fn raise(&mut self) -> Generation {
        if let Some(grant) = self.reserved.take() {
            self.holders.insert(grant.server, grant.generation);
        }
        self.generation = self.generation.next();
        self.generation
    }

    /// Every server that it names, some perhaps twice: holders, who is reserved, who was fenced.
    pub fn known(&self) -> impl Iterator<Item = &ServerName> {
        let reserved = self.reserved.iter().map(|grant| &grant.server);
        let holders = self.holders.keys();
        holders.chain(reserved).chain(self.fenced.keys())
    }

    /// Reserves a server under a new generation.
    pub fn reserve(&mut self, server: ServerName) -> Generation {
        let generation = self.raise();
        self.reserved = Some(Grant { server, generation });
        generation
    }

    /// Lets go of a server that was proven unable to act, up to the generation of the proof. A
    /// proof of nobody who is involved, or of an older generation, changes nothing.
    pub fn release(&mut self, proof: FenceProof) {
        let (server, generation, evidence) = proof.into_parts();
        let is_covered = |held: &Generation| *held <= generation;
        let held = self.holders.get(&server).is_some_and(is_covered);
        let reserved = self.reserved.as_ref();
        let reserved = reserved.is_some_and(|of| of.server == server && is_covered(&of.generation));
        if held {
            self.holders.remove(&server);
        }
        if reserved {
            self.reserved = None;
        }
        if held || reserved {
            let fenced = Fenced {
                generation,
                evidence,
            };
            self.fenced.insert(server, fenced);
        }
    }

    /// Seats the reserved server as the sole holder, once no other is left.
    ///
    /// The answer is whether it sits now; asking again changes nothing.
    pub fn seat(&mut self) -> bool {
        if !self.holders.is_empty() {
            return self.reserved.is_none() && self.holders.len() == 1;
        }
        let Some(grant) = self.reserved.take() else {
            return false;
        };
        // A restart in place: the fence was the server's scrub, and it is no former holder now.
        self.fenced.remove(&grant.server);
        self.holders.insert(grant.server, grant.generation);
        true
    }

    /// Forgets the fence of a server that has been scrubbed since.
    pub fn scrubbed(&mut self, server: &ServerName) {
        self.fenced.remove(server);
    }
}

#[cfg(test)]
mod tests;
