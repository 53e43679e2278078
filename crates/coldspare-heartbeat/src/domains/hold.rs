//! How servers that failed together are held together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coldspare_names::Time;

use super::{Change, DomainId, Domains};
use crate::Slot;

pub(super) type HoldId = u64;

/// Servers whose verdict waits, because of a shared cause.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Hold {
    pub(super) cause: BTreeSet<DomainId>,
    /// Servers that are still to be judged.
    members: BTreeSet<Slot>,
    /// When a server last joined, or left.
    pub(super) stirred: Time,
    pub(super) returned: Returned,
}

/// The servers of a hold that returned and have not fallen silent since.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Returned {
    when: BTreeMap<Slot, Time>,
    in_order: BTreeSet<(Time, Slot)>,
}

impl Returned {
    pub(super) fn insert(&mut self, slot: Slot, now: Time) {
        self.remove(slot);
        self.when.insert(slot, now);
        self.in_order.insert((now, slot));
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(at) = self.when.remove(&slot) {
            self.in_order.remove(&(at, slot));
        }
    }

    /// When the first of them did.
    pub(super) fn first(&self) -> Option<Time> {
        self.in_order.first().map(|&(at, _)| at)
    }
}

impl Hold {
    /// It outlives the first return that lasts for a while, so that stragglers can follow; nothing
    /// ends it while all of its servers are silent and no testimony decides.
    fn ends(&self, linger: Duration) -> Option<Time> {
        let emptied = self.members.is_empty().then_some(self.stirred);
        self.returned
            .first()
            .or(emptied)
            .map(|since| since + linger)
    }
}

impl<Name: Ord + Clone> Domains<Name> {
    /// Holds a server for a cause; one that is new takes over all that it explains.
    pub(super) fn hold(
        &mut self,
        cause: BTreeSet<DomainId>,
        slot: Slot,
        now: Time,
    ) -> Vec<Change<Name>> {
        if let Some(&hold) = self.by_cause.get(&cause) {
            self.enter(slot, hold, now);
            return Vec::new();
        }
        let members = self.explained(&cause);
        let mut left = BTreeSet::new();
        for &slot in &members {
            left.extend(self.release(slot, now));
        }
        let id = self.next_hold;
        self.next_hold += 1;
        for &domain in &cause {
            self.open.insert(domain, id);
        }
        for &slot in &members {
            if let Some(fallen) = self.fallen.get_mut(&slot) {
                fallen.hold = Some(id);
            }
        }
        let began = Change::Began(self.names(&cause), members.clone());
        self.by_cause.insert(cause.clone(), id);
        let hold = Hold {
            cause,
            members,
            stirred: now,
            returned: Returned::default(),
        };
        self.holds.insert(id, hold);
        let empty = |id: &HoldId| {
            self.holds
                .get(id)
                .is_some_and(|hold| hold.members.is_empty())
        };
        left.retain(empty);
        let mut changes: Vec<_> = left.into_iter().filter_map(|id| self.end(id)).collect();
        changes.push(began);
        changes
    }

    /// The servers that fell and lie in all domains of a cause.
    fn explained(&self, cause: &BTreeSet<DomainId>) -> BTreeSet<Slot> {
        let fallen_in = |&id: &DomainId| -> BTreeSet<Slot> {
            let range = (id, Slot::at(0))..=(id, Slot::at(usize::MAX));
            self.fallen_in.range(range).map(|&(_, slot)| slot).collect()
        };
        let mut domains = cause.iter().map(fallen_in);
        let first = domains.next().unwrap_or_default();
        domains.fold(first, |servers, others| &servers & &others)
    }

    /// A server joins a hold.
    pub(super) fn enter(&mut self, slot: Slot, id: HoldId, now: Time) {
        if let (Some(hold), Some(fallen)) = (self.holds.get_mut(&id), self.fallen.get_mut(&slot)) {
            hold.members.insert(slot);
            hold.stirred = now;
            fallen.hold = Some(id);
        }
    }

    /// A server leaves the hold that it is in.
    pub(super) fn release(&mut self, slot: Slot, now: Time) -> Option<HoldId> {
        let id = self.fallen.get_mut(&slot)?.hold.take()?;
        let hold = self.holds.get_mut(&id)?;
        hold.members.remove(&slot);
        hold.stirred = hold.stirred.max(now);
        Some(id)
    }

    /// Ends the holds whose time is over.
    pub(super) fn end_holds(&mut self, now: Time, linger: Duration) -> Vec<Change<Name>> {
        let over = |hold: &Hold| hold.ends(linger).is_some_and(|end| end <= now);
        let ended: Vec<_> = self
            .holds
            .iter()
            .filter(|(_, hold)| over(hold))
            .map(|(&id, _)| id)
            .collect();
        ended.into_iter().filter_map(|id| self.end(id)).collect()
    }

    fn end(&mut self, id: HoldId) -> Option<Change<Name>> {
        let hold = self.holds.remove(&id)?;
        self.by_cause.remove(&hold.cause);
        for &domain in &hold.cause {
            if self.open.get(&domain) == Some(&id) {
                self.open.remove(&domain);
            }
        }
        for &slot in &hold.members {
            if let Some(fallen) = self.fallen.get_mut(&slot) {
                fallen.hold = None;
            }
            self.forget_unless_held(slot);
        }
        Some(Change::Ended(self.names(&hold.cause), hold.members))
    }

    /// When a hold ends, if nothing stirs before.
    pub(crate) fn deadline(&self, linger: Duration) -> Option<Time> {
        let ends = self.holds.values().filter_map(|hold| hold.ends(linger));
        ends.min()
    }
}
