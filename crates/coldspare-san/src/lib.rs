//! Volumes, iSCSI targets, admission and boot targets.

mod admission;
mod array;
mod boot_target;
mod error;
mod revocation;
mod secret;
mod session;
mod shut_out;
mod volume;

pub use admission::{Admission, Admissions};
pub use array::{Array, ArrayTraits, Progress, StampKeeper};
pub use boot_target::{BootTarget, Portal};
pub use coldspare_names::IscsiName;
pub use error::{Error, Leftover, ParseError, Refusal};
pub use revocation::ShutOut;
pub use secret::{Chap, SecretKey, chap};
pub use session::{LastWrite, Login, Session, SessionId};
pub use shut_out::{Patience, ShutOutEvidence, admit, read_shut_out, shut_out};
pub use volume::{Lun, Origin, Size, Volume, VolumeSpec};
