//! What is played, and what came of it. Times are milliseconds.

use std::collections::BTreeMap;

use coldspare_heartbeat::{Path, Profile};

use super::weather::Loss;

/// What is played.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) profile: Profile,
    pub(crate) servers: u32,
    /// Servers of one rack.
    pub(crate) rack: u32,
    pub(crate) loss: Loss,
    /// A server stalls once in every span of that length, and how long.
    pub(crate) stalls: Option<(u64, u64)>,
    /// The mean time between stalls of the monitor, and how long one lasts: what arrives meanwhile
    /// is lost.
    pub(crate) monitor_stalls: Option<(u64, u64)>,
    /// The mean time between failures of a server, which is repaired once they are found.
    pub(crate) failures: Option<u64>,
    /// Whether management controllers and arrays answer: in 0.5 to 1.5 s, but for one in fifty.
    pub(crate) witnesses: bool,
    /// The management controller of every so-many-th server never answers; none, if 0.
    pub(crate) dead_controllers: u32,
    /// How fast the servers' clocks run, in millionths beside the right speed, at most.
    pub(crate) drift: u64,
    /// The share of what arrives that somebody records, and plays back within two minutes.
    pub(crate) replays: f64,
    /// Cuts, by hand.
    pub(crate) cuts: Vec<Cut>,
    /// How often the monitor polls.
    pub(crate) slice: u64,
}

/// In which direction nothing passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Both,
    ToMonitor,
    ToServer,
}

/// Servers of which some paths are cut for a while.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub(crate) servers: std::ops::Range<u32>,
    pub(crate) paths: Vec<Path>,
    pub(crate) way: Way,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// How much later the last of them comes back than the first.
    pub(crate) spread: u64,
}

impl Scene {
    /// A hundred servers in racks of twenty, in fair weather, with witnesses.
    pub(crate) fn fair() -> Self {
        Self {
            profile: Profile::default(),
            servers: 100,
            rack: 20,
            loss: Loss {
                share: 0.0,
                burst: 0,
            },
            stalls: None,
            monitor_stalls: None,
            failures: None,
            witnesses: true,
            dead_controllers: 0,
            drift: 0,
            replays: 0.0,
            cuts: Vec::new(),
            slice: 20,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) server_hours: f64,
    /// Living servers that were called dead, or given up as unknown.
    pub(crate) false_failovers: u64,
    pub(crate) suspicions: u64,
    /// How many were suspected at once, at most.
    pub(crate) most_silent: u32,
    /// How long it took to find a power loss.
    pub(crate) power_losses: Vec<u64>,
    /// How long it took to find a kernel panic.
    pub(crate) panics: Vec<u64>,
    /// Causes that were named, and how often.
    pub(crate) causes: BTreeMap<String, u64>,
    pub(crate) degraded: u64,
    pub(crate) restored: u64,
    pub(crate) contradictions: u64,
}
