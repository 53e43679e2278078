//! What can go wrong between an agent, its machine and its controller.

use std::path::PathBuf;
use std::time::Duration;

use crate::message::Refusal;

/// Why an agent is not at work, or a connection ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The agent's configuration is not one.
    #[error("the agent's configuration is wrong")]
    Config(#[source] toml::de::Error),
    /// The agent's configuration names no path to the controller, or more than two.
    #[error("the agent's configuration has {count} paths, and may have one or two")]
    Paths {
        /// How many.
        count: usize,
    },
    /// The firmware left no account of an iSCSI boot, or one without CHAP.
    #[error("the firmware's boot table has no {}", path.display())]
    BootTable {
        /// What was looked for.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// The machine booted with an account that names no generation.
    #[error("the CHAP user {user:?} names no generation")]
    Account {
        /// Its name.
        user: String,
    },
    /// The machine lacks a NIC that the configuration names.
    #[error("there is no interface {interface}")]
    InterfaceMissing {
        /// Its name.
        interface: String,
    },
    /// The operating system's network settings cannot be read or made.
    #[error("the operating system's network cannot be set up")]
    Guest(#[source] coldspare_network::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Connection(#[from] std::io::Error),
    /// The other end said nothing for too long.
    #[error("the other end is silent for {} s", limit.as_secs())]
    Silent {
        /// For how long.
        limit: Duration,
    },
    /// A message longer than any that is sent.
    #[error("a message of {length} bytes is too long")]
    TooLong {
        /// Its claimed length.
        length: usize,
    },
    /// A message that the other end did not write under this generation's key.
    #[error("a message is not under this generation's key")]
    NotProven,
    /// A message that is under the key and makes no sense.
    #[error("a message cannot be read")]
    Malformed(#[source] serde_json::Error),
    /// The controller does not take the agent. Unproven: a hint for people, and no reason to stop
    /// asking.
    #[error("the controller refuses: {0}")]
    Refused(Refusal),
    /// The other end is not wanted any more: somebody newer took its place.
    #[error("the connection was replaced")]
    Replaced,
}
