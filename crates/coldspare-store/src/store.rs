//! The seam: durable state by conditional commit.

use std::fmt;

use async_trait::async_trait;

use crate::{Change, Entry, Key, Listing, Outcome, Prefix, Revision, Txn};

/// Durable state by conditional commit.
///
/// Commits happen one after the other, each wholly or not at all. One that was answered is durable
/// and is seen by everything asked afterwards, through whatever handle. Every call ends within a
/// limit of the implementation's own.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The key's entry, if it has one.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error>;

    /// Every entry of that part, all at one revision.
    async fn list(&self, prefix: &Prefix) -> Result<Listing, Error>;

    /// Makes every change if every expectation is met, and none otherwise.
    ///
    /// After [`Error::Unanswered`] nobody knows whether it was made. Asking again is safe only
    /// with an expectation that the first attempt, had it been made, would have ended: each change
    /// of a key then expects that key as it was.
    async fn commit(&self, txn: &Txn) -> Result<Outcome, Error>;

    /// Every commit after that revision that changes the part, in order, none left out.
    ///
    /// From a [`Listing`]'s revision on, list and watch together miss nothing.
    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error>;
}

/// Commits as they come.
#[async_trait]
pub trait Watch: fmt::Debug + Send {
    /// Waits for the next commit; one that changed several keys comes whole. May be dropped while
    /// it waits without losing anything.
    ///
    /// [`Error::Compacted`]: the watch fell so far behind that commits would be left out. List, and
    /// watch from there. After any error the watch is over.
    async fn next(&mut self) -> Result<Change, Error>;
}

/// Why a store did not do or tell what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be reached, or has no quorum. Nothing was changed.
    #[error("the store {store} cannot be reached")]
    Unreachable {
        /// Which store.
        store: String,
        /// What the engine says.
        source: Option<Cause>,
    },
    /// No answer came. What was asked may have happened, or may still.
    #[error("the store {store} did not answer in time")]
    Unanswered {
        /// Which store.
        store: String,
        /// What the engine says.
        source: Option<Cause>,
    },
    /// There is no room. Nothing was changed; reading goes on.
    #[error("the store {store} is full")]
    Full {
        /// Which store.
        store: String,
        /// What the engine says.
        source: Option<Cause>,
    },
    /// It may only be read. Nothing was changed.
    #[error("the store {store} can only be read")]
    ReadOnly {
        /// Which store.
        store: String,
        /// What the engine says.
        source: Option<Cause>,
    },
    /// The commit is larger than any store takes. Nothing was changed.
    #[error("the commit is too large: {excess}")]
    TooLarge {
        /// What is too large about it.
        excess: &'static str,
    },
    /// The watched revision is so old that commits would be left out.
    #[error("the store {store} no longer knows every commit after revision {after}")]
    Compacted {
        /// Which store.
        store: String,
        /// After which revision commits were asked for.
        after: Revision,
    },
    /// A newer version of this crate wrote it; this one would misread it.
    #[error("the store {store} has format {found}, and this version knows none after {known}")]
    NewerFormat {
        /// Which store.
        store: String,
        /// The format of what is stored.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// What is stored cannot be read.
    #[error("the store {store} is damaged: {reason}")]
    Damaged {
        /// Which store.
        store: String,
        /// What is wrong, and where.
        reason: String,
    },
}

/// What an engine says about a failure.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether the same call may succeed later, without anybody changing anything.
    pub const fn may_retry(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unanswered { .. })
    }
}
