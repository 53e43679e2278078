//! The contract of [`Store`] as an executable suite.
//!
//! Whoever implements the seam writes a [`Rig`] around a store and asserts that [`check`] finds
//! nothing.

mod commits;
mod reading;
mod watching;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::time::timeout;

use crate::{Error, Key, KeyError, Outcome, Prefix, Revision, Store, Txn, Value, ValueTooLong};

/// Stores to check, and the levers on what they stand on. Levers act on the store that
/// [`fresh`](Self::fresh) gave last.
#[async_trait]
pub trait Rig: Send + Sync {
    /// An empty store.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// Another handle of the same store: another connection, where there are connections.
    async fn again(&self) -> Arc<dyn Store>;

    /// The store forgets which commits led to what it holds now.
    async fn compact(&self);

    /// The longest that one call takes.
    fn patience(&self) -> Duration;
}

/// A part of the contract that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// What was expected and what was found.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.reason)
    }
}

/// Runs every check, each on an empty store. An implementation passes with an empty list.
pub async fn check(rig: &dyn Rig) -> Vec<Violation> {
    let results = run(rig).await.into_iter();
    let violations = results.filter_map(|(check, result)| {
        let Broken(reason) = result.err()?;
        Some(Violation { check, reason })
    });
    violations.collect()
}

async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        (
            "what-is-committed-is-read",
            reading::what_is_committed_is_read(rig).await,
        ),
        (
            "other-handles-read-it-too",
            reading::other_handles_read_it_too(rig).await,
        ),
        (
            "a-listing-is-its-part-only",
            reading::a_listing_is_its_part_only(rig).await,
        ),
        (
            "a-listing-is-of-one-revision",
            reading::a_listing_is_of_one_revision(rig).await,
        ),
        (
            "a-long-value-is-kept-whole",
            reading::a_long_value_is_kept_whole(rig).await,
        ),
        ("any-bytes-are-kept", reading::any_bytes_are_kept(rig).await),
        (
            "what-is-absent-may-be-expected",
            commits::absent_may_be_expected(rig).await,
        ),
        (
            "what-is-absent-has-no-revision",
            commits::what_is_absent_has_no_revision(rig).await,
        ),
        (
            "an-old-revision-is-refused",
            commits::an_old_revision_is_refused(rig).await,
        ),
        (
            "a-deleted-entry-is-gone",
            commits::a_deleted_entry_is_gone(rig).await,
        ),
        (
            "a-conflict-says-what-is-there",
            commits::a_conflict_says_what_is_there(rig).await,
        ),
        (
            "every-expectation-counts",
            commits::every_expectation_counts(rig).await,
        ),
        (
            "a-refused-commit-changes-nothing",
            commits::a_refused_one_changes_nothing(rig).await,
        ),
        ("revisions-grow", commits::revisions_grow(rig).await),
        (
            "no-increment-is-lost",
            commits::no_increment_is_lost(rig).await,
        ),
        (
            "the-largest-is-made",
            commits::the_largest_is_made(rig).await,
        ),
        (
            "too-large-is-refused",
            commits::too_large_is_refused(rig).await,
        ),
        (
            "a-watch-misses-nothing",
            watching::misses_nothing(rig).await,
        ),
        (
            "a-watch-shows-commits-whole",
            watching::shows_commits_whole(rig).await,
        ),
        (
            "a-watch-is-of-its-part-only",
            watching::is_of_its_part_only(rig).await,
        ),
        ("a-watch-wakes", watching::wakes(rig).await),
        (
            "a-watch-tells-of-a-gap",
            watching::tells_of_a_gap(rig).await,
        ),
    ]
}

/// What a check found wrong.
struct Broken(String);

type Checked = Result<(), Broken>;

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<KeyError> for Broken {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

impl From<ValueTooLong> for Broken {
    fn from(error: ValueTooLong) -> Self {
        Self(error.to_string())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Broken(otherwise()))
    }
}

/// Commits what must not conflict.
async fn commit(store: &dyn Store, txn: Txn) -> Result<Revision, Broken> {
    match store.commit(&txn).await? {
        Outcome::Committed(revision) => Ok(revision),
        Outcome::Conflict(conflict) => Err(Broken(format!("unexpected conflict: {conflict:?}"))),
    }
}

/// Gives the key that value.
async fn put(store: &dyn Store, key: &Key, text: &str) -> Result<Revision, Broken> {
    commit(store, Txn::new().put(key.clone(), Value::new(text)?)).await
}

/// The key's value as text; nothing if it has none.
async fn text(store: &dyn Store, key: &Key) -> Result<Option<String>, Broken> {
    let entry = store.get(key).await?;
    Ok(entry.map(|entry| String::from_utf8_lossy(entry.value.bytes()).into_owned()))
}

fn key(text: &str) -> Result<Key, KeyError> {
    Key::new(text)
}

fn below(text: &str) -> Result<Prefix, KeyError> {
    Ok(Prefix::below(&key(text)?))
}

/// The next change, if one comes in time.
async fn next(rig: &dyn Rig, watch: &mut dyn crate::Watch) -> Result<crate::Change, Broken> {
    let none = Broken("a commit is not shown".to_owned());
    Ok(timeout(rig.patience(), watch.next())
        .await
        .map_err(|_| none)??)
}

#[cfg(test)]
mod tests;
