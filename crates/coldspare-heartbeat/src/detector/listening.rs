//! How the detector takes a heartbeat.

use coldspare_names::Time;

use super::{Condition, Detector};
use crate::{Beat, Finding, Flags, Path, Refusal, Slot, Watch};

/// What a heartbeat announces and reports, of which a change is told.
#[inline]
fn says(beat: &Beat) -> u8 {
    let unheard = beat.health.echo.map(|heard| u8::from(!heard));
    beat.flags.bits() | (unheard[0] << 6) | (unheard[1] << 7)
}

/// The bit that says that no echo is heard over a path.
fn no_echo(path: Path) -> u8 {
    1 << (6 + path.index())
}

impl Detector {
    /// Reads what the next heartbeat of a server will need.
    #[inline]
    pub(crate) fn look_ahead(&self, slot: Slot) -> u8 {
        let row = self.ledger.find(slot);
        row.map_or(0, |row| row.state.says)
    }

    /// Whether a heartbeat counts; if so it is remembered, and it is told whether it is the first of
    /// a boot.
    #[inline]
    pub(super) fn admit(&mut self, slot: Slot, path: Path, beat: &Beat) -> Result<bool, Refusal> {
        let row = self.ledger.find_mut(slot).ok_or(Refusal::UnknownSlot)?;
        if row.state.condition == Condition::Vacant {
            return Err(Refusal::UnknownSlot);
        }
        if path == Path::Second && row.state.watch != Watch::Agent {
            return Err(Refusal::WrongPath);
        }
        let generation = *self.generations.value(row.generation);
        if beat.generation != generation {
            return Err(if beat.generation < generation {
                Refusal::OldGeneration
            } else {
                Refusal::UnknownGeneration
            });
        }
        row.newest.admit(path, beat)
    }

    #[inline]
    pub(super) fn accept(
        &mut self,
        slot: Slot,
        path: Path,
        beat: &Beat,
        restarted: bool,
        now: Time,
    ) {
        let state = self.ledger.row(slot).state;
        let ordinary = state.condition == Condition::Watched
            && state.says == says(beat)
            && !restarted
            && !self.stalls(beat);
        if ordinary && self.ledger.hear(slot, path, now) {
            return;
        }
        self.accept_news(slot, path, beat, restarted, now);
    }

    /// What the beat says of the disk.
    #[inline]
    pub(super) fn stalls(&self, beat: &Beat) -> bool {
        !beat.health.san
            || beat
                .wrote
                .is_some_and(|ago| ago > self.profile.disk_silence)
    }

    /// Takes a beat that says something new.
    #[cold]
    pub(super) fn accept_news(
        &mut self,
        slot: Slot,
        path: Path,
        beat: &Beat,
        restarted: bool,
        now: Time,
    ) {
        let row = self.ledger.row(slot);
        let before = row.state;
        if row.newest.is_on_both_paths() {
            if matches!(before.condition, Condition::Watched | Condition::Sick) {
                self.lives(slot, path, now, false, now);
            }
            return;
        }
        // Whoever starts, or hears a monitor that was away, has not been answered yet: if it is not,
        // its next beat says so again.
        let says = if restarted {
            beat.flags.bits()
        } else {
            says(beat)
        };
        self.ledger.row_mut(slot).state.says = says;
        self.tell_what_changed(slot, before.says ^ says, beat);
        if restarted {
            self.findings.push(Finding::Started {
                slot,
                boot: beat.boot,
            });
        }
        self.lives(slot, path, now, restarted, now);
        if beat.flags.shutting_down {
            if before.condition != Condition::Maintenance {
                self.stop_watching(slot, now);
                self.set(slot, Condition::Leaving);
            }
            return;
        }
        match (self.condition(slot), self.stalls(beat)) {
            (Condition::Watched, true) => {
                let ago = beat.wrote.unwrap_or_default();
                let wrote = Time::after_epoch(now.since_epoch().saturating_sub(ago));
                self.suspect_disk(slot, wrote, now);
            }
            (Condition::Sick, false) => self.absolve(slot, restarted, now, now),
            _ => {}
        }
    }

    fn tell_what_changed(&mut self, slot: Slot, changed: u8, beat: &Beat) {
        if changed & Flags::BITS != 0 {
            self.findings.push(Finding::Announced {
                slot,
                flags: beat.flags,
            });
        }
        for &path in self.paths(slot) {
            if changed & no_echo(path) == 0 {
                continue;
            }
            self.findings.push(if beat.health.echo[path.index()] {
                Finding::EchoRestored { slot, path }
            } else {
                Finding::EchoLost { slot, path }
            });
        }
    }

    /// Takes a sign of life that was given at a time, over a path: the first since a start, perhaps.
    pub(super) fn lives(&mut self, slot: Slot, path: Path, at: Time, restarted: bool, now: Time) {
        match self.condition(slot) {
            Condition::Vacant | Condition::Maintenance => {}
            Condition::Expected | Condition::Leaving => self.watch(slot, at),
            Condition::Silent => {
                self.absolve(slot, restarted, at, now);
                self.await_paths(slot, at);
            }
            Condition::Watched | Condition::Sick => {
                if !self.ledger.hear(slot, path, at) {
                    self.ledger.expect(slot, path, at);
                    if self.unheard.remove(&(slot, path)).is_none() {
                        self.findings.push(Finding::PathRestored { slot, path });
                    }
                }
            }
        }
    }

    /// Takes an answered probe: a sign of life at the time it was sent.
    ///
    /// An agent that has not started, or has taken its leave, tells by its own heartbeats that this
    /// has changed: an answer to an earlier question says nothing of it.
    pub(super) fn probed(&mut self, slot: Slot, path: Path, asked: Time, now: Time) {
        let state = self.ledger.find(slot).map(|row| row.state);
        let tells_itself = state.is_some_and(|state| {
            state.watch != Watch::Probed
                && matches!(state.condition, Condition::Expected | Condition::Leaving)
        });
        if tells_itself {
            return;
        }
        if self.condition(slot) == Condition::Expected {
            let boot = self.ledger.row(slot).newest.boot();
            self.findings.push(Finding::Started { slot, boot });
        }
        self.lives(slot, path, asked, false, now);
    }
}
