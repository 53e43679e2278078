//! A store on an etcd cluster, for several controllers on several machines.
//!
//! A commit is one transaction of etcd: it compares revisions and is answered once a quorum has it
//! on disk. Reading is linearisable: it sees every commit that was answered, whichever node is
//! asked. Without a quorum nothing is read and nothing committed, and that is said.
//!
//! A call that finds a node gone or silent turns to another, and ends within 6 s. A commit that was
//! sent is not sent again by itself: if its node does not answer within 2 s, nobody knows. A lease
//! of leadership lasts longer than that, or the loss of one node may cost it. A listing is one
//! answer, which a node has to have sent in that time: what a controller of ten thousand servers
//! reads, 20 MB, takes 0.2 s on one machine.
//!
//! etcd numbers the revisions of all that it holds together, so that between two commits here
//! there may be numbers that are never seen.

mod failure;
mod nodes;
mod watch;

use std::collections::BTreeMap;

use async_trait::async_trait;
use etcd_client::{Compare, CompareOp, GetOptions, GetResponse, KeyValue, Txn as Request};
use etcd_client::{TxnOp, TxnOpResponse, TxnResponse};

use self::nodes::{Again, Nodes};
use self::watch::EtcdWatch;
use crate::{
    Entry, Error, Expected, Key, Listing, Outcome, Prefix, Put, Revision, Store, Txn, Value, Watch,
};

/// The format of what is stored; what a newer version writes differently has a higher one.
const FORMAT: u32 = 1;

/// A store on an etcd cluster. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub struct EtcdStore {
    nodes: Nodes,
    root: String,
}

impl EtcdStore {
    /// The store that an etcd cluster keeps below that key; the key's name is what tells several
    /// stores on one cluster apart. Endpoints are as in `http://10.0.0.1:2379`; one is enough, but
    /// only those given are turned to when one does not answer.
    pub async fn connect(endpoints: &[impl AsRef<str>], root: &Key) -> Result<Self, Error> {
        let nodes = Nodes::new(endpoints).await?;
        let root = root.to_string();
        let store = Self { nodes, root };
        let format = store.format_key();
        let mark = Request::new()
            .when([Compare::version(format.clone(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(format.clone(), FORMAT.to_string(), None)])
            .or_else([TxnOp::get(format, None)]);
        // Marking it twice is marking it once.
        let answer = store.send(Again::Always, mark).await?;
        if !answer.succeeded() {
            store.check_format(&answer)?;
        }
        Ok(store)
    }

    fn format_key(&self) -> String {
        format!("{}/format", self.root)
    }

    /// Where an entry, or the part of the store that begins like this, is in etcd.
    fn place(&self, text: &str) -> String {
        format!("{}/entry/{text}", self.root)
    }

    async fn range(&self, key: String, options: GetOptions) -> Result<GetResponse, Error> {
        let ask = |client: etcd_client::Client| {
            let (key, options) = (key.clone(), options.clone());
            async move { nodes::reading(&client).get(key, Some(options)).await }
        };
        self.nodes.ask(Again::Always, ask).await
    }

    async fn send(&self, again: Again, request: Request) -> Result<TxnResponse, Error> {
        let ask = |client: etcd_client::Client| {
            let request = request.clone();
            async move { nodes::reading(&client).txn(request).await }
        };
        self.nodes.ask(again, ask).await
    }

    /// That the first answer of a refused request holds the format that this version knows.
    fn check_format(&self, answer: &TxnResponse) -> Result<(), Error> {
        let store = self.nodes.name().to_owned();
        let found = match answer.op_responses().first() {
            Some(TxnOpResponse::Get(found)) => found.kvs().first().map(|kv| kv.value().to_owned()),
            _ => None,
        };
        let text = String::from_utf8_lossy(found.as_deref().unwrap_or_default()).into_owned();
        match text.parse() {
            Ok(FORMAT) => Ok(()),
            Ok(found) if found > FORMAT => Err(Error::NewerFormat {
                store,
                found,
                known: FORMAT,
            }),
            _ => {
                let reason = format!("{} is {text:?}, not a format", self.format_key());
                Err(Error::Damaged { store, reason })
            }
        }
    }

    fn entry(&self, kv: &KeyValue) -> Result<Entry, Error> {
        let value = Value::new(kv.value()).map_err(|error| self.damaged(&error))?;
        Ok(Entry {
            value,
            revision: revision(kv.mod_revision()),
        })
    }

    fn damaged(&self, error: &dyn std::error::Error) -> Error {
        Error::Damaged {
            store: self.nodes.name().to_owned(),
            reason: error.to_string(),
        }
    }

    fn request(&self, txn: &Txn) -> Request {
        let format = self.format_key();
        let mut compare = vec![Compare::value(
            format.clone(),
            CompareOp::Equal,
            FORMAT.to_string(),
        )];
        let mut look = vec![TxnOp::get(format, None)];
        for (key, expected) in txn.expectations() {
            let place = self.place(key.as_str());
            compare.push(match expected {
                Expected::Absent => Compare::version(place.clone(), CompareOp::Equal, 0),
                Expected::At(revision) => {
                    Compare::mod_revision(place.clone(), CompareOp::Equal, signed(*revision))
                }
            });
            look.push(TxnOp::get(place, Some(GetOptions::new().with_keys_only())));
        }
        let changes = txn.changes().iter().map(|(key, put)| {
            let place = self.place(key.as_str());
            match put {
                Put::Value(value) => TxnOp::put(place, value.bytes(), None),
                Put::Delete => TxnOp::delete(place, None),
            }
        });
        let changes: Vec<_> = changes.collect();
        Request::new().when(compare).and_then(changes).or_else(look)
    }

    /// Why the request was refused.
    fn refusal(&self, txn: &Txn, answer: &TxnResponse) -> Result<Outcome, Error> {
        self.check_format(answer)?;
        let looked = answer.op_responses().into_iter().skip(1);
        let found: BTreeMap<&Key, Option<Revision>> = txn
            .expectations()
            .keys()
            .zip(looked)
            .map(|(key, found)| match found {
                TxnOpResponse::Get(found) => (key, found.kvs().first().map(KeyValue::mod_revision)),
                _ => (key, None),
            })
            .map(|(key, found)| (key, found.map(revision)))
            .collect();
        let conflict = txn.conflict(|key| found.get(key).copied().flatten());
        conflict
            .map(Outcome::Conflict)
            .ok_or_else(|| Error::Damaged {
                store: self.nodes.name().to_owned(),
                reason: "a commit is refused that meets every expectation".to_owned(),
            })
    }
}

/// etcd counts from 1, and takes the revision of what is absent for 0.
fn signed(revision: Revision) -> i64 {
    let number = i64::try_from(revision.number()).unwrap_or(i64::MAX);
    if number == 0 { i64::MAX } else { number }
}

fn revision(number: i64) -> Revision {
    Revision::new(u64::try_from(number).unwrap_or_default())
}

#[async_trait]
impl Store for EtcdStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let found = self
            .range(self.place(key.as_str()), GetOptions::new())
            .await?;
        found.kvs().first().map(|kv| self.entry(kv)).transpose()
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let place = self.place(prefix.as_str());
        let found = self.range(place, GetOptions::new().with_prefix()).await?;
        let begin = self.place("").len();
        let mut entries = BTreeMap::new();
        for kv in found.kvs() {
            let key = String::from_utf8_lossy(&kv.key()[begin..]);
            let key = Key::new(key).map_err(|error| self.damaged(&error))?;
            entries.insert(key, self.entry(kv)?);
        }
        let revision = found
            .header()
            .map_or(0, etcd_client::ResponseHeader::revision);
        Ok(Listing {
            revision: self::revision(revision),
            entries,
        })
    }

    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
        if let Some(excess) = txn.excess() {
            return Err(Error::TooLarge { excess });
        }
        let answer = self
            .send(Again::IfNothingHappened, self.request(txn))
            .await?;
        if !answer.succeeded() {
            return self.refusal(txn, &answer);
        }
        let revision = answer
            .header()
            .map_or(0, etcd_client::ResponseHeader::revision);
        Ok(Outcome::Committed(self::revision(revision)))
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
        let watch = EtcdWatch::open(
            self.nodes.clone(),
            self.place(""),
            self.place(prefix.as_str()),
            after,
        );
        Ok(Box::new(watch.await?))
    }
}
