//! What a test asks of the bench, and does to its world.

use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_heartbeat::Path;
use coldspare_names::{Generation, PersonaName, ServerName};
use coldspare_store::{Key, Store};
use futures::future::FutureExt;

use super::Bench;
use crate::command::{Actor, Command, Verb};
use crate::core::{Input, RequestId};
use crate::event::{Told, What};
use crate::record::{self, PersonaRecord, ServerRecord, Wanted};
use crate::reply::Reply;
use crate::test_world::{persona, server};

impl Bench {
    pub(in crate::core::tests) fn records(&self) -> BTreeMap<PersonaName, PersonaRecord> {
        let names = self.world.site.personas.keys();
        let record = |name: &PersonaName| {
            let record = self.stored(&record::persona_key(name).unwrap())?;
            Some((name.clone(), record))
        };
        names.filter_map(record).collect()
    }

    pub(in crate::core::tests) fn record(&self, number: u8) -> PersonaRecord {
        self.records()[&persona(number)].clone()
    }

    pub(in crate::core::tests) fn server_record(&self, name: &ServerName) -> ServerRecord {
        self.stored(&record::server_key(name).unwrap())
            .unwrap_or_default()
    }

    fn stored<T: serde::de::DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let entry = self.store.get(key).now_or_never()?.unwrap()?;
        Some(serde_json::from_slice(entry.value.bytes()).unwrap())
    }

    /// Asks as a person, and waits for the reply.
    pub(in crate::core::tests) async fn ask(&mut self, verb: Verb) -> Reply {
        let request = self.request(verb);
        let end = self.now() + Duration::from_mins(1);
        loop {
            if let Some(reply) = self.reply(request) {
                return reply;
            }
            assert!(self.step(end).await, "no reply");
        }
    }

    /// Asks as a person.
    pub(in crate::core::tests) fn request(&mut self, verb: Verb) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        let actor = Actor::Person("operator-1".to_owned());
        self.hand_in(Input::Asked {
            request,
            command: Command { actor, verb },
        });
        request
    }

    /// The reply, if there is one by now.
    pub(in crate::core::tests) fn reply(&mut self, request: RequestId) -> Option<Reply> {
        self.replies.remove(&request)
    }

    pub(in crate::core::tests) fn count(&self, what: What) -> usize {
        self.told
            .iter()
            .filter(|told| told.event.event == what)
            .count()
    }

    /// What was told, one line each.
    pub(in crate::core::tests) fn story(&self) -> Vec<String> {
        let line = |Told { at, event }: &Told| {
            let json = serde_json::to_value(event.event).unwrap();
            let (status, reason) = (&event.status, &event.reason);
            format!("{at} {json} {} {status:?} {reason:?}", event.about)
        };
        self.told.iter().map(line).collect()
    }

    /// The home of a persona, by its record and by what the world shows: both must agree.
    pub(in crate::core::tests) fn home(&self, number: u8) -> Option<(ServerName, Generation)> {
        let home = self.record(number).holding.home();
        let seen = self.home_in_world(number);
        let home = home.map(|grant| (grant.server, grant.generation));
        assert_eq!(
            seen,
            home.iter()
                .map(|(server, _)| server.clone())
                .collect::<Vec<_>>()
        );
        home
    }

    pub(in crate::core::tests) fn home_in_world(&self, number: u8) -> Vec<ServerName> {
        self.world.homes(&persona(number))
    }

    /// Takes a server's mains, its controller's too.
    pub(in crate::core::tests) fn lose_feed(&mut self, number: u8) {
        self.world.bmcs[&server(number)].lose_mains();
    }

    /// Takes a server's power; its controller goes on.
    pub(in crate::core::tests) fn lose_power(&mut self, number: u8) {
        self.world.bmcs[&server(number)].lose_power();
    }

    /// Makes sure of what most scenarios begin with: both members at work, the spares scrubbed.
    pub(in crate::core::tests) fn assert_ready(&self, spares: &[u8]) {
        for record in self.records().values() {
            assert_eq!(record.wanted, Wanted::Running);
            assert!(record.run.is_none());
        }
        self.assert_scrubbed(spares);
    }

    pub(in crate::core::tests) fn assert_scrubbed(&self, spares: &[u8]) {
        for spare in spares {
            assert!(
                self.server_record(&server(*spare)).scrubbed,
                "{:#?}",
                self.story()
            );
        }
    }

    pub(in crate::core::tests) fn own_link(&mut self, up: bool) {
        for path in Path::BOTH {
            self.hand_in(Input::OwnLink { path, up });
        }
    }
}
