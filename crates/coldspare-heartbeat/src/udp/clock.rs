use std::time::{Instant, SystemTime};

use coldspare_names::Time;
use tokio::time::Instant as TokioInstant;

/// A clock for shells: nanoseconds since the Unix epoch, never set back while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    at: Time,
}

impl Clock {
    /// Starts it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the shell reads the clock, and hands time on"
    )]
    pub fn start() -> Self {
        let unix = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self {
            started: Instant::now(),
            at: Time::after_epoch(unix),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        self.at + self.started.elapsed()
    }

    /// The timer's idea of a time.
    pub(super) fn instant(&self, time: Time) -> TokioInstant {
        let since = time.since(self.at);
        let far = std::time::Duration::from_hours(24);
        let instant = self
            .started
            .checked_add(since.min(self.started.elapsed() + far));
        TokioInstant::from_std(instant.unwrap_or(self.started))
    }
}
