//! What is stored: values, and the revision at which each was last set.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Key;

/// How many commits that changed something a store has seen. Every one raises it, by one or more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before the first commit.
    pub const NONE: Self = Self(0);

    /// The revision of that number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes of an entry: at most 1 MiB. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Arc<[u8]>);

/// A value that is longer than a store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value of {length} bytes is too long: at most 1 MiB is stored under one key")]
pub struct ValueTooLong {
    /// How long it is, in bytes.
    pub length: usize,
}

impl Value {
    /// The longest value, in bytes.
    pub const LONGEST: usize = 1 << 20;

    /// The value of those bytes, if they are not too many.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, ValueTooLong> {
        let bytes = bytes.as_ref();
        if bytes.len() > Self::LONGEST {
            return Err(ValueTooLong {
                length: bytes.len(),
            });
        }
        Ok(Self(Arc::from(bytes)))
    }

    /// The value of a text that is known to be short.
    pub(crate) fn from_text(short: &str) -> Self {
        Self(Arc::from(short.as_bytes()))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&Key> for Value {
    fn from(key: &Key) -> Self {
        Self::from_text(key.as_str())
    }
}

/// The length only: values are long, and what is in them is their owner's to print.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.0.len())
    }
}

/// A value, and the revision of the commit that set it last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What is stored.
    pub value: Value,
    /// Which commit stored it: what [`Expected::At`](crate::Expected::At) compares.
    pub revision: Revision,
}

/// What a part of the store held at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Listing {
    /// The revision at which all of it was so: a watch from here on misses nothing.
    pub revision: Revision,
    /// Every entry.
    pub entries: BTreeMap<Key, Entry>,
}

/// What one commit did to a part of the store: all of it, or what lies in the watched prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    /// The commit's revision.
    pub revision: Revision,
    /// The new value of each changed key; `None` where it was deleted.
    pub entries: BTreeMap<Key, Option<Value>>,
}
