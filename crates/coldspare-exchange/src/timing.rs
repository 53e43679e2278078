//! How long a cluster and Exchange wait for what.
//!
//! Sources: Microsoft's pages on monitoring groups, on managed availability and on quorum. The
//! figures of the cluster's heartbeats ([`Heartbeat`]) are those that administrators report of
//! Windows, not Microsoft's own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the nodes of a Windows cluster notice that one is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// From one heartbeat to the next.
    pub delay: Duration,
    /// How many may be missed.
    pub threshold: u32,
}

impl Heartbeat {
    /// Windows Server 2008 R2 to 2012 R2, within a subnet and across.
    pub const WINDOWS_2008_R2: Self = Self::every_second(5);
    /// Windows Server 2016 and later, within a subnet.
    pub const WINDOWS_2016: Self = Self::every_second(10);
    /// Windows Server 2016 and later, across subnets or sites.
    pub const WINDOWS_2016_ACROSS: Self = Self::every_second(20);
    /// The longest delay within a subnet.
    pub const LONGEST_DELAY: Duration = Duration::from_secs(2);
    /// The longest delay across subnets.
    pub const LONGEST_DELAY_ACROSS: Duration = Duration::from_secs(4);
    /// The highest threshold; 10 before Windows Server 2012 R2.
    pub const HIGHEST_THRESHOLD: u32 = 120;

    const fn every_second(threshold: u32) -> Self {
        Self {
            delay: Duration::from_secs(1),
            threshold,
        }
    }

    /// How long a node may be silent.
    pub const fn silence(self) -> Duration {
        self.delay.saturating_mul(self.threshold)
    }
}

/// The longest time to another member and back.
pub const ROUND_TRIP: Duration = Duration::from_millis(500);
/// How long a copy is *Initializing*, about.
pub const INITIALIZING: Duration = Duration::from_secs(15);
/// How long it should be at most.
pub const INITIALIZING_LIMIT: Duration = Duration::from_secs(30);
/// How long a monitor is degraded until it is unhealthy.
pub const DEGRADED: Duration = Duration::from_mins(1);
/// How long a read or write of a database may hang until its server is restarted.
pub const HUNG_IO: Duration = Duration::from_mins(4);
/// How long one may take until it counts as long.
pub const LONG_IO: Duration = Duration::from_secs(41);
/// How often the channel for failures is tried.
pub const FAILURE_CHANNEL: Duration = Duration::from_secs(30);
/// How long the system's own disk may not answer.
pub const SYSTEM_DISK: Duration = Duration::from_mins(2);
/// How long no thread may get its turn.
pub const NO_THREAD: Duration = Duration::from_secs(302);
/// The memory of the Replication service, in GB, above which it is ended and started anew.
pub const REPLICATION_MEMORY_GB: u64 = 4;
/// How long a client tries one address until it takes the next, about.
pub const CLIENT_RETRY: Duration = Duration::from_secs(21);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::LOW_SPACE_GB;
    use crate::memory::Settings;

    /// What is waited for · how long in milliseconds, transcribed by hand.
    #[rustfmt::skip]
    const TABLE: &[(&str, Duration, u64)] = &[
        ("same subnet, 2008 R2 to 2012 R2: 1000 ms, 5 missed", Heartbeat::WINDOWS_2008_R2.silence(),     5_000),
        ("same subnet, 2016: 1 s, 10 missed",                  Heartbeat::WINDOWS_2016.silence(),        10_000),
        ("across subnets and sites, 2016: 1 s, 20 missed",     Heartbeat::WINDOWS_2016_ACROSS.silence(), 20_000),
        ("maximum delay in the same subnet",       Heartbeat::LONGEST_DELAY,        2_000),
        ("maximum delay across subnets",           Heartbeat::LONGEST_DELAY_ACROSS, 4_000),
        ("round trip limit",                       ROUND_TRIP,                      500),
        ("Initializing",                           INITIALIZING,                    15_000),
        ("Initializing at most",                   INITIALIZING_LIMIT,              30_000),
        ("degraded to unhealthy",                  DEGRADED,                        60_000),
        ("hung I/O, server restart",               HUNG_IO,                         240_000),
        ("failure item channel",                   FAILURE_CHANNEL,                 30_000),
        ("system disk heartbeat",                  SYSTEM_DISK,                     120_000),
        ("no thread schedulable",                  NO_THREAD,                       302_000),
        ("long I/O",                               LONG_IO,                         41_000),
        ("client retries the next address",        CLIENT_RETRY,                    21_000),
    ];

    #[test]
    fn everything_waits_as_long_as_the_table_says() {
        for (what, wait, milliseconds) in TABLE {
            assert_eq!(*wait, Duration::from_millis(*milliseconds), "{what}");
        }
        assert_eq!(Heartbeat::HIGHEST_THRESHOLD, 120);
        assert_eq!((REPLICATION_MEMORY_GB, LOW_SPACE_GB), (4, 180));
    }

    #[test]
    fn a_simulated_cluster_waits_as_a_real_one_unless_it_is_told_otherwise() {
        let settings = Settings::default();
        assert_eq!(settings.detection, Heartbeat::WINDOWS_2008_R2.silence());
        assert_eq!(settings.initializing, INITIALIZING);
    }
}
