//! What can go wrong on a SAN.

use std::collections::BTreeMap;
use std::fmt;

use coldspare_names::{ArrayName, Generation, VolumeName};
use serde::Serialize;

use crate::{Admissions, Session};

/// Why a text is no LUN, portal or root path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: {reason}")]
pub struct ParseError {
    /// What the text was meant to be, in words.
    pub kind: &'static str,
    /// The refused text, cut to a length that can be printed.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ParseError {
    pub(crate) fn new(kind: &'static str, text: &str, reason: &'static str) -> Self {
        let text = text.chars().take(80).collect();
        Self { kind, text, reason }
    }
}

/// What can go wrong on a SAN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The array does not answer. Nothing is known of what the call did; trying again is safe.
    #[error("array {array} does not answer")]
    NoAnswer {
        /// The silent array.
        array: ArrayName,
    },
    /// The array is there, but the call failed.
    #[error("array {array} cannot {doing}")]
    Failed {
        /// The array.
        array: ArrayName,
        /// What it was asked to do, with its subject: "clone volume gold to exchange-3".
        doing: String,
        /// Whether trying again may help.
        retry: bool,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The array, or its adapter, refuses: nothing was changed.
    #[error("array {array} refuses for volume {volume}: {refusal}")]
    Refused {
        /// The array.
        array: ArrayName,
        /// The volume.
        volume: VolumeName,
        /// Why.
        refusal: Refusal,
    },
    /// Some volumes could not be changed; the others were.
    #[error("array {array} could not change {}", names(failures.keys()))]
    Incomplete {
        /// The array.
        array: ArrayName,
        /// What went wrong, volume by volume.
        failures: BTreeMap<VolumeName, Error>,
    },
    /// Something of a server that was to be shut out is still there.
    #[error("on array {array} the server is not shut out: {}", list(leftovers))]
    NotShutOut {
        /// The array.
        array: ArrayName,
        /// What is left: never empty.
        leftovers: Vec<Leftover>,
    },
    /// The array took an admission and did not show it when it was read back.
    #[error("array {array} did not keep what was set on volume {volume}")]
    NotKept {
        /// The array.
        array: ArrayName,
        /// The volume.
        volume: VolumeName,
    },
}

/// Why an array does not do what it was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// There is no such volume.
    #[error("it does not exist")]
    Unknown,
    /// The name belongs to a volume of another size, kind or origin.
    #[error("the name belongs to another volume")]
    NameTaken,
    /// Somebody may log in, so it is neither deleted nor restored.
    #[error("somebody is admitted to it")]
    Admitted,
    /// Somebody is logged in, so it is neither deleted nor restored.
    #[error("somebody is logged in to it")]
    LoggedIn,
    /// The volume to restore from is no snapshot of this one.
    #[error("{snapshot} is no snapshot of it")]
    NotItsSnapshot {
        /// The volume to restore from.
        snapshot: VolumeName,
    },
    /// Other admissions were there than expected. Read again, decide again.
    #[error("others changed who may log in to it")]
    Conflict(Box<Admissions>),
    /// The array has been stamped with a later generation: whoever asks is late.
    #[error("generation {generation} is older than its stamp, {stamp}")]
    Stale {
        /// The generation that was to be admitted.
        generation: Generation,
        /// The stamp.
        stamp: Generation,
    },
    /// A stamp only rises.
    #[error("its stamp, {stamp}, never goes back")]
    StampWouldGoBack {
        /// The stamp.
        stamp: Generation,
    },
    /// Foreign rules can be taken away, never made.
    #[error("rules that others made cannot be set")]
    ForeignRule,
}

/// Something that keeps a server from being shut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leftover {
    /// The server may still log in.
    Admission {
        /// To this volume.
        volume: VolumeName,
        /// Under this generation.
        generation: Generation,
    },
    /// A rule that others made may let the server in.
    ForeignRule {
        /// To this volume.
        volume: VolumeName,
    },
    /// Nobody is admitted, and this array then admits everybody.
    Open {
        /// To this volume.
        volume: VolumeName,
    },
    /// The volume does not carry the stamp, so that a late admission would be taken.
    Unstamped {
        /// The volume.
        volume: VolumeName,
        /// What it carries.
        stamp: Generation,
    },
    /// The array does not show this volume of the persona at all.
    Missing {
        /// The volume.
        volume: VolumeName,
    },
    /// A session is still there, and may still write.
    Session(Box<Session>),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admission { volume, generation } => {
                write!(f, "generation {generation} is admitted to {volume}")
            }
            Self::ForeignRule { volume } => write!(f, "a foreign rule admits to {volume}"),
            Self::Open { volume } => write!(f, "{volume} is open to everybody"),
            Self::Unstamped { volume, stamp } => write!(f, "{volume} is stamped {stamp} only"),
            Self::Missing { volume } => write!(f, "{volume} is not shown"),
            Self::Session(session) => {
                write!(
                    f,
                    "a session from {} is open on {}",
                    session.source, session.volume
                )
            }
        }
    }
}

fn list(leftovers: &[Leftover]) -> String {
    names(leftovers.iter())
}

fn names<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
