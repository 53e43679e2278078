//! Which failure domain explains that several servers failed together.
//!
//! A percentage is no rule: a rack of 20 among 200 servers is a tenth, and a whole cause. A cause is
//! the domain whose loss explains most: its servers that fell silent lately, less those that still
//! speak; among equals the smallest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use coldspare_names::Time;

use crate::Slot;
use crate::shared::Shared;

/// Position of a domain in [`Domains`].
pub(crate) type DomainId = u32;

/// Failure domains of one kind, and what is held because of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Domains<Name: Ord> {
    names: Shared<Name>,
    tallies: Vec<Tally>,
    /// Servers that fell lately or are held.
    fallen: BTreeMap<Slot, Fallen>,
    recent: VecDeque<(Time, Slot)>,
    holds: BTreeMap<BTreeSet<DomainId>, Hold>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Tally {
    /// Servers that are heard.
    speaking: u32,
    /// Servers that fell lately, or are held.
    fallen: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Fallen {
    at: Time,
    domains: Box<[DomainId]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Hold {
    /// Servers that are still to be judged.
    members: BTreeSet<Slot>,
    /// When a server last joined or returned.
    stirred: Time,
    /// Whether one has returned.
    returned: bool,
}

/// A hold that began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change<Name: Ord> {
    Began(BTreeSet<Name>, BTreeSet<Slot>),
    Ended(BTreeSet<Name>, BTreeSet<Slot>),
}

impl<Name: Ord + Clone> Domains<Name> {
    pub(crate) fn new() -> Self {
        Self {
            names: Shared::new(),
            tallies: Vec::new(),
            fallen: BTreeMap::new(),
            recent: VecDeque::new(),
            holds: BTreeMap::new(),
        }
    }

    /// The numbers of domains, which stay theirs.
    pub(crate) fn number(&mut self, names: &BTreeSet<Name>) -> Box<[DomainId]> {
        let numbers = names.iter().map(|name| self.names.number(name)).collect();
        self.tallies.resize(self.names.len(), Tally::default());
        numbers
    }

    /// A server speaks that was not counted.
    pub(crate) fn joins(&mut self, domains: &[DomainId]) {
        for &id in domains {
            self.tallies[id as usize].speaking += 1;
        }
    }

    /// A server that speaks is no longer counted.
    pub(crate) fn leaves(&mut self, domains: &[DomainId]) {
        for &id in domains {
            self.tallies[id as usize].speaking -= 1;
        }
    }

    /// A server that speaks falls silent.
    pub(crate) fn falls(
        &mut self,
        slot: Slot,
        domains: &[DomainId],
        now: Time,
    ) -> Vec<Change<Name>> {
        self.leaves(domains);
        for &id in domains {
            self.tallies[id as usize].fallen += 1;
        }
        let fallen = Fallen {
            at: now,
            domains: domains.into(),
        };
        self.fallen.insert(slot, fallen);
        self.recent.push_back((now, slot));
        if let Some(cause) = self.best_cause(domains) {
            return self.hold(cause, slot, now);
        }
        self.follow(slot, domains, now);
        Vec::new()
    }

    /// The domains that explain best, and equally well, why a server of these domains fell.
    fn best_cause(&self, domains: &[DomainId]) -> Option<BTreeSet<DomainId>> {
        let merit = |&id: &DomainId| {
            let tally = &self.tallies[id as usize];
            let (fallen, speaking) = (i64::from(tally.fallen), i64::from(tally.speaking));
            (fallen - speaking, -(fallen + speaking))
        };
        let shared = domains
            .iter()
            .filter(|&&id| self.tallies[id as usize].fallen >= 2);
        let best = shared.clone().map(merit).max()?;
        Some(shared.filter(|id| merit(id) == best).copied().collect())
    }

    /// Holds a server for a cause; one that is new takes over all that it explains.
    fn hold(&mut self, cause: BTreeSet<DomainId>, slot: Slot, now: Time) -> Vec<Change<Name>> {
        if let Some(hold) = self.holds.get_mut(&cause) {
            hold.members.insert(slot);
            hold.stirred = now;
            return Vec::new();
        }
        let explains = |domains: &[DomainId]| cause.iter().all(|id| domains.contains(id));
        let members: BTreeSet<Slot> = self
            .fallen
            .iter()
            .filter(|(_, fallen)| explains(&fallen.domains))
            .map(|(&slot, _)| slot)
            .collect();
        let mut changes = Vec::new();
        let mut emptied = Vec::new();
        for (other, hold) in &mut self.holds {
            let before = hold.members.len();
            hold.members.retain(|slot| !members.contains(slot));
            if hold.members.is_empty() && before > 0 {
                emptied.push(other.clone());
            }
        }
        for other in emptied {
            self.holds.remove(&other);
            changes.push(Change::Ended(self.names(&other), BTreeSet::new()));
        }
        changes.push(Change::Began(self.names(&cause), members.clone()));
        let hold = Hold {
            members,
            stirred: now,
            returned: false,
        };
        self.holds.insert(cause, hold);
        changes
    }

    /// A straggler joins a hold that others have already left.
    fn follow(&mut self, slot: Slot, domains: &[DomainId], now: Time) {
        let shares = |cause: &BTreeSet<DomainId>| domains.iter().any(|id| cause.contains(id));
        if let Some((_, hold)) = self.holds.iter_mut().find(|(cause, _)| shares(cause)) {
            hold.members.insert(slot);
            hold.stirred = now;
        }
    }

    /// A server that fell speaks again.
    pub(crate) fn returns(&mut self, slot: Slot, domains: &[DomainId], now: Time) {
        self.uncount(slot);
        self.joins(domains);
        for (cause, hold) in &mut self.holds {
            if hold.members.remove(&slot) || domains.iter().any(|id| cause.contains(id)) {
                hold.stirred = now;
                hold.returned = true;
            }
        }
    }

    /// A server that fell is no longer watched.
    pub(crate) fn drops(&mut self, slot: Slot) {
        self.uncount(slot);
        self.release(slot);
    }

    /// Testimony decided about a server: it is held no longer.
    pub(crate) fn decided(&mut self, slot: Slot, now: Time, window: Duration) {
        self.release(slot);
        if self
            .fallen
            .get(&slot)
            .is_some_and(|fallen| fallen.at + window < now)
        {
            self.uncount(slot);
        }
    }

    fn release(&mut self, slot: Slot) {
        for hold in self.holds.values_mut() {
            hold.members.remove(&slot);
        }
    }

    /// The cause for which a server is held.
    pub(crate) fn cause(&self, slot: Slot) -> Option<BTreeSet<Name>> {
        let held = |hold: &Hold| hold.members.contains(&slot);
        let (cause, _) = self.holds.iter().find(|(_, hold)| held(hold))?;
        Some(self.names(cause))
    }

    /// Forgets what fell before the window, and ends the holds that have lingered long enough.
    pub(crate) fn pass(
        &mut self,
        now: Time,
        window: Duration,
        linger: Duration,
    ) -> Vec<Change<Name>> {
        while let Some(&(at, slot)) = self.recent.front() {
            if at + window >= now {
                break;
            }
            self.recent.pop_front();
            let same = |fallen: &Fallen| fallen.at == at;
            if self.fallen.get(&slot).is_some_and(same) && !self.is_held(slot) {
                self.uncount(slot);
            }
        }
        let over = |hold: &Hold| hold.ends(linger).is_some_and(|end| end <= now);
        let ended: Vec<_> = self
            .holds
            .iter()
            .filter(|(_, hold)| over(hold))
            .map(|(cause, _)| cause.clone())
            .collect();
        let mut changes = Vec::new();
        for cause in ended {
            if let Some(hold) = self.holds.remove(&cause) {
                for &slot in &hold.members {
                    self.uncount(slot);
                }
                changes.push(Change::Ended(self.names(&cause), hold.members));
            }
        }
        changes
    }

    /// When a hold ends, if nothing stirs before.
    pub(crate) fn deadline(&self, linger: Duration) -> Option<Time> {
        self.holds
            .values()
            .filter_map(|hold| hold.ends(linger))
            .min()
    }

    fn is_held(&self, slot: Slot) -> bool {
        self.holds.values().any(|hold| hold.members.contains(&slot))
    }

    fn uncount(&mut self, slot: Slot) {
        if let Some(fallen) = self.fallen.remove(&slot) {
            for id in fallen.domains {
                self.tallies[id as usize].fallen -= 1;
            }
        }
    }

    fn names(&self, cause: &BTreeSet<DomainId>) -> BTreeSet<Name> {
        let name = |&id: &DomainId| self.names.value(id).clone();
        cause.iter().map(name).collect()
    }
}

impl Hold {
    /// It outlives the first return, so that stragglers can follow; nothing ends it while all of
    /// its servers are silent and no testimony decides.
    fn ends(&self, linger: Duration) -> Option<Time> {
        (self.returned || self.members.is_empty()).then(|| self.stirred + linger)
    }
}
