//! Logs as they flow: written by the active copy, copied, inspected, replayed.
//!
//! Everything is reckoned in whole numbers, so that it does not matter how often somebody looks.
//! Between two bends of the stream every stage is the smallest of straight lines, so that its
//! level at any time follows without a step in between.

use std::collections::VecDeque;
use std::time::Duration;

use coldspare_names::Time;

/// How much one log is: with rates in logs an hour and times in nanoseconds all levels are whole.
pub(super) const LOG: u128 = 3_600_000_000_000;

/// An amount of logs, in parts of which [`LOG`] make one.
pub(super) type Level = u128;

/// How many whole logs a level is.
pub(super) fn logs(level: Level) -> u64 {
    u64::try_from(level / LOG).unwrap_or(u64::MAX)
}

/// What of a level is whole logs. A log is shipped when it is full: of one that is still being
/// written a copy has nothing to go on from, and nothing to lose.
pub(super) const fn whole(level: Level) -> Level {
    level - level % LOG
}

fn flown(rate: u64, from: Time, to: Time) -> Level {
    u128::from(rate) * to.since(from).as_nanos()
}

/// When a flow that is at `level` then reaches `target`; never if it does not flow.
fn reached(level: Level, at: Time, rate: u64, target: Level) -> Time {
    if target <= level {
        return at;
    }
    if rate == 0 {
        return Time::NEVER;
    }
    let nanoseconds = (target - level).div_ceil(u128::from(rate));
    at + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bend {
    at: Time,
    level: Level,
    rate: u64,
}

/// What the active copy has written: straight lines between bends, and seldom a step up at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    bends: VecDeque<Bend>,
}

impl Stream {
    pub(super) fn new(at: Time) -> Self {
        let level = LOG;
        let first = Bend { at, level, rate: 0 };
        Self {
            bends: VecDeque::from([first]),
        }
    }

    /// The level then, on the line that follows so many bends.
    fn on_line(&self, bends: usize, time: Time) -> Level {
        let bend = self.bends[bends.saturating_sub(1)];
        bend.level + flown(bend.rate, bend.at, time)
    }

    pub(super) fn level(&self, time: Time) -> Level {
        let passed = self.bends.partition_point(|bend| bend.at <= time);
        self.on_line(passed, time)
    }

    /// What somebody has seen of it by then who sees everything that much later; a step that is
    /// just being made is not yet seen.
    pub(super) fn seen(&self, time: Time, delay: Duration) -> Level {
        let Some(then) = time.since_epoch().checked_sub(delay) else {
            return self.bends[0].level;
        };
        let then = Time::after_epoch(then);
        let passed = self.bends.partition_point(|bend| bend.at < then);
        self.on_line(passed, then)
    }

    /// When it bends next for somebody who sees everything that much later.
    fn next_bend(&self, after: Time, delay: Duration) -> Time {
        let passed = self.bends.partition_point(|bend| bend.at + delay <= after);
        self.bends
            .get(passed)
            .map_or(Time::NEVER, |bend| bend.at + delay)
    }

    /// From `at` on it flows at that rate.
    pub(super) fn flow(&mut self, at: Time, rate: u64) {
        let last = self.bends[self.bends.len() - 1];
        if last.rate == rate {
            return;
        }
        let level = self.level(at);
        if last.at == at {
            self.bends.pop_back();
        }
        self.bends.push_back(Bend { at, level, rate });
    }

    /// Goes on from where another copy is: what is above that is taken back; what that copy has
    /// more, because it comes from another branch, is there in one step.
    pub(super) fn go_on_from(&mut self, at: Time, level: Level) {
        while self.bends.len() > 1 && self.bends[self.bends.len() - 1].level > level {
            self.bends.pop_back();
        }
        let last = self.bends[self.bends.len() - 1];
        let then = reached(last.level, last.at, last.rate, level).min(at);
        self.bends.push_back(Bend {
            at: then,
            level,
            rate: 0,
        });
    }

    /// Whether some of it nobody sees any more who sees everything at most that much later.
    pub(super) fn is_outdated(&self, now: Time, delay: Duration) -> bool {
        self.bends.len() > 1 && self.bends[1].at + delay <= now
    }

    /// Forgets what is outdated: every copy must have been brought to now.
    pub(super) fn forget(&mut self, now: Time, delay: Duration) {
        while self.is_outdated(now, delay) {
            self.bends.pop_front();
        }
    }

    /// When it reached a level that it has: on a line, or by the step at that line's end.
    fn reached(&self, level: Level) -> Time {
        let after = self.bends.partition_point(|bend| bend.level < level);
        let bend = self.bends[after.saturating_sub(1)];
        let flowing = reached(bend.level, bend.at, bend.rate, level);
        let step = self.bends.get(after);
        step.map_or(flowing, |step| flowing.min(step.at))
    }
}

/// How fast a copy works, in logs an hour; zero is not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rates {
    pub(super) copy: u64,
    pub(super) inspect: u64,
    pub(super) replay: u64,
}

/// How long a log takes until it may arrive, and until it may be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Delays {
    pub(super) ship: Duration,
    pub(super) replay: Duration,
}

/// How far the logs have come on one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub(super) copied: Level,
    pub(super) inspected: Level,
    pub(super) replayed: Level,
    at: Time,
    rates: Rates,
    delays: Delays,
}

impl Pipeline {
    /// A copy that has everything up to a level.
    pub(super) fn at_level(level: Level, at: Time) -> Self {
        Self {
            copied: level,
            inspected: level,
            replayed: level,
            at,
            rates: Rates::default(),
            delays: Delays::default(),
        }
    }

    /// Brings it to now.
    pub(super) fn settle(&mut self, stream: &Stream, now: Time) {
        while self.at < now {
            let next = self.next_bend(stream).min(now);
            let to = |level, rate| level + flown(rate, self.at, next);
            let written = stream.seen(next, self.delays.ship);
            let due = stream.seen(next, self.delays.replay);
            let copied = to(self.copied, self.rates.copy).min(written);
            self.copied = self.copied.max(copied);
            let inspected = to(self.inspected, self.rates.inspect).min(self.copied);
            self.inspected = self.inspected.max(inspected);
            let replayed = to(self.replayed, self.rates.replay)
                .min(self.inspected)
                .min(due);
            self.replayed = self.replayed.max(replayed);
            self.at = next;
        }
    }

    /// When the stream, as this copy sees it, bends next.
    fn next_bend(&self, stream: &Stream) -> Time {
        let (ship, replay) = (self.delays.ship, self.delays.replay);
        stream
            .next_bend(self.at, ship)
            .min(stream.next_bend(self.at, replay))
    }

    /// From now on it works at those rates.
    pub(super) fn work(&mut self, stream: &Stream, now: Time, rates: Rates, delays: Delays) {
        if (self.rates, self.delays) != (rates, delays) {
            self.settle(stream, now);
            self.rates = rates;
            self.delays = delays;
        }
    }

    /// When everything up to a level that is written is copied, inspected and, unless it waits
    /// for the lag, replayed.
    pub(super) fn reaches(&self, stream: &Stream, target: Level) -> Time {
        let mut ahead = self.clone();
        let lagged = self.delays.replay > self.delays.ship;
        let written = stream.reached(target) + self.delays.ship;
        loop {
            let by = |level, rate| reached(level, ahead.at, rate, target);
            let copied = by(ahead.copied, ahead.rates.copy).max(written);
            let inspected = copied.max(by(ahead.inspected, ahead.rates.inspect));
            let replayed = inspected.max(by(ahead.replayed, ahead.rates.replay));
            let then = if lagged { inspected } else { replayed }.max(ahead.at);
            let bend = ahead.next_bend(stream);
            if then < bend || bend == Time::NEVER {
                return then;
            }
            ahead.settle(stream, bend);
        }
    }

    /// The copy becomes the active one with everything up to a level: nothing more comes to it,
    /// and what is not replayed yet is when it is mounted.
    pub(super) fn go_on_from(&mut self, level: Level) {
        self.rates = Rates::default();
        self.copied = level;
        self.inspected = level;
        self.replayed = self.replayed.min(level);
    }

    /// Throws away what is above a level.
    pub(super) fn discard(&mut self, level: Level) {
        self.copied = self.copied.min(level);
        self.inspected = self.inspected.min(level);
        self.replayed = self.replayed.min(level);
    }
}

#[cfg(test)]
mod tests;
