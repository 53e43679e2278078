//! Other ways of judging silence, on the same traces, calibrated to the same detection time.

use std::cell::Cell;
use std::time::Duration;

use phi_accrual_failure_detector::{Clock, Detector as _, FailureDetector, UnsyncState};
use phi_detector::PingWindow;

use crate::traces::dice::{Dice, float, round};
use crate::traces::weather::{Loss, Weather};

/// A way of judging.
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    /// Over how many paths it hears.
    paths: usize,
    /// Begins to watch somebody.
    watch: fn() -> Box<dyn Judge>,
}

/// How sure somebody is that another is dead, who was silent for so many milliseconds.
trait Judge {
    fn arrives(&mut self, gap: f64);
    fn suspicion(&self, silence: f64) -> f64;
}

/// When a judge gives somebody up, on average: milliseconds of silence.
const LIMIT: f64 = 3_000.0;
const PERIOD: u64 = 1_000;

pub(crate) fn all() -> Vec<Rival> {
    let rival = |name, paths, watch| Rival { name, paths, watch };
    vec![
        rival("a fixed limit, one path", 1, || Box::new(Fixed)),
        rival("mean and deviation (EWMA), one path", 1, || {
            Box::new(Smoothed::default())
        }),
        rival("phi-detector, one path", 1, || {
            Box::new(Window(PingWindow::new(SECOND)))
        }),
        rival("phi-accrual-failure-detector, one path", 1, || {
            Box::new(Accrual::new())
        }),
        rival("a fixed limit, two paths", 2, || Box::new(Fixed)),
    ]
}

const SECOND: Duration = Duration::from_secs(1);

struct Fixed;

impl Judge for Fixed {
    fn arrives(&mut self, _: f64) {}

    fn suspicion(&self, silence: f64) -> f64 {
        silence
    }
}

struct Smoothed {
    mean: f64,
    deviation: f64,
}

impl Default for Smoothed {
    fn default() -> Self {
        Self {
            mean: float(PERIOD),
            deviation: 100.0,
        }
    }
}

impl Judge for Smoothed {
    fn arrives(&mut self, gap: f64) {
        self.deviation += ((gap - self.mean).abs() - self.deviation) / 16.0;
        self.mean += (gap - self.mean) / 8.0;
    }

    fn suspicion(&self, silence: f64) -> f64 {
        (silence - self.mean) / self.deviation.max(1.0)
    }
}

struct Window(PingWindow);

impl Judge for Window {
    fn arrives(&mut self, gap: f64) {
        self.0.add_ping(Duration::from_millis(round(gap)));
    }

    fn suspicion(&self, silence: f64) -> f64 {
        self.0
            .normal_dist()
            .phi(Duration::from_millis(round(silence)))
    }
}

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

struct SetClock;

impl Clock for SetClock {
    type Timestamp = Duration;

    fn timestamp(&self) -> Duration {
        NOW.get()
    }

    fn elapsed(before: &Duration, after: &Duration) -> Duration {
        after.saturating_sub(*before)
    }
}

struct Accrual {
    detector: FailureDetector<UnsyncState<SetClock>>,
    last: Duration,
}

impl Accrual {
    fn new() -> Self {
        let builder = FailureDetector::<UnsyncState<_>>::builder();
        let detector = builder.clock(SetClock).build();
        Self {
            detector: detector.unwrap_or_else(|_| panic!("the builder refuses its own defaults")),
            last: Duration::ZERO,
        }
    }
}

impl Judge for Accrual {
    fn arrives(&mut self, gap: f64) {
        self.last += Duration::from_millis(round(gap));
        NOW.set(self.last);
        self.detector.heartbeat();
    }

    fn suspicion(&self, silence: f64) -> f64 {
        NOW.set(self.last + Duration::from_millis(round(silence)));
        self.detector.phi()
    }
}

/// The gaps between what arrives from one server, over all paths that are heard.
struct Gaps {
    dice: Dice,
    paths: Vec<Weather>,
    loss: Loss,
    stalls: Option<(u64, u64)>,
    next_stall: u64,
    now: u64,
    arrived: u64,
}

impl Gaps {
    fn new(paths: usize, loss: Loss, stalls: Option<(u64, u64)>, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let paths = (0..paths).map(|_| Weather::new(loss, &mut dice)).collect();
        let next_stall = stalls.map_or(u64::MAX, |(span, _)| dice.between(1, span));
        Self {
            dice,
            paths,
            loss,
            stalls,
            next_stall,
            now: 0,
            arrived: 0,
        }
    }
}

impl Iterator for Gaps {
    type Item = f64;

    /// Never ends.
    fn next(&mut self) -> Option<f64> {
        loop {
            self.now += PERIOD * self.dice.between(950, 1_050) / 1_000;
            if self.next_stall <= self.now {
                let (span, length) = self.stalls.unwrap_or((u64::MAX, 0));
                self.next_stall = self.dice.once_in_next(span, self.now);
                self.now += length;
            }
            let (loss, now, dice) = (self.loss, self.now, &mut self.dice);
            let arrivals = self
                .paths
                .iter_mut()
                .filter_map(|path| path.carry(loss, now, dice));
            if let Some(at) = arrivals.min()
                && at > self.arrived
            {
                let gap = at - self.arrived;
                self.arrived = at;
                return Some(float(gap));
            }
        }
    }
}

/// How often a rival gives up a server that lives.
pub(crate) fn false_failovers(
    rival: &Rival,
    loss: Loss,
    stalls: Option<(u64, u64)>,
    server_hours: f64,
) -> f64 {
    let threshold = calibrate(rival, loss);
    let beats = round(server_hours * 3_600.0);
    let servers = 20;
    let mut wrong = 0;
    for server in 0..servers {
        let mut judge = (rival.watch)();
        let mut gaps = Gaps::new(rival.paths, loss, stalls, server + 100);
        warm_up(judge.as_mut(), &mut gaps);
        let end = gaps.now + beats / servers * PERIOD;
        while gaps.now < end {
            let gap = gaps.next().unwrap_or_default();
            wrong += u64::from(judge.suspicion(gap) > threshold);
            judge.arrives(gap);
        }
    }
    float(wrong)
}

fn warm_up(judge: &mut dyn Judge, gaps: &mut Gaps) {
    for gap in gaps.take(1_200) {
        judge.arrives(gap);
    }
}

/// The threshold at which a rival gives up after the same silence as all others, on average.
fn calibrate(rival: &Rival, loss: Loss) -> f64 {
    let mut judge = (rival.watch)();
    let mut gaps = Gaps::new(rival.paths, loss, None, 99);
    warm_up(judge.as_mut(), &mut gaps);
    let (mut low, mut high) = (0.0, 100_000.0);
    for _ in 0..40 {
        let threshold = f64::midpoint(low, high);
        let mut limits = 0.0;
        for gap in gaps.by_ref().take(200) {
            limits += limit(judge.as_ref(), threshold);
            judge.arrives(gap);
        }
        if limits / 200.0 < LIMIT {
            low = threshold;
        } else {
            high = threshold;
        }
    }
    f64::midpoint(low, high)
}

/// The silence after which a judge gives up.
fn limit(judge: &dyn Judge, threshold: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20_000.0);
    for _ in 0..16 {
        let silence = f64::midpoint(low, high);
        if judge.suspicion(silence) > threshold {
            high = silence;
        } else {
            low = silence;
        }
    }
    high
}
