//! The peers, as their users would keep them.

use std::cell::Cell;
use std::time::Duration;

use phi_accrual_failure_detector::{Clock, FailureDetector, UnsyncState};
use phi_detector::PingWindow;

use crate::SECOND;

/// A clock that stands where it is put: it costs a peer less than the real one.
#[derive(Clone, Copy)]
pub(crate) struct SetClock;

thread_local! {
    pub(crate) static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Clock for SetClock {
    type Timestamp = Duration;

    fn timestamp(&self) -> Duration {
        NOW.get()
    }

    fn elapsed(before: &Duration, after: &Duration) -> Duration {
        after.saturating_sub(*before)
    }
}

pub(crate) type Accrual = FailureDetector<UnsyncState<SetClock>>;

/// The samples that made 968 bytes a server.
pub(crate) const SAMPLES: usize = 100;

pub(crate) fn accrual() -> Accrual {
    let builder = FailureDetector::<UnsyncState<_>>::builder().max_sample_size(SAMPLES);
    builder
        .clock(SetClock)
        .build()
        .unwrap_or_else(|_| panic!("the builder refuses its own defaults"))
}

/// phi-detector's window, and what its user keeps beside it.
pub(crate) struct Pinged {
    window: PingWindow,
    last: Duration,
}

pub(crate) fn pinged() -> Pinged {
    Pinged {
        window: PingWindow::new(SECOND),
        last: Duration::ZERO,
    }
}

impl Pinged {
    pub(crate) fn heard(&mut self, now: Duration) {
        self.window.add_ping(now.saturating_sub(self.last));
        self.last = now;
    }

    pub(crate) fn is_dead(&self, now: Duration) -> bool {
        let silence = now.saturating_sub(self.last);
        self.window.normal_dist().phi(silence) > 8.0
    }
}
