//! What a simulated cluster is told about its surroundings.

use std::time::Duration;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::logs::{LooseTruncation, ReplayLagManager};
use crate::quorum::QuorumRules;
use crate::switchover::MoveSuppression;
use crate::timing;

/// How fast things go in a simulated cluster. Every figure can be set; those without a source are
/// assumptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long the cluster waits for a silent node: 5 s (a second's delay, five missed).
    pub detection: Duration,
    /// How long Active Manager takes to see that a database has failed on a node that is up.
    pub failure_detection: Duration,
    /// How long a store takes to mount a database after a failover, replay not counted.
    pub mounting: Duration,
    /// How long services take to start once a domain controller is reachable.
    pub services_start: Duration,
    /// How long *Initializing* lasts: about 15 s, at most 30 s.
    pub initializing: Duration,
    /// How long the comparison of logs takes, catching up not counted.
    pub resynchronizing: Duration,
    /// How long a written log takes until it can have arrived at another member.
    pub shipping_delay: Duration,
    /// Logs an hour that the replication network carries for one copy.
    pub replication_rate: u64,
    /// Logs an hour that the MAPI network carries for one copy, when it has to.
    pub mapi_rate: u64,
    /// Logs an hour that one copy inspects.
    pub inspection_rate: u64,
    /// Logs an hour that one copy replays: at least 2 a second.
    pub replay_rate: u64,
    /// How long seeding a copy takes, whatever of it is seeded.
    pub seeding: Duration,
    /// How long mending a damaged page takes, replay not counted.
    pub page_restore: Duration,
    /// Whether pages that were changed by discarded logs are mended (2010 and later); otherwise
    /// such a copy has to be seeded anew.
    pub page_patching: bool,
    /// Spare volumes of each member, where automatic reseed is set up (2013 and later); `None`
    /// where it is not.
    pub auto_reseed: Option<u32>,
    /// When lagged copies give their lag up; off unless set.
    pub replay_lag_manager: ReplayLagManager,
    /// When logs are deleted though a copy needs them; never unless set.
    pub loose_truncation: Option<LooseTruncation>,
    /// When a database was moved too often for another switchover (2016 and later); never unless
    /// set, because the limits of Exchange are not documented.
    pub move_suppression: Option<MoveSuppression>,
    /// How the cluster counts votes.
    pub quorum: QuorumRules,
    /// How long each call of the seam takes.
    pub latency: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            detection: timing::Heartbeat::WINDOWS_2008_R2.silence(),
            failure_detection: Duration::from_secs(1),
            mounting: Duration::from_secs(2),
            services_start: Duration::from_mins(1),
            initializing: timing::INITIALIZING,
            resynchronizing: Duration::from_secs(5),
            shipping_delay: Duration::ZERO,
            replication_rate: 360_000,
            mapi_rate: 180_000,
            inspection_rate: 720_000,
            replay_rate: 7_200,
            seeding: Duration::from_mins(10),
            page_restore: Duration::from_secs(30),
            page_patching: true,
            auto_reseed: None,
            replay_lag_manager: ReplayLagManager::default(),
            loose_truncation: None,
            move_suppression: None,
            quorum: QuorumRules::default(),
            latency: Duration::ZERO,
        }
    }
}

/// The disks of a member, as far as their state decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// Free space in GB.
    pub free_gb: u64,
    /// How long a read takes, in milliseconds.
    pub read_latency_ms: u64,
}

/// Plenty of space, and quick: nothing that would decide anything.
impl Default for Disk {
    fn default() -> Self {
        Self {
            free_gb: 10_000,
            read_latency_ms: 5,
        }
    }
}

/// How many logs the clients of a database cause, hour by hour of the day: what a load generator
/// does to a real group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoadProfile([u64; 24]);

impl LoadProfile {
    /// The same all day.
    pub const fn steady(logs_an_hour: u64) -> Self {
        Self([logs_an_hour; 24])
    }

    /// Logs in each hour of the day, from the epoch's hour on.
    pub const fn daily(logs_an_hour: [u64; 24]) -> Self {
        Self(logs_an_hour)
    }

    /// Logs an hour at that time.
    pub(super) fn rate(&self, now: Time) -> u64 {
        self.0[Self::hour(now)]
    }

    /// When that changes next.
    pub(super) fn next_change(&self, now: Time) -> Option<Time> {
        let hour = Self::hour(now);
        let begun = now.since_epoch().as_secs() / 3600;
        let ahead = (1..24).find(|ahead| self.0[(hour + ahead) % 24] != self.0[hour])?;
        let hours = begun + u64::try_from(ahead).unwrap_or_default();
        Some(Time::after_epoch(Duration::from_secs(hours * 3600)))
    }

    fn hour(now: Time) -> usize {
        usize::try_from(now.since_epoch().as_secs() / 3600 % 24).unwrap_or_default()
    }
}
