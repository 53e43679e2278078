//! One copy, as `Get-MailboxDatabaseCopyStatus` reports it.

use serde::{Deserialize, Serialize};

use crate::{ContentIndex, CopyId, CopyStatus};

/// How many logs wait in a queue: a number, or unknown.
///
/// When the last log of the active copy is unknown, Exchange prints a huge number (near the end
/// of 64 bits) where the queue would stand. That is not a number to reckon with, so here it is
/// none.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
pub struct QueueLength(Option<u64>);

impl QueueLength {
    /// What is not known.
    pub const UNKNOWN: Self = Self(None);
    /// From here on a printed number means "unknown".
    const SENTINEL: u64 = 1 << 62;

    /// What a printed number means.
    pub const fn new(printed: u64) -> Self {
        if printed >= Self::SENTINEL {
            Self::UNKNOWN
        } else {
            Self(Some(printed))
        }
    }

    /// The number of logs, if known.
    pub const fn known(self) -> Option<u64> {
        self.0
    }

    /// Whether it is known and smaller than that.
    pub const fn is_below(self, limit: u64) -> bool {
        matches!(self.0, Some(length) if length < limit)
    }
}

impl From<Option<u64>> for QueueLength {
    fn from(printed: Option<u64>) -> Self {
        printed.map_or(Self::UNKNOWN, Self::new)
    }
}

impl From<QueueLength> for Option<u64> {
    fn from(queue: QueueLength) -> Self {
        queue.0
    }
}

/// How far the logs have come on a passive copy, each the number of the last log.
///
/// On an active copy Exchange prints zeros for these: there are none, and none must be reckoned
/// with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPositions {
    /// Written by the active copy, as far as this copy knows.
    pub generated: u64,
    /// Announced to this copy.
    pub notified: u64,
    /// Copied to this copy.
    pub copied: u64,
    /// Inspected after copying.
    pub inspected: u64,
    /// Replayed into the database.
    pub replayed: u64,
}

impl LogPositions {
    /// Whether each stage is at most as far as the one before it.
    pub const fn is_consistent(&self) -> bool {
        self.generated >= self.notified
            && self.notified >= self.copied
            && self.copied >= self.inspected
            && self.inspected >= self.replayed
    }

    /// Logs not yet copied and inspected.
    pub const fn copy_queue(&self) -> QueueLength {
        QueueLength::new(self.generated.saturating_sub(self.inspected))
    }

    /// Logs inspected and not yet replayed.
    pub const fn replay_queue(&self) -> QueueLength {
        QueueLength::new(self.inspected.saturating_sub(self.replayed))
    }
}

/// One copy as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyState {
    /// Which copy.
    pub copy: CopyId,
    /// What it does.
    pub status: CopyStatus,
    /// Whether it is the active copy of its database.
    #[serde(default)]
    pub active: bool,
    /// Whether an administrator has blocked its activation.
    #[serde(default)]
    pub activation_suspended: bool,
    /// What was said when it was suspended.
    #[serde(default)]
    pub suspend_comment: Option<String>,
    /// Whether it is a lagged copy that replays without its lag: because it was told to, or because
    /// it is needed (`ReplayLagStatus`, 2013 and later).
    #[serde(default)]
    pub replay_lag_off: bool,
    /// What is wrong with it, in the server's words.
    #[serde(default)]
    pub error: Option<String>,
    /// Its content index.
    #[serde(default)]
    pub content_index: ContentIndex,
    /// Logs not yet copied and inspected; meaningful for a passive copy only.
    #[serde(default)]
    pub copy_queue: QueueLength,
    /// Logs inspected and not yet replayed; meaningful for a passive copy only.
    #[serde(default)]
    pub replay_queue: QueueLength,
    /// How far its logs have come; none on an active copy.
    #[serde(default)]
    pub logs: Option<LogPositions>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sentinel_is_unknown_and_never_a_number() {
        for printed in [1 << 62, i64::MAX as u64, i64::MAX as u64 - 1, u64::MAX] {
            assert_eq!(QueueLength::new(printed), QueueLength::UNKNOWN);
            assert!(!QueueLength::new(printed).is_below(u64::MAX));
        }
        assert_eq!(QueueLength::new(9).known(), Some(9));
        assert_eq!(
            serde_json::from_str::<QueueLength>("9223372036854775806").unwrap(),
            QueueLength::UNKNOWN
        );
    }

    proptest! {
        #[test]
        fn queues_follow_from_positions(steps: [u32; 5]) {
            let mut sum = 0;
            let [replayed, inspected, copied, notified, generated] = steps.map(|step| {
                sum += u64::from(step);
                sum
            });
            let logs = LogPositions { generated, notified, copied, inspected, replayed };
            prop_assert!(logs.is_consistent());
            prop_assert_eq!(logs.copy_queue().known(), Some(generated - inspected));
            prop_assert_eq!(logs.replay_queue().known(), Some(inspected - replayed));
        }
    }
}
