//! Who belongs where, kept as it changes: what happens to one persona or server must not cost a
//! look at all others.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{PersonaName, PoolName, ServerName};

use super::{Core, Kept, Persona, Subject};
use crate::record::PersonaRecord;
use crate::site::Site;

/// Who belongs to which pool, by the site; and which personas know which server, by their records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Directory {
    pools: BTreeMap<PoolName, Members>,
    /// The personas that a server holds, is reserved for, or was fenced for; what is just being
    /// committed counts. By name.
    known_to: BTreeMap<ServerName, Vec<PersonaName>>,
    /// The personas of which no record is stored.
    unrecorded: BTreeSet<PersonaName>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Members {
    servers: Vec<ServerName>,
    personas: Vec<PersonaName>,
}

impl Directory {
    pub(super) fn use_site(&mut self, site: &Site) {
        self.pools.clear();
        for (name, of) in &site.servers {
            let members = self.pools.entry(of.server.pool.clone()).or_default();
            members.servers.push(name.clone());
        }
        for (name, of) in &site.personas {
            let members = self.pools.entry(of.persona.pool.clone()).or_default();
            members.personas.push(name.clone());
        }
    }

    /// The servers of a pool, by name.
    pub(super) fn servers(&self, pool: &PoolName) -> &[ServerName] {
        self.pools.get(pool).map_or(&[], |of| &of.servers)
    }

    /// The personas of a pool, by name.
    pub(super) fn personas(&self, pool: &PoolName) -> &[PersonaName] {
        self.pools.get(pool).map_or(&[], |of| &of.personas)
    }

    /// The personas whose records know a server, by name.
    pub(super) fn known_to(
        &self,
        server: &ServerName,
    ) -> impl DoubleEndedIterator<Item = &PersonaName> {
        self.known_to.get(server).into_iter().flatten()
    }

    /// Whether the record of every persona is stored.
    pub(super) fn is_complete(&self) -> bool {
        self.unrecorded.is_empty()
    }

    /// Takes note whether a persona's record is stored.
    pub(super) fn recorded(&mut self, persona: &PersonaName, is_stored: bool) {
        if is_stored {
            self.unrecorded.remove(persona);
        } else {
            self.unrecorded.insert(persona.clone());
        }
    }

    fn forget(&mut self, name: &PersonaName, persona: &Persona) {
        for server in persona.known() {
            let Some(personas) = self.known_to.get_mut(server) else {
                continue;
            };
            personas.retain(|persona| persona != name);
            if personas.is_empty() {
                self.known_to.remove(server);
            }
        }
    }

    fn learn(&mut self, name: &PersonaName, persona: &Persona) {
        for server in persona.known() {
            let personas = self.known_to.entry(server.clone());
            // Hardly ever more than one: no more room than that.
            let personas = personas.or_insert_with(|| Vec::with_capacity(1));
            if let Err(place) = personas.binary_search(name) {
                personas.insert(place, name.clone());
            }
        }
    }
}

impl Core {
    /// Takes in how a persona's record is now, and has everybody looked at whom the change concerns.
    pub(super) fn keep(&mut self, name: &PersonaName, kept: Option<Kept<PersonaRecord>>) {
        let Some(persona) = self.personas.get_mut(name) else {
            return;
        };
        let was_complete = self.directory.is_complete();
        let is_stored = kept.as_ref().is_some_and(|kept| kept.revision.is_some());
        self.directory.recorded(name, is_stored);
        let mut concerned: BTreeSet<_> = persona.known().cloned().collect();
        self.directory.forget(name, persona);
        persona.kept = kept;
        self.directory.learn(name, persona);
        concerned.extend(persona.known().cloned());
        self.dirty.insert(Subject::Persona(name.clone()));
        self.dirty.extend(self.pool_for(name).map(Subject::Homes));
        for server in concerned {
            self.look_at(&server);
        }
        // As long as one is unknown, any server may hold it, and none is scrubbed.
        if !was_complete && self.directory.is_complete() {
            self.look_at_everything();
        }
    }

    /// A commit of a persona's record is on its way: whom it is to get is nobody else's meanwhile.
    pub(super) fn promise(&mut self, name: &PersonaName, record: PersonaRecord) {
        let Some(persona) = self.personas.get_mut(name) else {
            return;
        };
        self.directory.forget(name, persona);
        if let Some(kept) = &mut persona.kept {
            kept.proposed = Some(Box::new(record));
        }
        self.directory.learn(name, persona);
    }

    /// What is known of a server has changed: it may have to be scrubbed, or be the spare that its
    /// pool waits for, or leave a persona without home.
    pub(super) fn look_at(&mut self, server: &ServerName) {
        let own = self.site.servers.get(server);
        let own = own.map(|of| of.server.pool.clone());
        let personas = self.directory.known_to(server);
        let pools = personas.filter_map(|persona| self.pool_for(persona));
        let pools: BTreeSet<_> = pools.chain(own).map(Subject::Homes).collect();
        self.dirty.extend(pools);
        self.dirty.insert(Subject::Server(server.clone()));
    }

    /// The pool in which a persona has its place.
    pub(super) fn pool_for(&self, persona: &PersonaName) -> Option<PoolName> {
        let of = self.site.personas.get(persona)?;
        Some(of.persona.pool.clone())
    }

    /// What has changed may concern anybody.
    pub(super) fn look_at_everything(&mut self) {
        let servers = self.servers.keys().cloned().map(Subject::Server);
        let pools = self.site.pools.keys().cloned().map(Subject::Homes);
        self.dirty.extend(servers.chain(pools));
    }
}

#[cfg(test)]
impl Core {
    /// The directory says what the site and the records say.
    pub(super) fn check_directory(&self) {
        let mut anew = Directory::default();
        anew.use_site(&self.site);
        for (name, persona) in &self.personas {
            let kept = persona.kept.as_ref();
            anew.recorded(name, kept.is_some_and(|kept| kept.revision.is_some()));
            anew.learn(name, persona);
        }
        assert_eq!(self.directory, anew);
    }
}
