//! What everything in a Coldspare data centre is called.
//!
//! The layer crates know nothing of each other. What they share is here: the **names** of things,
//! the [`Channel`] number of a NIC position, the [`Generation`] that tells a new holder of a
//! persona from an old one, and [`Time`].
//!
//! **The one rule:** a name that exists is a good name. Every type refuses a wrong value where it
//! is made, also when it is read from a file, so that nobody checks it again.
//!
//! ```
//! use coldspare_names::{Channel, Generation, IscsiName, ServerName};
//!
//! let server: ServerName = "r720-1".parse()?;
//! assert_eq!(server.as_str(), "r720-1");
//! assert!("".parse::<ServerName>().is_err());
//!
//! let first = Generation::NONE.next();
//! assert!(first.next() > first);
//!
//! // iSCSI names are prepared once, where they enter (RFC 3722): later comparison is byte by byte.
//! let initiator: IscsiName = "iqn.2012-08.com.example:Exchange1".parse()?;
//! assert_eq!(initiator.as_str(), "iqn.2012-08.com.example:exchange1");
//! # assert!(Channel::new(0).is_err());
//! # Ok::<(), coldspare_names::NameError>(())
//! ```

mod iscsi;
mod name;
mod number;
mod place;
mod time;

pub use iscsi::{IscsiName, IscsiNameKind};
pub use name::{
    ArrayName, NameError, NetworkName, PersonaName, PoolName, PortName, ServerName, SwitchName,
    VolumeName,
};
pub use number::{Channel, Generation};
pub use place::{PortId, VolumeId};
pub use time::Time;
