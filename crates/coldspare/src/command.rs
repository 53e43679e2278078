//! What people and programs may ask of the controller.

use std::fmt;

use coldspare_names::{Generation, PersonaName, ServerName};
use serde::{Deserialize, Serialize};

use crate::site::Site;

/// Who asked: recorded with everything that is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The controller itself, on a verdict or to keep its promises.
    Controller,
    /// A person, by the name under which the operating system or the console knows them.
    Person(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Controller => f.write_str("the controller"),
            Self::Person(name) => f.write_str(name),
        }
    }
}

/// A request and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who asks.
    pub actor: Actor,
    /// What is asked.
    pub verb: Verb,
}

/// What may be asked. Each may be repeated: asking for what is already so changes nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Verb {
    /// How everything is.
    Status,
    /// What a retarget would do: nothing is done.
    Plan {
        /// The persona.
        persona: PersonaName,
        /// Where to; the best server if not said.
        to: Option<ServerName>,
    },
    /// Move a persona to another server, in good order.
    Retarget {
        /// The persona.
        persona: PersonaName,
        /// Where to; the best server if not said.
        to: Option<ServerName>,
    },
    /// Bring a persona up.
    Start {
        /// The persona.
        persona: PersonaName,
        /// Where; the best server if not said.
        on: Option<ServerName>,
    },
    /// Shut a persona down and take it from its server.
    Stop {
        /// The persona.
        persona: PersonaName,
    },
    /// Keep a server from being given a persona, or allow it again.
    Maintenance {
        /// The server.
        server: ServerName,
        /// Whether it is in maintenance.
        on: bool,
    },
    /// A person states that a server cannot act as a persona any more: a fence proof of its own,
    /// for this server and this generation only.
    ConfirmFenced {
        /// The persona.
        persona: PersonaName,
        /// The server.
        server: ServerName,
        /// The generation under which the server holds the persona.
        generation: Generation,
    },
    /// Begin nothing new, anywhere; what runs goes on.
    Pause {
        /// Whether to pause.
        on: bool,
    },
    /// What would change with another site: nothing is done.
    Compare {
        /// The other site.
        site: Box<Site>,
    },
    /// Use a changed site.
    Apply {
        /// The new site.
        site: Box<Site>,
    },
}

impl Verb {
    /// Whether it begins something: not while everything is paused.
    pub fn begins(&self) -> bool {
        match self {
            Self::Retarget { .. } | Self::Start { .. } | Self::Stop { .. } | Self::Apply { .. } => {
                true
            }
            Self::Status
            | Self::Plan { .. }
            | Self::Compare { .. }
            | Self::Maintenance { .. }
            | Self::ConfirmFenced { .. }
            | Self::Pause { .. } => false,
        }
    }

    /// The verb as an operator types it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Plan { .. } => "plan",
            Self::Retarget { .. } => "retarget",
            Self::Start { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Maintenance { .. } => "maintenance",
            Self::ConfirmFenced { .. } => "confirm-fenced",
            Self::Pause { .. } => "pause",
            Self::Compare { .. } => "compare",
            Self::Apply { .. } => "apply",
        }
    }
}
