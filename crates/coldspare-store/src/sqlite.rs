//! A store in a file, for one machine: SQLite with a write-ahead log.
//!
//! A commit is answered once it is on the disk (`synchronous = FULL`). Several processes may use
//! one file. The engine works in a thread of its own, so that no caller's thread ever waits for a
//! disk; commits that arrive while it is busy go to the disk together.
//!
//! The file can be read with the `sqlite3` shell at any time, also while a controller runs. What
//! is stored below `journal/` is the view `journal` there:
//!
//! ```sh
//! sqlite3 store.db 'SELECT * FROM journal'
//! ```

mod engine;
mod failure;
mod schema;
mod worker;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use self::engine::Engine;
use self::failure::Failure;
use self::worker::Request;
use crate::{Change, Entry, Error, Key, Listing, Outcome, Prefix, Revision, Store, Txn, Watch};

/// How many calls may wait for the engine. Further ones wait for a place.
const ROOM: usize = 1024;
/// How long a call waits for its turn, and then for its answer: longer than two waits for another
/// process's lock.
const LIMIT: Duration = Duration::from_secs(15);
/// How often a watch looks for commits of other processes.
const LOOK: Duration = Duration::from_millis(50);

/// A store in a file. Clones are handles of the same store.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    name: String,
    requests: mpsc::Sender<Request>,
    /// The latest commit made through this handle or its clones.
    committed: watch::Receiver<Revision>,
}

impl SqliteStore {
    /// The store in that file, which is created if there is none and brought to the present format
    /// if it has an older one. The folder must exist; files named like it with `-wal` and `-shm`
    /// appended belong to it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        let (opened, answer) = oneshot::channel();
        let (requests, received) = mpsc::channel(ROOM);
        let (committing, committed) = watch::channel(Revision::NONE);
        let thread = std::thread::Builder::new().name("coldspare-store".to_owned());
        let work = move || match Engine::open(&path) {
            Ok(engine) => {
                // Nobody waits for it any more: then there are no requests either.
                let _ = opened.send(Ok(()));
                worker::run(engine, received, &committing);
            }
            Err(failure) => drop(opened.send(Err(failure))),
        };
        thread.spawn(work).map_err(|error| Error::Unreachable {
            store: name.clone(),
            source: Some(error.into()),
        })?;
        match timeout(LIMIT, answer).await {
            Ok(Ok(opened)) => opened.map_err(|failure| failure.told(&name))?,
            Ok(Err(_)) | Err(_) => return Err(unreachable(&name)),
        }
        Ok(Self {
            name,
            requests,
            committed,
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Engine) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let ask = move |engine: &mut Engine| {
            // Whoever asked has gone away.
            let _ = reply.send(ask(engine));
        };
        self.send(Request::Read(Box::new(ask))).await?;
        match timeout(LIMIT, answer).await {
            Ok(Ok(answer)) => answer.map_err(|failure| failure.told(&self.name)),
            Ok(Err(_)) | Err(_) => Err(unreachable(&self.name)),
        }
    }

    async fn send(&self, request: Request) -> Result<(), Error> {
        let Ok(Ok(place)) = timeout(LIMIT, self.requests.reserve()).await else {
            return Err(unreachable(&self.name));
        };
        place.send(request);
        Ok(())
    }
}

/// The engine's thread has ended, or does not come to an end.
fn unreachable(name: &str) -> Error {
    Error::Unreachable {
        store: name.to_owned(),
        source: None,
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let key = key.clone();
        self.read(move |engine| engine.get(&key)).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let prefix = prefix.clone();
        self.read(move |engine| engine.list(&prefix)).await
    }

    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
        if let Some(excess) = txn.excess() {
            return Err(Error::TooLarge { excess });
        }
        let (reply, answer) = oneshot::channel();
        self.send(Request::Commit(txn.clone(), reply)).await?;
        match timeout(LIMIT, answer).await {
            Ok(Ok(answer)) => answer.map_err(|failure| failure.told(&self.name)),
            Ok(Err(_)) | Err(_) => Err(Error::Unanswered {
                store: self.name.clone(),
                source: None,
            }),
        }
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
        Ok(Box::new(SqliteWatch {
            store: self.clone(),
            prefix: prefix.clone(),
            after,
            committed: self.committed.clone(),
        }))
    }
}

#[derive(Debug)]
struct SqliteWatch {
    store: SqliteStore,
    prefix: Prefix,
    after: Revision,
    committed: watch::Receiver<Revision>,
}

#[async_trait]
impl Watch for SqliteWatch {
    async fn next(&mut self) -> Result<Change, Error> {
        loop {
            self.committed.mark_unchanged();
            let (prefix, after) = (self.prefix.clone(), self.after);
            let seen = self
                .store
                .read(move |engine| engine.next_change(&prefix, after))
                .await?;
            self.after = seen.until;
            if let Some(change) = seen.change {
                return Ok(change);
            }
            // Either way it is time to look again.
            let _ = timeout(LOOK, self.committed.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests;
