//! What placement is asked: personas that want a server, and servers that could be one.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{Channel, NetworkName, PersonaName, ServerName, Time};
use serde::{Deserialize, Serialize};

use crate::{FailureDomain, Persona, Server};

/// A persona that is to get a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The persona.
    pub persona: &'a Persona,
    /// What each of its networks needs: given by whoever knows the networks.
    pub networks: Vec<NetworkNeed>,
    /// Servers that failed it in this episode, and how, in words.
    pub without: BTreeMap<ServerName, String>,
    /// The other members of its cluster that have a home, and the failure domains of that home.
    pub peers: BTreeMap<PersonaName, BTreeSet<FailureDomain>>,
    /// The server it was on, or was to have, which it may start on if all else fails.
    pub last_resort: Option<LastResort>,
}

impl<'a> Claim<'a> {
    /// A persona without networks and peers that has not failed anywhere and was nowhere before.
    pub fn new(persona: &'a Persona) -> Self {
        Self {
            persona,
            networks: Vec::new(),
            without: BTreeMap::new(),
            peers: BTreeMap::new(),
            last_resort: None,
        }
    }
}

/// What one network needs of a server: a NIC on either channel, and one on each for redundancy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkNeed {
    /// The network.
    pub network: NetworkName,
    /// The channel that carries it.
    pub primary: Channel,
    /// The channel that carries it when the primary cannot; none where it does not fail over.
    pub secondary: Option<Channel>,
}

/// The server that a persona was on, or that was reserved for it in vain, as the last candidate of
/// all. It is considered only while the candidate wears this very persona, or is reserved for it;
/// that it does, that it is on, and that it was not scrubbed, then do not count: its fence makes up
/// for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastResort {
    /// The server.
    pub server: ServerName,
    /// Why its power-off cannot be proven, in words; none if it can. Isolation is no help here:
    /// the server is to be used again.
    pub off_unprovable: Option<String>,
}

/// A server that could be chosen, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The server.
    pub server: &'a Server,
    /// Whether it is in maintenance now.
    pub maintenance: bool,
    /// The persona it wears or may still act as.
    pub wears: Option<PersonaName>,
    /// The persona it is reserved for.
    pub reserved: Option<PersonaName>,
    /// Whether it has been made fit to be a spare: disarmed, parked, shut out, read back.
    pub scrubbed: bool,
    /// When it failed the last persona that it wore, unless somebody has looked at it since.
    pub failed_at: Option<Time>,
    /// Whether it is on.
    pub power: Power,
}

impl<'a> Candidate<'a> {
    /// A spare as it should be: off, scrubbed, and nobody's.
    pub fn spare(server: &'a Server) -> Self {
        Self {
            server,
            maintenance: server.maintenance,
            wears: None,
            reserved: None,
            scrubbed: true,
            failed_at: None,
            power: Power::Off,
        }
    }
}

/// What is known of a server's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    /// Read as exactly off.
    Off,
    /// Read as on.
    On,
    /// Between the two, or no answer.
    Unknown,
}
