//! The detector: heartbeats and testimony in, findings out.

mod judging;
mod listening;
mod roster;
mod self_doubt;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coldspare_names::{ArrayName, Generation, Time};

use self::self_doubt::SelfDoubt;
use crate::case::{Case, Trouble};
use crate::domains::{DomainId, Domains};
use crate::ledger::{Due, Ledger};
use crate::row::{Condition, State};
use crate::shared::Shared;

use crate::{
    Answer, Beat, Enrolment, Error, Finding, Heard, Label, Newest, Path, Profile, Slot, Start,
    Testimony, Verdict, Watch,
};

/// Watches servers: a pure state machine, told what was heard and what time it is.
///
/// ```text
///            first beat            all paths silent
///  expected ------------> watched ------------------> silent: asked about, judged
///                        |   ^   ^                       |
///    "my disk is stalled"|   |   +-----------------------+ a beat, or an answered probe
///                        v   | "it is written again"
///                        sick: asked about, judged
///
///  from every state: "shutting down" -> leaving -> watched, with the next boot
///                    maintenance, withdrawal
/// ```
///
/// What changes with every heartbeat lies in flat arrays by slot: recording one touches one
/// row and looks nothing up. What belongs to suspects only is kept per suspect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Detector {
    profile: Profile,
    ledger: Ledger,
    /// The failure domains of each slot, by number.
    places_of: Vec<u32>,
    generations: Shared<Generation>,
    places: Shared<Arc<Place>>,
    labels: Domains<Label>,
    arrays: Domains<ArrayName>,
    cases: BTreeMap<Slot, Case>,
    /// When each case is to be looked at.
    agenda: BTreeSet<(Time, Slot)>,
    /// When each server without agent is probed next.
    rounds: BTreeSet<(Time, Slot)>,
    doubt: SelfDoubt,
    /// What was missed over a link of the monitor's own that is down: a path of a server is in here
    /// until it is heard again, or the link is doubted no longer.
    unheard: BTreeMap<(Slot, Path), Due>,
    findings: Vec<Finding>,
}

/// The failure domains of a server: servers of one rack share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    labels: Box<[DomainId]>,
    arrays: Box<[DomainId]>,
}

impl Detector {
    /// A detector that watches nobody yet.
    pub fn new(profile: Profile, now: Time) -> Result<Self, Error> {
        profile.check()?;
        Ok(Self {
            ledger: Ledger::new(&profile, now),
            profile,
            places_of: Vec::new(),
            generations: Shared::new(),
            places: Shared::new(),
            labels: Domains::new(),
            arrays: Domains::new(),
            cases: BTreeMap::new(),
            agenda: BTreeSet::new(),
            rounds: BTreeSet::new(),
            doubt: SelfDoubt::default(),
            unheard: BTreeMap::new(),
            findings: Vec::new(),
        })
    }

    /// Makes room for so many slots at once, to the byte. Not needed: room grows as slots are used.
    pub fn reserve(&mut self, slots: usize) {
        let more = slots.saturating_sub(self.places_of.len());
        self.ledger.reserve(slots);
        self.places_of.reserve_exact(more);
    }

    /// The limits by which it judges.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The verdict that stands about a server, if it is suspected of anything.
    pub fn verdict(&self, slot: Slot) -> Option<&Verdict> {
        self.cases.get(&slot)?.verdict.as_ref()
    }

    /// The generation under which a slot is enrolled, if it is.
    #[inline]
    pub fn generation(&self, slot: Slot) -> Option<Generation> {
        let enrolled = self.condition(slot) != Condition::Vacant;
        enrolled.then(|| *self.generations.value(self.ledger.row(slot).generation))
    }

    /// Watches a server from now on; anew, if its slot was in use.
    ///
    /// Enrolled again under the same generation, it keeps what it remembers against replays; in all
    /// other cases it is a stranger: see [`Detector::remember`].
    pub fn enrol(&mut self, slot: Slot, enrolment: &Enrolment, now: Time) {
        self.leave(slot, now);
        self.reach(slot);
        let place = Place {
            labels: self.labels.number(&enrolment.labels),
            arrays: self.arrays.number(&enrolment.arrays),
        };
        let place = self.places.number(&Arc::new(place));
        let generation = self.generations.number(&enrolment.generation);
        if self.ledger.row(slot).generation != generation {
            self.ledger.clear(slot);
        }
        self.places_of[slot.index()] = place;
        let row = self.ledger.row_mut(slot);
        row.generation = generation;
        row.state = State {
            condition: Condition::Expected,
            watch: enrolment.watch,
            ..State::VACANT
        };
        if enrolment.watch == Watch::Probed {
            self.rounds.insert((now, slot));
        }
        if enrolment.start == Start::Running {
            self.watch(slot, now);
        }
    }

    /// The newest that was heard in a slot: [`Newest::NONE`] before anything was.
    pub fn newest(&self, slot: Slot) -> Newest {
        let row = self.ledger.find(slot);
        row.map_or(Newest::NONE, |row| row.newest)
    }

    /// Takes that as the newest that was heard of a server which has just been enrolled: what went
    /// before is refused as a replay.
    ///
    /// For whoever has known it longer than the detector has: from before a withdrawal, or from
    /// before the monitor's own restart. It must have been heard under the key that is valid now;
    /// of a stranger in a slot of another one, [`Newest::NONE`] is known.
    pub fn remember(&mut self, slot: Slot, newest: Newest) {
        if self.condition(slot) != Condition::Vacant {
            self.ledger.row_mut(slot).newest = newest;
        }
    }

    /// Watches it no longer: its slot is free for anybody, and what was heard in it is forgotten. A
    /// server that may be enrolled again under the same key must then be remembered, or what it said
    /// before would count again: see [`Detector::remember`]. ([`crate::Intake`] sees to it.)
    pub fn withdraw(&mut self, slot: Slot) {
        // No hold goes on for longer because somebody is watched no more.
        self.leave(slot, Time::EPOCH);
        if self.ledger.find(slot).is_some() {
            self.ledger.clear(slot);
        }
    }

    /// Judges it no longer while people work on it; afterwards it counts as running.
    pub fn maintenance(&mut self, slot: Slot, on: bool, now: Time) {
        match (self.condition(slot), on) {
            (Condition::Vacant, _) | (Condition::Maintenance, true) => {}
            (Condition::Maintenance, false) => self.watch(slot, now),
            (_, true) => {
                self.stop_watching(slot, now);
                self.set(slot, Condition::Maintenance);
            }
            (_, false) => {}
        }
    }

    /// Takes a heartbeat, in constant time. What is refused changes nothing.
    #[inline]
    pub fn heard(&mut self, slot: Slot, path: Path, beat: &Beat, now: Time) -> Heard {
        match self.admit(slot, path, beat) {
            Ok(restarted) => {
                self.accept(slot, path, beat, restarted, now);
                Heard::Accepted
            }
            Err(refusal) => Heard::Refused(refusal),
        }
    }

    /// Takes an answer to a question.
    ///
    /// Answers to questions from before the server was last heard are no longer of interest.
    pub fn testify(&mut self, slot: Slot, testimony: Testimony, now: Time) {
        let Testimony { asked, answer } = testimony;
        let stale = |case: &Case| case.trouble == Trouble::Silent && asked <= case.since;
        if self.cases.get(&slot).is_some_and(stale) {
            return;
        }
        match answer {
            Answer::Probe {
                answered: false, ..
            } => {}
            Answer::Probe { path, .. } => self.probed(slot, path, asked, now),
            Answer::Power(_) | Answer::Sessions(_) | Answer::Ports(_) => {
                if let Some(case) = self.cases.get_mut(&slot) {
                    case.told(testimony, &self.profile, now);
                    self.look_at(slot, now);
                }
            }
        }
    }

    /// Takes note of the monitor's own link of a path.
    pub fn own_link(&mut self, path: Path, up: bool, now: Time) {
        let end = now + self.profile.window;
        self.findings.extend(self.doubt.link(path, up, end));
        self.look_at_all(now);
    }

    /// When [`Detector::poll`] wants to be called next at the latest.
    pub fn deadline(&self) -> Option<Time> {
        if self.findings.is_empty() {
            self.promise()
        } else {
            Some(Time::EPOCH)
        }
    }
}
