//! What runs inside a persona, and the controller's end of it.
//!
//! The agent learns at boot who it is and under which generation ([`Identity`], from the firmware's
//! boot table), brings up the system control network ([`Config`]), proves itself to the controller
//! and lets the controller prove itself ([`Applicant`]), sends heartbeats over both paths, says
//! when it last wrote its disk, and does to the operating system what the controller asks of its
//! [`Guest`](coldspare_network::Guest).
//!
//! **The one rule:** the image holds no secret, so that an agent is worth exactly the generation
//! under which its server booted. An older one is refused, whatever it says.
//!
//! | what | for whom |
//! |---|---|
//! | [`Config`], [`Identity`], [`Applicant`], [`Control`] | who writes an agent for another operating system |
//! | `host` (feature `host`) | the agent itself, on Linux |
//! | `remote` (feature `controller`) | the controller: a guest for every persona |
//! | [`witness`] | who wants to see on the disk that the persona had one home at a time |
//!
//! # What is said
//!
//! Frames on a TCP connection that the agent opens: four bytes of length, big-endian, then JSON; at
//! most 1 KiB before the other end has proved itself, 64 KiB after. Agent and controller say
//! *hello* and *greeting* with a nonce each. From then on every frame ends with a tag of 32 bytes
//! (keyed BLAKE3), under keys that come from the generation's key and these two messages, one for
//! each direction, and counted. Nothing is encrypted. Each end says every 3 s that it is still
//! there; after 9 s of silence the connection is dropped, and the agent opens another, over the
//! other path.
//!
//! # When the disk goes away
//!
//! An agent goes on from memory when its server has lost its SAN: it has no part in whether the
//! disk works. So a heartbeat says when the disk was last written. The agent writes a mark to it
//! and waits for the disk's word, in a thread of its own, which may hang as long as the disk does.
//!
//! ```
//! use coldspare_agent::Identity;
//! use secrecy::SecretString;
//!
//! // As the firmware's table has it: the account under which the server booted.
//! let secret = SecretString::from("E3qHW2PtdJaT66Wo");
//! let identity = Identity::of("g7-4740f335b53a95dc", &secret)?;
//! assert_eq!(identity.generation.number(), 7);
//! # Ok::<(), coldspare_agent::Error>(())
//! ```

mod applicant;
mod config;
mod connection;
mod error;
#[cfg(all(feature = "host", target_os = "linux"))]
pub mod host;
mod identity;
mod message;
#[cfg(feature = "controller")]
pub mod remote;
mod seal;
pub mod witness;

pub use applicant::{Applicant, Control};
pub use config::{Config, ControlPath};
pub use error::Error;
pub use identity::{BOOT_TABLE, Identity};
pub use message::{Refusal, Welcome};
