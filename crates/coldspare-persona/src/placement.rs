//! Placement: which server is to wear which persona.

use std::collections::BTreeMap;

use coldspare_names::{PersonaName, ServerName};
use serde::{Deserialize, Serialize};

mod claim;
mod refusal;

pub use claim::{Candidate, Claim, LastResort, NetworkNeed, Power};
pub use refusal::{Refusal, Remedy, Warning};

/// Where a persona is to go, and why nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Placement {
    /// The persona.
    pub persona: PersonaName,
    /// Its new home; none if no server is left for it.
    pub choice: Option<Choice>,
    /// For every other candidate, everything that speaks against it. Never an empty list.
    pub refused: BTreeMap<ServerName, Vec<Refusal>>,
}

/// The server that a persona gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Choice {
    /// The server.
    pub server: ServerName,
    /// Whether it is the last resort: the persona's own server, started again.
    pub in_place: bool,
    /// What it lacks, though the persona can do without. Empty if it fits in full.
    pub warnings: Vec<Warning>,
}

/// Places the personas; one answer a persona, higher priority first.
pub fn place(claims: &[Claim<'_>], candidates: &[Candidate<'_>]) -> Vec<Placement> {
    let _ = candidates;
    claims
        .iter()
        .map(|claim| Placement {
            persona: claim.persona.name.clone(),
            choice: None,
            refused: BTreeMap::new(),
        })
        .collect()
}
