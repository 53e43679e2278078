//! When logs may be deleted, and when a lagged copy has to catch up.
//!
//! Source: Microsoft's page on database copies.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far one copy is, as far as deleting logs goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyProgress {
    /// The last log that it has inspected.
    pub inspected: u64,
    /// The last log that it has replayed.
    pub replayed: u64,
    /// Whether it is a lagged copy.
    pub lagged: bool,
    /// Whether loose truncation leaves it out: the oldest straggler.
    pub ignored: bool,
}

impl CopyProgress {
    /// The last log that the others need not keep for it: inspected by a lagged copy, replayed by
    /// any other.
    pub const fn done_up_to(&self) -> u64 {
        if self.lagged {
            self.inspected
        } else {
            self.replayed
        }
    }
}

/// The last log that may be deleted from the active copy: below the checkpoint, in a backup or
/// logged circularly, inspected by every lagged copy and replayed by every other.
///
/// A suspended copy makes no progress, and so it holds everything back.
pub fn last_deletable(
    checkpoint: u64,
    backed_up: Option<u64>,
    circular: bool,
    copies: &[CopyProgress],
) -> u64 {
    let saved = if circular {
        u64::MAX
    } else {
        backed_up.unwrap_or(0)
    };
    let held = copies
        .iter()
        .filter(|copy| !copy.ignored)
        .map(CopyProgress::done_up_to)
        .min();
    let below_checkpoint = checkpoint.saturating_sub(1);
    below_checkpoint.min(saved).min(held.unwrap_or(u64::MAX))
}

/// The last log that a passive copy may delete of its own: one that the active copy has deleted
/// too or may delete ([`last_deletable`]), below the copy's own checkpoint, and written longer ago
/// than its replay and truncation lag together.
///
/// The truncation lag delays deletion after replay. That both lags count from when a log was
/// written is from general knowledge and was not read in a source.
pub fn last_deletable_on_passive(on_active: u64, replayed: u64, older_than_lags: u64) -> u64 {
    let below_checkpoint = replayed.saturating_sub(1);
    on_active.min(below_checkpoint).min(older_than_lags)
}

/// When loose truncation (off unless set) may leave the oldest straggler out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LooseTruncation {
    /// Free space in GB below which it acts.
    pub free_gb: u64,
    /// Logs that a passive copy keeps all the same.
    pub kept_passive: u64,
    /// Logs that the active copy keeps all the same.
    pub kept_active: u64,
}

impl Default for LooseTruncation {
    fn default() -> Self {
        Self {
            free_gb: 200,
            kept_passive: 100_000,
            kept_active: 10_000,
        }
    }
}

impl LooseTruncation {
    /// Whether so many logs on a disk with so much free space are reason enough. The copy that is
    /// left out comes back as *`FailedAndSuspended`*.
    pub const fn acts(&self, active: bool, free_gb: u64, logs: u64) -> bool {
        free_gb < self.free_gb && logs > self.kept(active)
    }

    /// How many logs a copy keeps all the same.
    pub const fn kept(&self, active: bool) -> u64 {
        if active {
            self.kept_active
        } else {
            self.kept_passive
        }
    }
}

/// A disk with less free space than this is nearly full
/// (`SpaceMonitorLowSpaceThresholdInMB`, in GB).
pub const LOW_SPACE_GB: u64 = 180;

/// What is known of a lagged copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaggedCopy {
    /// Its disk is nearly full.
    pub low_space: bool,
    /// A page of it has to be mended, for which all logs must be replayed.
    pub page_damaged: bool,
    /// Healthy copies of the database that are not lagged.
    pub healthy_copies: usize,
    /// For how long there have been so few of them.
    pub so_few_for: Duration,
    /// How long its disk takes to read, in milliseconds.
    pub read_latency_ms: u64,
    /// For how long playing down has been put off because of that.
    pub put_off_for: Duration,
}

/// `ReplayLagManagerEnabled` with its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayLagManager {
    /// Whether it acts; off unless set, by the documentation of 2013 and 2016.
    pub enabled: bool,
    /// With fewer healthy copies than this a lagged one is needed
    /// (`ReplayLagManagerNumAvailableCopies`).
    pub available_copies: usize,
    /// How long there may be too few.
    pub patience: Duration,
    /// How long a slow disk may put it off (`ReplayLagMaxDelay`, 2016 and later).
    pub max_delay: Duration,
}

impl Default for ReplayLagManager {
    fn default() -> Self {
        Self {
            enabled: false,
            available_copies: 3,
            patience: Duration::from_hours(24),
            max_delay: Duration::from_hours(24),
        }
    }
}

/// Why a lagged copy is played down: its lag is given up and all its logs are replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlayDown {
    /// Somebody switched it off (`DisableReplayLag`, 2013 and later).
    Asked,
    /// Its disk is nearly full. A slow disk does not put that off.
    LowSpace,
    /// A page has to be mended.
    PageDamaged,
    /// Too few other copies are healthy, for too long.
    TooFewCopies,
}

/// A disk that takes longer to read than this puts playing down off.
const SLOW_DISK_MS: u64 = 25;

impl ReplayLagManager {
    /// Whether a lagged copy has to be played down now, and why.
    pub fn play_down(&self, copy: &LaggedCopy) -> Option<PlayDown> {
        if !self.enabled {
            return None;
        }
        if copy.low_space {
            return Some(PlayDown::LowSpace);
        }
        let slow = copy.read_latency_ms > SLOW_DISK_MS && copy.put_off_for < self.max_delay;
        let few = copy.healthy_copies < self.available_copies && copy.so_few_for > self.patience;
        if slow {
            None
        } else if copy.page_damaged {
            Some(PlayDown::PageDamaged)
        } else {
            few.then_some(PlayDown::TooFewCopies)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(inspected: u64, replayed: u64) -> CopyProgress {
        CopyProgress {
            inspected,
            replayed,
            lagged: false,
            ignored: false,
        }
    }

    #[test]
    fn a_log_is_deleted_when_everybody_is_done_with_it() {
        let (two, lagged) = (
            copy(95, 90),
            CopyProgress {
                lagged: true,
                ..copy(80, 10)
            },
        );
        assert_eq!(
            last_deletable(100, Some(99), false, &[two]),
            90,
            "replayed elsewhere"
        );
        assert_eq!(
            last_deletable(100, Some(70), false, &[two]),
            70,
            "in a backup"
        );
        assert_eq!(
            last_deletable(100, None, false, &[two]),
            0,
            "never backed up"
        );
        assert_eq!(
            last_deletable(100, None, true, &[two]),
            90,
            "circular logging"
        );
        assert_eq!(
            last_deletable(50, None, true, &[two]),
            49,
            "below the checkpoint"
        );
        assert_eq!(
            last_deletable(100, None, true, &[two, lagged]),
            80,
            "a lagged copy inspects"
        );
        let suspended = copy(5, 5);
        assert_eq!(
            last_deletable(100, None, true, &[two, suspended]),
            5,
            "it holds all back"
        );
        let ignored = CopyProgress {
            ignored: true,
            ..suspended
        };
        assert_eq!(
            last_deletable(100, None, true, &[two, ignored]),
            90,
            "loose truncation"
        );
    }

    /// Deleted on the active copy · replayed here · written before the lags · may be deleted here,
    /// transcribed by hand.
    const PASSIVE: [(u64, u64, u64, u64); 4] = [
        (90, 100, 100, 90),
        (90, 50, 100, 49),
        (90, 100, 70, 70),
        (0, 0, 0, 0),
    ];

    #[test]
    fn a_passive_copy_deletes_what_the_active_one_does_after_its_own_replay_and_lags() {
        for (on_active, replayed, older, expected) in PASSIVE {
            let found = last_deletable_on_passive(on_active, replayed, older);
            assert_eq!(found, expected, "{on_active} {replayed} {older}");
        }
    }

    #[test]
    fn loose_truncation_acts_on_little_space_and_many_logs() {
        let loose = LooseTruncation::default();
        assert!(loose.acts(true, 199, 10_001));
        assert!(!loose.acts(true, 200, 10_001));
        assert!(!loose.acts(false, 199, 10_001), "a passive copy keeps more");
        assert!(loose.acts(false, 199, 100_001));
    }

    #[test]
    fn a_lagged_copy_is_played_down_for_the_documented_reasons() {
        let manager = ReplayLagManager {
            enabled: true,
            ..ReplayLagManager::default()
        };
        let day = Duration::from_hours(24);
        let well = LaggedCopy {
            healthy_copies: 3,
            ..LaggedCopy::default()
        };
        let few = LaggedCopy {
            healthy_copies: 2,
            so_few_for: day + Duration::from_secs(1),
            ..well
        };
        let full = LaggedCopy {
            low_space: true,
            ..well
        };
        let damaged = LaggedCopy {
            page_damaged: true,
            ..well
        };
        assert_eq!(manager.play_down(&well), None);
        assert_eq!(manager.play_down(&few), Some(PlayDown::TooFewCopies));
        assert_eq!(
            manager.play_down(&LaggedCopy {
                so_few_for: day,
                ..few
            }),
            None
        );
        assert_eq!(manager.play_down(&full), Some(PlayDown::LowSpace));
        assert_eq!(manager.play_down(&damaged), Some(PlayDown::PageDamaged));
        let slow = |copy| LaggedCopy {
            read_latency_ms: 26,
            ..copy
        };
        assert_eq!(manager.play_down(&slow(few)), None, "put off");
        let late = LaggedCopy {
            put_off_for: day,
            ..slow(few)
        };
        assert_eq!(
            manager.play_down(&late),
            Some(PlayDown::TooFewCopies),
            "not for ever"
        );
        assert_eq!(
            manager.play_down(&slow(full)),
            Some(PlayDown::LowSpace),
            "space does not wait"
        );
        assert_eq!(
            ReplayLagManager::default().play_down(&full),
            None,
            "off unless set"
        );
    }
}
