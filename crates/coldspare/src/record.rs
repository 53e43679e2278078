//! What is kept in the store: one record a persona, one a server, one for the whole, and the site.
//!
//! Below `record/` is all that the controller goes by; it reads all of it when it starts, and nothing
//! else. Below `journal/` is the audit journal. Nothing is decided by it but whether a commit of the
//! last moments happened whose answer was lost: whoever wants to keep less deletes its oldest lines.

use std::collections::BTreeMap;

use coldspare_names::{Generation, PersonaName, ServerName, Time};
use coldspare_persona::{PersonaEvent, PersonaState};
use coldspare_store::{Key, KeyError, Value};
use serde::{Deserialize, Serialize};

use crate::command::Actor;
use crate::holding::{Grant, Holding};
use crate::step::{Plan, Step};

mod plan;
mod site;
mod store;

pub use plan::KeptPlan;
pub use site::{SiteMark, SiteOnRecord, SiteParts, site_of};
pub use store::{Loaded, Unreadable, commit, load};

/// What the keys of the record begin with.
const RECORD: &str = "record";
/// What the keys of the journal begin with.
const JOURNAL: &str = "journal";

/// All that is durable about one persona.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonaRecord {
    /// Who may act as it.
    pub holding: Holding,
    /// How it is.
    pub state: PersonaState,
    /// Whether it shall run.
    pub wanted: Wanted,
    /// What is being done.
    pub run: Option<Run>,
    /// Servers on which it failed, and until when they are passed over.
    pub avoid: BTreeMap<ServerName, Time>,
    /// By which site its networks were set last. If it runs, and another site is on record, they are
    /// set anew.
    #[serde(default)]
    pub site: Option<SiteMark>,
}

impl PersonaRecord {
    /// Takes the persona to the state that follows, if one does.
    pub fn turn(&mut self, event: PersonaEvent) {
        self.state = self.state.next(event).unwrap_or(self.state);
    }

    /// Whether a run is under way in which the persona can be nobody's.
    pub fn is_in_run(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.is_settled())
    }
}

/// Whether a persona shall run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// It shall run: whenever it does not, it is brought back.
    Running,
    /// It was stopped on purpose.
    Stopped,
}

/// A plan being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Why.
    pub purpose: Purpose,
    /// Who asked.
    pub actor: Actor,
    /// The server that is to have the persona in the end.
    pub to: Option<Grant>,
    /// What is done.
    pub plan: KeptPlan,
    /// The stage it has come to.
    pub stage: usize,
    /// When it was opened.
    pub opened: Time,
    /// When the boot timer ends, once it runs.
    pub deadline: Option<Time>,
}

impl Run {
    /// A run that is just opened, and leads to no server.
    pub fn new(purpose: Purpose, actor: Actor, plan: Plan, opened: Time) -> Self {
        Self {
            purpose,
            actor,
            to: None,
            plan: plan.into(),
            stage: 0,
            opened,
            deadline: None,
        }
    }

    /// The generation that is awaited in the present stage, if it waits for the persona.
    pub fn awaits(&self) -> Option<Generation> {
        self.plan
            .stages
            .get(self.stage)?
            .iter()
            .find_map(|step| match step {
                Step::AwaitAgent { generation, .. } => Some(*generation),
                _ => None,
            })
    }

    /// Whether the persona is up: what is left of the run concerns its work, not its home.
    pub fn is_settled(&self) -> bool {
        let is_up = match self.purpose {
            Purpose::Free | Purpose::Refresh | Purpose::Stay => true,
            Purpose::Failover | Purpose::Move | Purpose::Start | Purpose::Stop => false,
        };
        is_up || self.plan.is_settled(self.stage)
    }
}

/// Why a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Its server failed.
    Failover,
    /// It is moved in good order.
    Move,
    /// It is brought up.
    Start,
    /// It is shut down.
    Stop,
    /// A reserved server is freed again, since the persona stays where it is.
    Free,
    /// The networks of a running persona are set as a changed site says.
    Refresh,
    /// It was given up, and its own server was heard again: its application is led back there.
    Stay,
}

impl Purpose {
    /// The purpose as a verb.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failover => "fail over",
            Self::Move => "move",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Free => "free the server reserved for",
            Self::Refresh => "refresh",
            Self::Stay => "lead back",
        }
    }
}

/// All that is durable about one server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Nothing is placed on it.
    pub maintenance: bool,
    /// It was seen off, disarmed, parked and shut out since it last wore a persona.
    pub scrubbed: bool,
    /// When it failed the last persona that it wore, unless somebody has looked at it since: its
    /// maintenance ended later, or a persona came up on it.
    #[serde(default)]
    pub failed_at: Option<Time>,
}

/// What is durable about the controller itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlRecord {
    /// Nothing new is begun.
    pub paused: bool,
}

/// One line of the audit journal: who did what, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Actor,
    /// What, in words.
    pub what: String,
}

impl JournalLine {
    /// The line as it is stored. Its key is unlike any other's if no other of this moment has that
    /// number.
    pub fn entry(&self, number: u64) -> Result<(Key, Value), String> {
        let at = format!("{:020}-{number:06}", self.at.since_epoch().as_nanos());
        let key = Key::of(&[JOURNAL, &at]).map_err(|error| error.to_string())?;
        let line = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let line = Value::new(line).map_err(|error| error.to_string())?;
        Ok((key, line))
    }
}

/// Where a persona's record is kept.
pub fn persona_key(name: &PersonaName) -> Result<Key, KeyError> {
    Key::of(&[RECORD, "persona", name.as_str()])
}

/// Where a server's record is kept.
pub fn server_key(name: &ServerName) -> Result<Key, KeyError> {
    Key::of(&[RECORD, "server", name.as_str()])
}

/// Where what concerns the controller itself is kept.
pub fn control_key() -> Result<Key, KeyError> {
    Key::of(&[RECORD, "control"])
}
