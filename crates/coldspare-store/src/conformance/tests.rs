//! The memory store passes, and for each check one that is wrong in that way only fails it.

use std::future::pending;
use std::sync::Mutex;

use tokio::task::yield_now;

use super::*;
use crate::{Change, Entry, Expected, Faults, Listing, MemoryStore, Put, Watch};

/// The one way in which a store is wrong; its name begins with the check that must notice.
type Flaw = &'static str;

#[derive(Default)]
struct MemoryRig {
    flaw: Flaw,
    latest: Mutex<MemoryStore>,
    faults: Faults,
}

impl MemoryRig {
    fn handle(&self, second: bool) -> Arc<dyn Store> {
        let store = self.latest.lock().unwrap().clone();
        let flaw = self.flaw;
        Arc::new(Wrong {
            store,
            flaw,
            second,
        })
    }
}

#[async_trait]
impl Rig for MemoryRig {
    async fn fresh(&self) -> Arc<dyn Store> {
        let store = MemoryStore::new();
        store.set_faults(self.faults.clone());
        *self.latest.lock().unwrap() = store;
        self.handle(false)
    }

    async fn again(&self) -> Arc<dyn Store> {
        self.handle(true)
    }

    async fn compact(&self) {
        self.latest.lock().unwrap().compact();
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(2)
    }
}

#[derive(Debug)]
struct Wrong {
    store: MemoryStore,
    flaw: Flaw,
    second: bool,
}

impl Wrong {
    /// The transaction as this store understands it.
    async fn misread(&self, txn: &Txn) -> Result<Txn, Error> {
        let mut misread = Txn::new();
        for (key, put) in txn.changes() {
            misread = match put {
                Put::Value(value) => misread.put(key.clone(), value.clone()),
                Put::Delete => misread.delete(key.clone()),
            };
        }
        for (at, (key, &expected)) in txn.expectations().iter().enumerate() {
            let found = self.store.get(key).await?.map(|entry| entry.revision);
            let overlooked = match (self.flaw, expected, found) {
                ("what-is-absent-may-be-expected", Expected::Absent, _)
                | ("what-is-absent-has-no-revision", Expected::At(Revision::NONE), None) => true,
                ("an-old-revision-is-refused", Expected::At(revision), Some(found)) => {
                    key.as_str() == "a" && revision < found
                }
                ("a-deleted-entry-is-gone", Expected::At(_), None) => key.as_str() == "a",
                ("every-expectation-counts", ..) => at > 0,
                ("no-increment-is-lost", expected, found) => {
                    yield_now().await;
                    expected.is_met_by(found)
                }
                _ => false,
            };
            if !overlooked {
                misread = misread.expect(key.clone(), expected);
            }
        }
        Ok(misread)
    }
}

#[async_trait]
impl Store for Wrong {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let mut entry = self.store.get(key).await?;
        let Some(Entry { value, .. }) = &mut entry else {
            return Ok(None);
        };
        match self.flaw {
            "other-handles-read-it-too" if self.second && key.as_str() == "a" => return Ok(None),
            "a-long-value-is-kept-whole" => {
                let kept = value.bytes().len().min(1 << 19);
                *value = Value::new(&value.bytes()[..kept]).unwrap();
            }
            "any-bytes-are-kept" => {
                let text = String::from_utf8_lossy(value.bytes()).into_owned();
                *value = Value::new(text).unwrap();
            }
            _ => {}
        }
        Ok(entry)
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let mut listing = self.store.list(prefix).await?;
        match self.flaw {
            "what-is-committed-is-read" => {
                for entry in listing.entries.values_mut() {
                    entry.revision = Revision::new(entry.revision.number() - 1);
                }
            }
            "a-listing-is-its-part-only" => {
                listing = self.store.list(&Prefix::all()).await?;
                let begin = prefix.as_str().trim_end_matches('/');
                listing
                    .entries
                    .retain(|key, _| key.as_str().starts_with(begin) && key.as_str() != begin);
            }
            "a-listing-is-of-one-revision" => {
                let revisions = listing.entries.values().map(|entry| entry.revision);
                listing.revision = revisions.max().unwrap_or_default();
            }
            "a-listing-is-of-one-revision (torn)" => {
                yield_now().await;
                let later = self.store.list(prefix).await?.entries;
                listing.entries.extend(later.into_iter().skip(1));
            }
            _ => {}
        }
        Ok(listing)
    }

    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
        if self.flaw == "the-largest-is-made" && txn.changes().len() == Txn::MOST_KEYS {
            return Err(Error::TooLarge {
                excess: "it is as large as it may be",
            });
        }
        let mut outcome = match self.store.commit(&self.misread(txn).await?).await {
            Err(Error::TooLarge { .. }) if self.flaw == "too-large-is-refused" => {
                return Ok(Outcome::Committed(Revision::NONE));
            }
            outcome => outcome?,
        };
        match (self.flaw, &mut outcome) {
            ("a-conflict-says-what-is-there", Outcome::Conflict(conflict)) => conflict.found = None,
            ("a-refused-commit-changes-nothing", Outcome::Conflict(_)) => {
                let deleted = txn.changes().iter().filter(|(_, put)| **put == Put::Delete);
                let half = deleted.fold(Txn::new(), |half, (key, _)| half.delete(key.clone()));
                self.store.commit(&half).await?;
            }
            ("revisions-grow", Outcome::Committed(revision)) if txn.changes().contains_key("y") => {
                *revision = Revision::NONE;
            }
            _ => {}
        }
        Ok(outcome)
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
        let all = self.flaw == "a-watch-is-of-its-part-only";
        let prefix = if all { &Prefix::all() } else { prefix };
        Ok(Box::new(WrongWatch {
            watch: self.store.watch(prefix, after).await?,
            flaw: self.flaw,
            rest: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct WrongWatch {
    watch: Box<dyn Watch>,
    flaw: Flaw,
    rest: Vec<Change>,
}

#[async_trait]
impl Watch for WrongWatch {
    async fn next(&mut self) -> Result<Change, Error> {
        if let Some(change) = self.rest.pop() {
            return Ok(change);
        }
        match self.flaw {
            "a-watch-misses-nothing" => loop {
                let change = self.watch.next().await?;
                if change.entries.values().any(Option::is_some) {
                    return Ok(change);
                }
            },
            "a-watch-shows-commits-whole" => {
                let Change { revision, entries } = self.watch.next().await?;
                let single = |entry| Change {
                    revision,
                    entries: [entry].into(),
                };
                self.rest = entries.into_iter().map(single).rev().collect();
                self.next().await
            }
            "a-watch-wakes" => match timeout(Duration::ZERO, self.watch.next()).await {
                Ok(change) => change,
                Err(_) => pending().await,
            },
            "a-watch-tells-of-a-gap" => match self.watch.next().await {
                Err(Error::Compacted { .. }) => pending().await,
                change => change,
            },
            _ => self.watch.next().await,
        }
    }
}

async fn caught(flaw: Flaw) -> Vec<&'static str> {
    let rig = MemoryRig {
        flaw,
        ..MemoryRig::default()
    };
    check(&rig).await.iter().map(|v| v.check).collect()
}

#[tokio::test(start_paused = true)]
async fn memory_passes_quick_and_slow() {
    let slow = Faults {
        answer_after: Duration::from_millis(300),
        ..Faults::default()
    };
    for faults in [Faults::default(), slow] {
        let rig = MemoryRig {
            faults,
            ..MemoryRig::default()
        };
        assert_eq!(check(&rig).await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn each_check_catches_a_store_that_is_wrong_in_that_way_only() {
    for (flaw, _) in run(&MemoryRig::default()).await {
        assert_eq!(caught(flaw).await, [flaw]);
    }
    let torn = caught("a-listing-is-of-one-revision (torn)").await;
    assert_eq!(torn, ["a-listing-is-of-one-revision"]);
}
