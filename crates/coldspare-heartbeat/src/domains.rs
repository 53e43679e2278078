//! Which failure domain explains that several servers failed together.
//!
//! A percentage is no rule: a rack of 20 among 200 servers is a tenth, and a whole cause. A cause is
//! the domain whose loss explains most: its servers that fell silent lately, less those that still
//! speak; among equals the smallest.
//!
//! Servers are found by slot or by domain, never by going through all that are held: when a whole
//! site falls silent, each server costs what it costs alone. Of holds there are as many as causes.

mod hold;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use coldspare_names::Time;

use self::hold::{Hold, HoldId};
use crate::Slot;
use crate::shared::{Shared, push};

/// Position of a domain in [`Domains`].
pub(crate) type DomainId = u32;

/// Failure domains of one kind, and what is held because of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Domains<Name: Ord> {
    names: Shared<Name>,
    tallies: Vec<Tally>,
    /// Servers that fell lately or are held.
    fallen: BTreeMap<Slot, Fallen>,
    /// Those that fell lately, domain by domain.
    fallen_in: BTreeSet<(DomainId, Slot)>,
    recent: VecDeque<(Time, Slot)>,
    holds: BTreeMap<HoldId, Hold>,
    /// The last hold that a domain was a cause of, if that goes on.
    open: BTreeMap<DomainId, HoldId>,
    by_cause: BTreeMap<BTreeSet<DomainId>, HoldId>,
    next_hold: HoldId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Tally {
    /// Servers that are heard.
    speaking: u32,
    /// Servers that fell lately.
    fallen: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Fallen {
    at: Time,
    /// Whether that was lately, so that it is counted.
    counted: bool,
    domains: Box<[DomainId]>,
    /// The hold in which it waits to be judged.
    hold: Option<HoldId>,
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
            fallen_in: BTreeSet::new(),
            recent: VecDeque::new(),
            holds: BTreeMap::new(),
            open: BTreeMap::new(),
            by_cause: BTreeMap::new(),
            next_hold: 0,
        }
    }

    /// The numbers of domains, which stay theirs.
    pub(crate) fn number(&mut self, names: &BTreeSet<Name>) -> Box<[DomainId]> {
        let numbers = names.iter().map(|name| self.names.number(name)).collect();
        while self.tallies.len() < self.names.len() {
            push(&mut self.tallies, Tally::default());
        }
        numbers
    }

    fn tally(&mut self, id: DomainId) -> &mut Tally {
        &mut self.tallies[id as usize]
    }

    /// A server speaks that was not counted.
    pub(crate) fn joins(&mut self, domains: &[DomainId]) {
        for &id in domains {
            self.tally(id).speaking += 1;
        }
    }

    /// A server that speaks is no longer counted.
    pub(crate) fn leaves(&mut self, domains: &[DomainId]) {
        for &id in domains {
            self.tally(id).speaking -= 1;
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
            self.tally(id).fallen += 1;
            self.fallen_in.insert((id, slot));
        }
        let fallen = Fallen {
            at: now,
            counted: true,
            domains: domains.into(),
            hold: None,
        };
        self.fallen.insert(slot, fallen);
        self.recent.push_back((now, slot));
        // A straggler follows a hold that others have already left.
        let left = |id: &DomainId| {
            let hold = *self.open.get(id)?;
            let returned = &self.holds.get(&hold)?.returned;
            returned.first().is_some().then_some(hold)
        };
        let left = domains.iter().find_map(left);
        for hold in self.holds.values_mut() {
            hold.returned.remove(slot);
        }
        if let Some(cause) = self.best_cause(domains) {
            return self.hold(cause, slot, now);
        }
        if let Some(hold) = left {
            self.enter(slot, hold, now);
        }
        Vec::new()
    }

    /// The domains that explain best, and equally well, why a server of these domains fell.
    fn best_cause(&self, domains: &[DomainId]) -> Option<BTreeSet<DomainId>> {
        let merit = |&id: &DomainId| {
            let Tally { speaking, fallen } = self.tallies[id as usize];
            let (speaking, fallen) = (i64::from(speaking), i64::from(fallen));
            (fallen - speaking, -(fallen + speaking))
        };
        let several = |&&id: &&DomainId| self.tallies[id as usize].fallen >= 2;
        let shared = domains.iter().filter(several);
        let best = shared.clone().map(merit).max()?;
        Some(shared.filter(|id| merit(id) == best).copied().collect())
    }

    /// A server that fell speaks again.
    pub(crate) fn returns(&mut self, slot: Slot, domains: &[DomainId], now: Time) {
        let waited_in = self.fallen.get(&slot).and_then(|fallen| fallen.hold);
        self.drops(slot, now);
        self.joins(domains);
        let concerned = domains.iter().map(|id| self.open.get(id).copied());
        for id in concerned.chain([waited_in]).flatten() {
            if let Some(hold) = self.holds.get_mut(&id) {
                hold.returned.insert(slot, now);
            }
        }
    }

    /// A server that fell is no longer watched.
    pub(crate) fn drops(&mut self, slot: Slot, now: Time) {
        self.release(slot, now);
        self.uncount(slot);
        self.forget_unless_held(slot);
    }

    /// Testimony decides about a server: it is held no longer.
    pub(crate) fn decided(&mut self, slot: Slot, now: Time) {
        self.release(slot, now);
        self.forget_unless_held(slot);
    }

    /// The cause for which a server is held.
    pub(crate) fn cause(&self, slot: Slot) -> Option<BTreeSet<Name>> {
        let hold = self.holds.get(&self.fallen.get(&slot)?.hold?)?;
        Some(self.names(&hold.cause))
    }

    /// Forgets what fell before the window, and ends the holds that have lingered long enough.
    pub(crate) fn pass(
        &mut self,
        now: Time,
        window: Duration,
        linger: Duration,
    ) -> Vec<Change<Name>> {
        while let Some(&(at, slot)) = self.recent.front()
            && at + window < now
        {
            self.recent.pop_front();
            if self.fallen.get(&slot).is_some_and(|fallen| fallen.at == at) {
                self.uncount(slot);
                self.forget_unless_held(slot);
            }
        }
        self.end_holds(now, linger)
    }

    /// It fell too long ago to have to do with what falls now.
    fn uncount(&mut self, slot: Slot) {
        let Some(fallen) = self.fallen.get_mut(&slot) else {
            return;
        };
        if std::mem::take(&mut fallen.counted) {
            for &id in &fallen.domains {
                self.tallies[id as usize].fallen -= 1;
                self.fallen_in.remove(&(id, slot));
            }
        }
    }

    fn forget_unless_held(&mut self, slot: Slot) {
        let alone = |fallen: &Fallen| !fallen.counted && fallen.hold.is_none();
        if self.fallen.get(&slot).is_some_and(alone) {
            self.fallen.remove(&slot);
        }
    }

    fn names(&self, cause: &BTreeSet<DomainId>) -> BTreeSet<Name> {
        let name = |&id: &DomainId| self.names.value(id).clone();
        cause.iter().map(name).collect()
    }
}
