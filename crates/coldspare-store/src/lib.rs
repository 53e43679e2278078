//! Durable state by conditional commit, and leadership.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod entry;
mod key;
mod leadership;
mod memory;
mod store;
mod txn;

pub use entry::{Change, Entry, Listing, Revision, Value, ValueTooLong};
pub use key::{Key, KeyError, Prefix};
pub use leadership::{Candidate, Term};
pub use memory::{Faults, MemoryStore};
pub use store::{Cause, Error, Store, Watch};
pub use txn::{Conflict, Expected, Outcome, Put, Txn};
