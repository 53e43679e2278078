//! Time as a value that is handed in.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: nanoseconds since an epoch that the shell chooses (the Unix epoch in
/// production, the start of the run in a simulation), so that it can be written to a journal.
///
/// Decisions never read a clock; they are handed a `Time`. Arithmetic saturates: a deadline too
/// far away is simply never reached.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(u64);

impl Time {
    /// The epoch itself.
    pub const EPOCH: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time that long after the epoch.
    pub fn after_epoch(elapsed: Duration) -> Self {
        Self::EPOCH + elapsed
    }

    /// How long after the epoch it is.
    pub const fn since_epoch(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long after `earlier` it is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        let nanoseconds = u64::try_from(later.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Seconds since the epoch, to the millisecond.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since_epoch();
        write!(f, "{}.{:03} s", since.as_secs(), since.subsec_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn adding_and_subtracting_never_overflow(a: u64, b: u64) {
            let (time, step) = (Time(a), Duration::from_nanos(b));
            prop_assert!(time + step >= time);
            if (time + step) < Time::NEVER {
                prop_assert_eq!(time + step - time, step);
            }
            prop_assert_eq!(Time::EPOCH - time, Duration::ZERO);
        }
    }
}
