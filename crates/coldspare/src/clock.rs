//! The one clock of a shell.

use coldspare_names::Time;
use tokio::time::Instant;

/// Turns the runtime's clock into [`Time`]. In the simulation the runtime's clock is virtual.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Time,
    started: Instant,
}

impl Clock {
    /// A clock that shows `now` at this moment.
    #[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
    pub fn showing(now: Time) -> Self {
        Self {
            epoch: now,
            started: Instant::now(),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Time {
        self.epoch + self.started.elapsed()
    }

    /// The runtime's instant at which it will show that time.
    pub fn instant(&self, time: Time) -> Instant {
        let ahead = time.since(self.epoch);
        // Farther away than the runtime can count: in a year the caller looks again.
        let year = std::time::Duration::from_hours(24 * 365);
        self.started + ahead.min(self.started.elapsed() + year)
    }
}
