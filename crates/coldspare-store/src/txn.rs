//! What is committed: expectations and changes, all or nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Key, Revision, Value};

/// What a commit expects of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// It has no entry.
    Absent,
    /// Its entry was last set at that revision.
    At(Revision),
}

impl Expected {
    /// Whether a key whose entry was last set at that revision is as expected.
    pub fn is_met_by(self, found: Option<Revision>) -> bool {
        match self {
            Self::Absent => found.is_none(),
            Self::At(revision) => found == Some(revision),
        }
    }
}

/// What a commit does to one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Put {
    /// It gets that value.
    Value(Value),
    /// Its entry goes, if there is one.
    Delete,
}

/// A commit: if every expectation is met, every change is made, at one revision; else none is.
///
/// It names a key at most once among its expectations and at most once among its changes.
/// Expecting a key and changing it are independent: a leader expects its term and changes a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Txn {
    expect: BTreeMap<Key, Expected>,
    put: BTreeMap<Key, Put>,
}

impl Txn {
    /// The most expectations, and the most changes, of one commit: one less than etcd takes unless
    /// it is told otherwise (`--max-txn-ops`), since each commit there expects the store's format.
    pub const MOST_KEYS: usize = 127;
    /// The most bytes of all values of one commit together, so that it fits one request of etcd.
    pub const MOST_BYTES: usize = Value::LONGEST;

    /// A commit that expects and changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects that of the key, instead of what was expected of it so far.
    #[must_use]
    pub fn expect(mut self, key: Key, expected: Expected) -> Self {
        self.expect.insert(key, expected);
        self
    }

    /// Gives the key that value.
    #[must_use]
    pub fn put(mut self, key: Key, value: Value) -> Self {
        self.put.insert(key, Put::Value(value));
        self
    }

    /// Deletes the key's entry, if there is one.
    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.put.insert(key, Put::Delete);
        self
    }

    /// What is expected, by key.
    pub const fn expectations(&self) -> &BTreeMap<Key, Expected> {
        &self.expect
    }

    /// What is changed, by key.
    pub const fn changes(&self) -> &BTreeMap<Key, Put> {
        &self.put
    }

    /// The first key that is not as expected, given the revision at which each was last set.
    pub fn conflict(&self, found: impl Fn(&Key) -> Option<Revision>) -> Option<Conflict> {
        self.expect.iter().find_map(|(key, &expected)| {
            let found = found(key);
            (!expected.is_met_by(found)).then(|| Conflict {
                key: key.clone(),
                expected,
                found,
            })
        })
    }

    /// What makes the commit larger than every store takes, if something does.
    pub fn excess(&self) -> Option<&'static str> {
        let bytes: usize = self
            .put
            .values()
            .map(|put| match put {
                Put::Value(value) => value.bytes().len(),
                Put::Delete => 0,
            })
            .sum();
        if self.expect.len() > Self::MOST_KEYS {
            Some("it expects something of more than 127 keys")
        } else if self.put.len() > Self::MOST_KEYS {
            Some("it changes more than 127 keys")
        } else if bytes > Self::MOST_BYTES {
            Some("its values together are longer than 1 MiB")
        } else {
            None
        }
    }
}

/// What became of a commit. A conflict is an answer, not a failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All is done, at that revision. A commit that changed nothing has the store's present one.
    Committed(Revision),
    /// Nothing is done.
    Conflict(Conflict),
}

/// The first key, in the order of keys, that was not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conflict {
    /// Which key.
    pub key: Key,
    /// What was expected of it.
    pub expected: Expected,
    /// The revision at which it was last set; `None`: it has no entry.
    pub found: Option<Revision>,
}
