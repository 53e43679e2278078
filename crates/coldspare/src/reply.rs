//! What the controller answers to a request.

use std::time::Duration;

use coldspare_heartbeat::{Power, Status};
use coldspare_names::{Generation, PersonaName, PoolName, ServerName};
use coldspare_persona::{PersonaState, placement::Placement};
use serde::{Deserialize, Serialize};

use crate::record::Wanted;
use crate::site::Change;
use crate::step::Plan;

/// The answer to a [`crate::command::Command`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is recorded, and being done.
    Accepted(String),
    /// It is so already.
    AlreadySo,
    /// It is not done, and why.
    Refused(String),
    /// How everything is.
    Status(Overview),
    /// What would be done.
    Preview(Box<Preview>),
    /// What would change.
    Difference(Vec<Change>),
}

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Whether nothing new is begun.
    pub paused: bool,
    /// Every persona.
    pub personas: Vec<PersonaOverview>,
    /// Every server.
    pub servers: Vec<ServerOverview>,
}

/// How a persona is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonaOverview {
    /// Its name.
    pub persona: PersonaName,
    /// Its pool.
    pub pool: PoolName,
    /// How it is; `None` while that is being found out.
    pub state: Option<PersonaState>,
    /// Whether it shall run.
    pub wanted: Option<Wanted>,
    /// The server that holds it.
    pub home: Option<ServerName>,
    /// The highest generation issued.
    pub generation: Generation,
    /// What is being done.
    pub doing: Vec<String>,
    /// Why nothing can be done, if so.
    pub waits_for: Option<String>,
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerOverview {
    /// Its name.
    pub server: ServerName,
    /// Its pool.
    pub pool: PoolName,
    /// What its management controller said last.
    pub power: Power,
    /// The verdict that stands.
    pub verdict: Option<Status>,
    /// Whether it is in maintenance.
    pub maintenance: bool,
    /// Whether it has been scrubbed.
    pub scrubbed: bool,
    /// The persona it holds.
    pub wears: Option<PersonaName>,
}

/// What a retarget would do. Nothing was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Which server, and why not the others.
    pub placement: Placement,
    /// What would be done; `None` if no server fits.
    pub plan: Option<Plan>,
    /// How long it would take.
    pub expected: Duration,
    /// The persona's recovery-time objective.
    pub objective: Option<Duration>,
}

impl Preview {
    /// Whether the persona would be back within its objective; `None` if it has none.
    pub fn fits(&self) -> Option<bool> {
        self.objective
            .map(|objective| self.plan.is_some() && self.expected <= objective)
    }
}
