//! What was last heard of whom, in one flat array: nothing in it grows with silence.
//!
//! A heartbeat touches one row. A sweep skips every block of servers of which it already knows that
//! none can be due: a block's bound is only ever too early, because a heartbeat moves a server's
//! limits later, so each block is looked into about once per limit, not once per heartbeat.

use std::time::Duration;

use coldspare_names::Time;

use crate::row::{NEVER, Row};
use crate::{Path, Profile, Slot};

/// Servers that share a bound.
const BLOCK: usize = 64;
/// When a time lies so far from the origin, the origin is moved.
const FAR: Duration = Duration::from_hours(24 * 24);

/// Something that the sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Due {
    /// One path is silent past its limit.
    Degraded(Slot, Path),
    /// All paths are; the server was last heard then.
    Silent(Slot, Time),
}

/// The rows of all slots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    origin: Time,
    /// The time that was asked for last, and its tick: a batch of heartbeats has one.
    latest: (Time, u32),
    rows: Vec<Row>,
    /// For each block, a tick before which none of its servers is due.
    bounds: Vec<u32>,
    degraded_after: u32,
    silent_after: u32,
}

impl Ledger {
    pub(crate) fn new(profile: &Profile, origin: Time) -> Self {
        Self {
            origin,
            latest: (origin, 0),
            rows: Vec::new(),
            bounds: Vec::new(),
            degraded_after: ticks(profile.path_silence),
            silent_after: ticks(profile.silence),
        }
    }

    /// Makes room for a slot.
    pub(crate) fn reach(&mut self, slot: Slot) {
        if self.rows.len() <= slot.index() {
            self.rows.resize(slot.index() + 1, Row::NONE);
            self.bounds.resize(self.rows.len().div_ceil(BLOCK), NEVER);
        }
    }

    pub(crate) fn reserve(&mut self, slots: usize) {
        let more = slots.saturating_sub(self.rows.len());
        self.rows.reserve_exact(more);
        let more = slots.div_ceil(BLOCK).saturating_sub(self.bounds.len());
        self.bounds.reserve_exact(more);
    }

    /// The tick of a time: the resolution of every limit.
    fn tick(&self, now: Time) -> u32 {
        let elapsed = now.since(self.origin).as_millis();
        u32::try_from(elapsed).unwrap_or(NEVER).min(NEVER - 1)
    }

    fn time(&self, tick: u32) -> Time {
        self.origin + Duration::from_millis(tick.into())
    }

    /// Takes a sign of life over a path that is awaited; false, and nothing is changed, if it is not.
    #[inline]
    pub(crate) fn hear(&mut self, slot: Slot, path: Path, now: Time) -> bool {
        if self.latest.0 != now {
            self.latest = (now, self.tick(now));
        }
        let tick = self.latest.1;
        let cell = &mut self.rows[slot.index()].heard[path.index()];
        let awaited = *cell != NEVER;
        if awaited {
            *cell = tick.max(*cell);
        }
        awaited
    }

    /// What is known of a slot, if it was reached.
    #[inline]
    pub(crate) fn find(&self, slot: Slot) -> Option<&Row> {
        self.rows.get(slot.index())
    }

    /// The same of a slot that was.
    #[inline]
    pub(crate) fn row(&self, slot: Slot) -> &Row {
        &self.rows[slot.index()]
    }

    #[inline]
    pub(crate) fn find_mut(&mut self, slot: Slot) -> Option<&mut Row> {
        self.rows.get_mut(slot.index())
    }

    #[inline]
    pub(crate) fn row_mut(&mut self, slot: Slot) -> &mut Row {
        &mut self.rows[slot.index()]
    }

    /// When a server was last heard over a path that is still awaited.
    pub(crate) fn heard(&self, slot: Slot) -> Option<Time> {
        let heard = self.row(slot).heard.into_iter();
        let latest = heard.filter(|&tick| tick != NEVER).max();
        latest.map(|tick| self.time(tick))
    }

    /// Forgets all that is known of a slot.
    pub(crate) fn clear(&mut self, slot: Slot) {
        self.rows[slot.index()] = Row::NONE;
    }

    /// Awaits a path, last heard at a time.
    pub(crate) fn expect(&mut self, slot: Slot, path: Path, heard: Time) {
        self.move_origin(heard);
        let tick = self.tick(heard);
        self.rows[slot.index()].heard[path.index()] = tick;
        let bound = &mut self.bounds[slot.index() / BLOCK];
        let first = self.degraded_after.min(self.silent_after);
        *bound = (*bound).min(tick.saturating_add(first));
    }

    /// Awaits nothing from a server any more.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.rows[slot.index()].heard = [NEVER; 2];
    }

    /// The servers and paths that are due, each told once.
    pub(crate) fn sweep(&mut self, now: Time) -> Vec<Due> {
        self.move_origin(now);
        let tick = self.tick(now);
        let mut due = Vec::new();
        for block in 0..self.bounds.len() {
            if self.bounds[block] <= tick {
                self.sweep_block(block, tick, &mut due);
            }
        }
        due
    }

    fn sweep_block(&mut self, block: usize, tick: u32, due: &mut Vec<Due>) {
        let first = block * BLOCK;
        let last = (first + BLOCK).min(self.rows.len());
        let mut bound = self.bound(first..last);
        if bound <= tick {
            for index in first..last {
                self.sweep_one(index, tick, due);
            }
            bound = self.bound(first..last);
        }
        self.bounds[block] = bound;
    }

    /// The first tick at which one of these servers is due: branch-free, so that the compiler
    /// takes several at a time.
    fn bound(&self, range: std::ops::Range<usize>) -> u32 {
        let mut bound = NEVER;
        for row in &self.rows[range] {
            let [a, b] = row.heard;
            // Of the last path that is awaited only the silence counts.
            let (earlier, later) = if a.max(b) == NEVER {
                (NEVER, a.min(b))
            } else {
                (a.min(b).saturating_add(self.degraded_after), a.max(b))
            };
            bound = bound
                .min(earlier)
                .min(later.saturating_add(self.silent_after));
        }
        bound
    }

    fn sweep_one(&mut self, index: usize, tick: u32, due: &mut Vec<Due>) {
        let cells = self.rows[index].heard;
        let Some(latest) = cells.into_iter().filter(|&cell| cell != NEVER).max() else {
            return;
        };
        let slot = Slot::at(index);
        if latest.saturating_add(self.silent_after) <= tick {
            self.rows[index].heard = [NEVER; 2];
            due.push(Due::Silent(slot, self.time(latest)));
            return;
        }
        for path in Path::BOTH {
            let awaits_both = !self.rows[index].heard.contains(&NEVER);
            let cell = cells[path.index()];
            if awaits_both && cell.saturating_add(self.degraded_after) <= tick {
                self.rows[index].heard[path.index()] = NEVER;
                due.push(Due::Degraded(slot, path));
            }
        }
    }

    /// No later than when the next sweep may find something.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let bound = self.bounds.iter().copied().min().unwrap_or(NEVER);
        (bound != NEVER).then(|| self.time(bound))
    }

    /// Ticks last for 49 days; long before, the origin follows.
    fn move_origin(&mut self, now: Time) {
        let elapsed = now.since(self.origin);
        if elapsed < FAR {
            return;
        }
        let shift = elapsed.saturating_sub(LONGEST_KEPT);
        self.origin = self.origin + shift;
        self.latest = (self.origin, 0);
        let shift = ticks(shift);
        let follow = |cell: &mut u32| {
            if *cell != NEVER {
                *cell = cell.saturating_sub(shift);
            }
        };
        let heard = self.rows.iter_mut().flat_map(|row| &mut row.heard);
        heard.for_each(follow);
        self.bounds.iter_mut().for_each(follow);
    }
}

/// Longer than every limit of a profile.
const LONGEST_KEPT: Duration = Duration::from_hours(48);

fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(NEVER - 1)
}
