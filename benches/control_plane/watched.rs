//! A store as the controller is given it: what is committed is kept for the peers, and time passes
//! only while the store works.
//!
//! The clock of the runtime stands still otherwise, and jumps when nobody has anything to do: so
//! waiting for a device costs nothing, and all that is left is the control plane's own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coldspare_store::{Entry, Error, Key, Listing, Outcome, Prefix, Put, Revision};
use coldspare_store::{Store, Txn, Watch};

use crate::must;

#[derive(Debug)]
pub(crate) struct Watched {
    store: Arc<dyn Store>,
    /// It works on another thread, or another machine: the clock must not jump meanwhile.
    elsewhere: bool,
    calls: AtomicUsize,
    committed: Mutex<Vec<Txn>>,
}

impl Watched {
    pub(crate) fn here(store: impl Store + 'static) -> Arc<Self> {
        Self::new(store, false)
    }

    pub(crate) fn elsewhere(store: impl Store + 'static) -> Arc<Self> {
        Self::new(store, true)
    }

    fn new(store: impl Store + 'static, elsewhere: bool) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::new(store),
            elsewhere,
            calls: AtomicUsize::new(0),
            committed: Mutex::default(),
        })
    }

    /// What was committed since this was asked last.
    pub(crate) fn committed(&self) -> Vec<Txn> {
        std::mem::take(&mut self.kept())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Txn>> {
        self.committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the same changes, one commit after the other, with no controller about.
    pub(crate) async fn repeat(&self, commits: &[Txn]) {
        for txn in commits {
            let outcome = must(self.commit(&bare(txn)).await);
            assert!(matches!(outcome, Outcome::Committed(_)));
        }
        self.committed();
    }

    fn call(&self) -> Option<Call<'_>> {
        self.elsewhere.then(|| {
            if self.calls.fetch_add(1, Ordering::Relaxed) == 0 {
                tokio::time::resume();
            }
            Call(self)
        })
    }
}

/// The changes alone.
fn bare(txn: &Txn) -> Txn {
    let changes = txn.changes().iter();
    changes.fold(Txn::new(), |bare, (key, put)| match put {
        Put::Value(value) => bare.put(key.clone(), value.clone()),
        Put::Delete => bare.delete(key.clone()),
    })
}

/// While it lives, time passes.
struct Call<'a>(&'a Watched);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::Relaxed) == 1 {
            tokio::time::pause();
        }
    }
}

#[async_trait]
impl Store for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let _call = self.call();
        self.store.get(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let _call = self.call();
        self.store.list(prefix).await
    }

    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
        let _call = self.call();
        self.kept().push(txn.clone());
        self.store.commit(txn).await
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
        self.store.watch(prefix, after).await
    }
}
