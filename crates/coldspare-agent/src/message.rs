//! What an agent and its controller say to each other, as JSON in frames.

use std::fmt;
use std::time::Duration;

use coldspare_heartbeat::Slot;
use coldspare_names::{Generation, PersonaName};
use coldspare_network::{Error as GuestError, GuestPlan, Interfaces};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) const VERSION: u32 = 1;

/// Random bytes that make a session unlike any before.
pub(crate) type Nonce = [u8; 16];

/// The agent's first words, unproven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u32,
    pub(crate) persona: PersonaName,
    pub(crate) generation: Generation,
    pub(crate) nonce: Nonce,
}

/// The controller's first words, unproven as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Greeting {
    Nonce(Nonce),
    Refused(Refusal),
}

/// Why a controller does not take an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// It speaks another version.
    OtherVersion,
    /// No server is to wear that persona.
    UnknownPersona,
    /// Another server was given the persona since.
    OldGeneration,
    /// That generation was never given out.
    UnknownGeneration,
    /// Another machine was given the persona.
    OtherMachine,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherVersion => "it speaks another version",
            Self::UnknownPersona => "no server is to wear this persona",
            Self::OldGeneration => "another server was given the persona since",
            Self::UnknownGeneration => "this generation was never given out",
            Self::OtherMachine => "another machine was given the persona",
        })
    }
}

/// What an agent proves itself with: the first message under the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Here {
    /// The machine that it runs on, where the firmware tells.
    pub(crate) machine: Option<Uuid>,
}

/// With what a controller answers an agent that has proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The slot in which its server is enrolled.
    pub slot: Slot,
    /// How often it is to send heartbeats.
    pub period: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToAgent {
    Welcome(Welcome),
    Refused(Refusal),
    Call { number: u64, call: Call },
    Still,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Call {
    Interfaces,
    SetPlan(GuestPlan),
    ShutDown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToController {
    Here(Here),
    Answer {
        number: u64,
        answer: Result<Done, Failure>,
    },
    Still,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Done {
    Interfaces(Interfaces),
    Done,
}

/// A guest's error on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Failure {
    Refused { reason: String, try_again: bool },
    NotAsPlanned,
    Unknown { reason: String },
}

impl From<GuestError> for Failure {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::GuestRefused {
                reason, try_again, ..
            } => Self::Refused { reason, try_again },
            GuestError::GuestNotAsPlanned { .. } => Self::NotAsPlanned,
            other => Self::Unknown {
                reason: with_causes(&other),
            },
        }
    }
}

impl Failure {
    #[cfg(feature = "controller")]
    pub(crate) fn of(self, persona: PersonaName) -> GuestError {
        match self {
            Self::Refused { reason, try_again } => GuestError::GuestRefused {
                persona,
                reason,
                try_again,
            },
            Self::NotAsPlanned => GuestError::GuestNotAsPlanned { persona },
            Self::Unknown { reason } => GuestError::GuestSilent {
                persona,
                source: Some(reason.into()),
            },
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}
