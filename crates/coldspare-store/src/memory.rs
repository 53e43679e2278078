//! A store in memory, with faults that can be switched on.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::{
    Change, Entry, Error, Key, Listing, Outcome, Prefix, Put, Revision, Store, Txn, Watch,
};

const NAME: &str = "memory";
/// How many commits a watch may fall behind.
const HISTORY: usize = 1024;

/// What is wrong with a store in memory. The default: nothing, and no time passes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fault of its own, any may be on"
)]
pub struct Faults {
    /// Every answer takes that long.
    pub answer_after: Duration,
    /// It cannot be reached.
    pub unreachable: bool,
    /// It does what it is asked, and the answer is lost.
    pub loses_answers: bool,
    /// There is no room for another commit.
    pub full: bool,
    /// It may only be read.
    pub read_only: bool,
}

/// A store in memory. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
    revision: watch::Sender<Revision>,
}

#[derive(Debug, Default)]
struct Contents {
    entries: BTreeMap<Key, Entry>,
    revision: Revision,
    /// The latest commits, oldest first.
    history: VecDeque<Change>,
    /// The commits up to this one are no longer in the history.
    forgotten: Revision,
    faults: Faults,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            contents: Arc::default(),
            revision: watch::Sender::new(Revision::NONE),
        }
    }

    /// Switches faults on and off.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// The faults that are on.
    pub fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    /// Forgets which commits led here: a watch that has not seen them all ends.
    pub fn compact(&self) {
        let mut contents = self.lock();
        contents.history.clear();
        contents.forgotten = contents.revision;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The contents when they can be reached.
    async fn reach(&self) -> Result<MutexGuard<'_, Contents>, Error> {
        let delay = self.lock().faults.answer_after;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let contents = self.lock();
        if contents.faults.unreachable {
            return Err(Error::Unreachable {
                store: NAME.to_owned(),
                source: None,
            });
        }
        Ok(contents)
    }
}

/// The answer, unless answers are lost.
fn answer<T>(contents: &Contents, answer: T) -> Result<T, Error> {
    if contents.faults.loses_answers {
        return Err(Error::Unanswered {
            store: NAME.to_owned(),
            source: None,
        });
    }
    Ok(answer)
}

impl Contents {
    /// Why nothing can be written, if nothing can.
    fn refusal(&self) -> Option<Error> {
        let store = NAME.to_owned();
        let source = None;
        if self.faults.read_only {
            Some(Error::ReadOnly { store, source })
        } else if self.faults.full {
            Some(Error::Full { store, source })
        } else {
            None
        }
    }

    fn apply(&mut self, puts: &BTreeMap<Key, Put>) {
        let revision = Revision::new(self.revision.number() + 1);
        let mut entries = BTreeMap::new();
        for (key, put) in puts {
            match put {
                Put::Value(value) => {
                    let value = value.clone();
                    entries.insert(key.clone(), Some(value.clone()));
                    self.entries.insert(key.clone(), Entry { value, revision });
                }
                Put::Delete => {
                    if self.entries.remove(key).is_some() {
                        entries.insert(key.clone(), None);
                    }
                }
            }
        }
        if entries.is_empty() {
            return;
        }
        self.revision = revision;
        self.history.push_back(Change { revision, entries });
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.revision;
        }
    }

    /// What the next commit after that revision did to the part, if there was one.
    fn next_change(&self, prefix: &Prefix, after: Revision) -> Option<Change> {
        let start = self
            .history
            .partition_point(|change| change.revision <= after);
        self.history.range(start..).find_map(|change| {
            let entries: BTreeMap<_, _> = change
                .entries
                .iter()
                .filter(|(key, _)| prefix.contains(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let revision = change.revision;
            (!entries.is_empty()).then_some(Change { revision, entries })
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let contents = self.reach().await?;
        answer(&contents, contents.entries.get(key).cloned())
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let contents = self.reach().await?;
        let entries = contents
            .entries
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .take_while(|(key, _)| prefix.contains(key))
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect();
        let revision = contents.revision;
        answer(&contents, Listing { revision, entries })
    }

    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
        let mut contents = self.reach().await?;
        if let Some(excess) = txn.excess() {
            return Err(Error::TooLarge { excess });
        }
        if let Some(refusal) = contents.refusal() {
            return Err(refusal);
        }
        let found = |key: &Key| contents.entries.get(key).map(|entry| entry.revision);
        if let Some(conflict) = txn.conflict(found) {
            return answer(&contents, Outcome::Conflict(conflict));
        }
        contents.apply(txn.changes());
        self.revision.send_replace(contents.revision);
        answer(&contents, Outcome::Committed(contents.revision))
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
        drop(self.reach().await?);
        Ok(Box::new(MemoryWatch {
            store: self.clone(),
            prefix: prefix.clone(),
            after,
            revision: self.revision.subscribe(),
        }))
    }
}

#[derive(Debug)]
struct MemoryWatch {
    store: MemoryStore,
    prefix: Prefix,
    after: Revision,
    revision: watch::Receiver<Revision>,
}

#[async_trait]
impl Watch for MemoryWatch {
    async fn next(&mut self) -> Result<Change, Error> {
        loop {
            {
                let contents = self.store.reach().await?;
                if self.after < contents.forgotten {
                    return Err(Error::Compacted {
                        store: NAME.to_owned(),
                        after: self.after,
                    });
                }
                if let Some(change) = contents.next_change(&self.prefix, self.after) {
                    self.after = change.revision;
                    return Ok(change);
                }
                self.after = self.after.max(contents.revision);
            }
            // The sender is in the store, and this watch holds the store: it never goes first.
            let _ = self.revision.changed().await;
        }
    }
}

#[cfg(test)]
mod tests;
