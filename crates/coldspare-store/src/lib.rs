//! Durable state by conditional commit, and leadership.
//!
//! A [`Store`] holds entries under path-like [`Key`]s. Its only verb is a commit ([`Txn`]): a set
//! of expectations and a set of changes, made wholly at one [`Revision`] or not at all. An
//! embedded SQL database can do that, etcd can, and so can [`MemoryStore`].
//!
//! **The one rule:** nothing is changed that was not as expected. A [`Conflict`] is an answer, not
//! a failure: look again, decide again. Leadership follows from it: a leader's [`Term`] is an entry
//! that changes only when the leader does, each of its commits expects it, and so a leader that
//! was succeeded while it slept can write nothing when it wakes. A [`Candidate`] decides when to
//! bid and renew; it reads no clock and sends nothing itself.
//!
//! ```
//! use std::time::Duration;
//!
//! use coldspare_names::Time;
//! use coldspare_store::{Candidate, Expected, Key, MemoryStore, Outcome, Store, Txn, Value};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let clock = || Time::EPOCH;
//! let store = MemoryStore::new();
//!
//! // Two read the same entry; the first to change it wins, the other is told.
//! let holder = Key::of(&["pool", "exchange", "holder", "exchange1"])?;
//! let claim = |who| -> Result<Txn, Box<dyn std::error::Error>> {
//!     let free = Txn::new().expect(holder.clone(), Expected::Absent);
//!     Ok(free.put(holder.clone(), Value::new(who)?))
//! };
//! assert!(matches!(store.commit(&claim("r720-1")?).await?, Outcome::Committed(_)));
//! assert!(matches!(store.commit(&claim("r720-2")?).await?, Outcome::Conflict(_)));
//!
//! // One leads the pool, and its commits hold only while its term does.
//! let pool: Key = "pool/exchange".parse()?;
//! let lease = Duration::from_secs(5);
//! let mut candidate = Candidate::new(&pool, "controller-a/17".parse()?, lease)?;
//! let listing = store.list(&Candidate::prefix(&pool)?).await?;
//! if let Some(bid) = candidate.consider(clock(), &listing) {
//!     let asked = clock();
//!     candidate.decided(asked, &store.commit(&bid).await?);
//! }
//! let term = candidate.leads(clock()).expect("nobody else stands");
//! let free = term.guard(Txn::new().delete(holder.clone()));
//! assert!(matches!(store.commit(&free).await?, Outcome::Committed(_)));
//! # Ok(())
//! # }
//! ```
//!
//! What keeps the entries: [`MemoryStore`] for tests and simulations, with the feature `sqlite` (on
//! unless switched off) `SqliteStore` for one machine, with the feature `etcd` `EtcdStore` for
//! several; building that one needs `protoc`.
//!
//! With the feature `conformance`, the contract of [`Store`] is there as a suite to run against any
//! implementation.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod entry;
#[cfg(feature = "etcd")]
mod etcd;
mod key;
mod leadership;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod txn;

pub use entry::{Change, Entry, Listing, Revision, Value, ValueTooLong};
#[cfg(feature = "etcd")]
pub use etcd::EtcdStore;
pub use key::{Key, KeyError, Prefix};
pub use leadership::{Candidate, Term};
pub use memory::{Faults, MemoryStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{Cause, Error, Store, Watch};
pub use txn::{Conflict, Expected, Outcome, Put, Txn};
