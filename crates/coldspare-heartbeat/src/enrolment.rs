//! Who is watched, and what it shares with others.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use coldspare_names::{ArrayName, Generation};
use serde::{Deserialize, Serialize};

/// A failure domain: what takes all its servers down with it, such as `rack r1`, `feed a` or
/// `switch powerconnect-1`. Any text; equal texts are one domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(Arc<str>);

impl Label {
    /// The label of that text.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// How a server shows that it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// Its agent sends heartbeats over both paths.
    Agent,
    /// Its agent sends heartbeats over the first path; there is no second one.
    AgentOnOnePath,
    /// It has no agent: its health-monitor address is probed once a period, over the first path.
    Probed,
}

/// From when on its silence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// It is thought to be running: from now on.
    Running,
    /// It is booting: from the first sign of life on. How long a boot may take is not judged here.
    Booting,
}

/// What the detector must know of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The generation under which it holds its persona; heartbeats of any other are refused.
    pub generation: Generation,
    /// How it shows that it lives.
    pub watch: Watch,
    /// From when on its silence counts.
    pub start: Start,
    /// What would silence it together with others.
    pub labels: BTreeSet<Label>,
    /// The arrays that hold its disks.
    pub arrays: BTreeSet<ArrayName>,
}
