//! Volumes, iSCSI targets, who may log in to them, and from where a server boots.
//!
//! A server without disks *is* what its volumes make it. So moving a persona to another server
//! means taking its volumes from the old server and giving them to the new one, and the persona
//! keeps its initiator name all the while: the name cannot tell the two servers apart. An
//! [`Admission`] therefore binds the name to one server, by that server's SAN addresses or by a
//! secret that [`chap`] derives for server and [generation](coldspare_names::Generation).
//!
//! **The one rule:** a server is shut out of an array only when it may log in nowhere *and* has
//! no session left. An admission taken away may leave its sessions alive, and a session that was
//! dropped may still write once. [`shut_out`] therefore revokes, stamps, drops, and looks until
//! nothing is listed; [`ShutOutEvidence`] cannot be had in any other way.
//!
//! | | |
//! |---|---|
//! | [`Volume`], [`BootTarget`], [`Admission`], [`Session`] | what there is |
//! | [`Admissions::permit`], [`ShutOut::is_old`] … | what is decided, without looking at anything |
//! | [`Array`] | the seam to one storage array |
//! | [`shut_out`], [`read_shut_out`], [`admit`] | taking and giving, over any array |
//! | [`memory`] | an array in memory, with everything that real ones get wrong |
//! | `tgt` (feature) | the Linux target in user space |
//! | `conformance` (feature) | the contract, executable |
//!
//! ```
//! use std::collections::BTreeSet;
//! use std::time::Duration;
//!
//! use coldspare_names::{Generation, Time};
//! use coldspare_san::memory::MemoryArray;
//! use coldspare_san::{
//!     Admission, Array, Login, Patience, SecretKey, ShutOut, Size, VolumeSpec, admit, chap,
//!     shut_out,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SecretKey::new([7; 32]);
//! let portal = "10.20.0.1".parse()?;
//! let array = MemoryArray::new("ps6110".parse()?, [portal], key.clone(), MemoryArray::TRAITS);
//!
//! // A persona boots from a clone of the gold volume; nobody is admitted to it yet.
//! let size = Size::gibibytes(100).ok_or("a size")?;
//! array.create(&VolumeSpec { name: "gold".parse()?, size, thin: true }).await?;
//! let image = array.clone_volume(&"gold".parse()?, &"exchange-1".parse()?, &|_| ()).await?;
//!
//! // Its first server is admitted, and logs in with the secret that it derives for itself.
//! let old = Admission {
//!     initiator: "iqn.2012-08.com.example:exchange1".parse()?,
//!     server: "r720-1".parse()?,
//!     generation: Generation::new(1),
//!     addresses: BTreeSet::from(["10.20.0.11".parse()?]),
//! };
//! admit(&array, &image.name, &old).await?;
//! let login = Login {
//!     volume: image.name.clone(),
//!     initiator: old.initiator.to_string(),
//!     source: "10.20.0.11".parse()?,
//!     chap: Some(chap(&key, &old.initiator, &old.server, old.generation)),
//! };
//! let session = array.log_in(&login, Time::EPOCH)?;
//!
//! // It dies, and is shut out: its session is gone, and it can neither return nor be let in late.
//! let request = ShutOut {
//!     server: old.server.clone(),
//!     addresses: old.addresses.clone(),
//!     initiator: Some(old.initiator.clone()),
//!     up_to: Generation::new(1),
//!     volumes: BTreeSet::from([image.name.clone()]),
//!     stamp: Generation::new(2),
//!     spared: BTreeSet::new(),
//! };
//! let patience = Patience { limit: Duration::from_secs(10), pause: Duration::from_millis(20) };
//! let evidence = shut_out(&array, &request, patience).await?;
//! assert!(evidence.is_lasting());
//! assert!(array.write(&session, Time::EPOCH).is_err());
//! assert!(array.log_in(&login, Time::EPOCH).is_err());
//! assert!(admit(&array, &image.name, &old).await.is_err());
//! # Ok(())
//! # }
//! ```

mod admission;
mod array;
mod boot_target;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
pub mod memory;
mod revocation;
mod secret;
mod session;
mod shut_out;
#[cfg(feature = "tgt")]
pub mod tgt;
mod volume;

pub use admission::{Admission, Admissions};
pub use array::{Array, ArrayTraits, Progress, StampKeeper};
pub use boot_target::{BootTarget, Portal};
pub use coldspare_names::IscsiName;
pub use error::{Error, Leftover, ParseError, Refusal};
pub use revocation::ShutOut;
pub use secret::{Chap, SecretKey, chap, generation_of};
pub use session::{LastWrite, Login, Session, SessionId};
pub use shut_out::{Patience, ShutOutEvidence, admit, read_shut_out, shut_out};
pub use volume::{Lun, Origin, Size, Volume, VolumeSpec};
