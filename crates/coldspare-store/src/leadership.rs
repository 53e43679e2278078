//! Who may write: one leader at a time, and a term that its commits expect.

use std::time::Duration;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::{Entry, Expected, Key, KeyError, Listing, Outcome, Prefix, Revision, Txn, Value};

/// A leader's time in office: an entry of the store that changes only when the leader does.
///
/// A commit that [expects](Self::guard) it is refused from the moment another leader has taken
/// over, however long its sender was paused. Terms are numbered by the revision that began them, so
/// a later one has a higher number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Term {
    key: Key,
    revision: Revision,
    leader: String,
}

impl Term {
    /// The latest term over that part, if there ever was one. Its leader may have resigned.
    pub fn latest(over: &Key, listing: &Listing) -> Result<Option<Self>, KeyError> {
        let office = Office::over(over)?;
        let entry = listing.entries.get(&office.term);
        Ok(entry.map(|entry| Self::of(&office, entry)))
    }

    fn of(office: &Office, entry: &Entry) -> Self {
        Self {
            key: office.term.clone(),
            revision: entry.revision,
            leader: String::from_utf8_lossy(entry.value.bytes()).into_owned(),
        }
    }

    /// Its number.
    pub const fn number(&self) -> u64 {
        self.revision.number()
    }

    /// Who leads.
    pub fn leader(&self) -> &str {
        &self.leader
    }

    /// The commit, made only while the term lasts.
    #[must_use]
    pub fn guard(&self, txn: Txn) -> Txn {
        txn.expect(self.key.clone(), Expected::At(self.revision))
    }
}

/// The two entries of a leadership.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Office {
    /// Changes when the leader does; holds who leads.
    term: Key,
    /// Changes whenever the leader shows that it lives; holds for how many milliseconds. Gone:
    /// the leader has resigned.
    lease: Key,
}

impl Office {
    fn over(over: &Key) -> Result<Self, KeyError> {
        Ok(Self {
            term: Key::new(format!("leadership/{over}/term"))?,
            lease: Key::new(format!("leadership/{over}/lease"))?,
        })
    }
}

/// One that wants to lead, and does from time to time. It decides only; its owner lists, commits
/// and reads the clock:
///
/// 1. list [`prefix`](Self::prefix), *then* read the clock, and [`consider`](Self::consider);
/// 2. if that gives a commit: read the clock, *then* commit, and tell what became of it
///    ([`decided`](Self::decided)); after an error, go on with 1;
/// 3. again at [`due`](Self::due), or when a watch says that something changed.
///
/// **Why it is sound.** No clock is compared with another. A leader counts its lease from before it
/// asked for it. A follower counts the same length from when it had seen that lease, which is later,
/// and then takes over only if the lease is still the one that it saw. Clocks may be apart by any
/// amount, but must run equally fast; a leader that begins nothing which its lease may not outlast
/// has room to spare.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    office: Office,
    who: Key,
    length: Duration,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    /// Nothing is known yet.
    Outside,
    /// Another leads, or did: since when this very lease was seen, and how long it lasts.
    Follower {
        lease: Revision,
        seen: Time,
        length: Duration,
    },
    /// It leads. The lease counts from when it was asked for.
    Leader { term: Term, asked: Time },
}

impl Candidate {
    /// One that wants to lead over that part (a pool, a shared array).
    ///
    /// `who` is unlike any other candidate and any earlier start of the same: `controller-a/17`.
    /// The lease lasts `length`, to the millisecond.
    pub fn new(over: &Key, who: Key, length: Duration) -> Result<Self, KeyError> {
        Ok(Self {
            office: Office::over(over)?,
            who,
            length,
            place: Place::Outside,
        })
    }

    /// What to list and watch.
    pub fn prefix(over: &Key) -> Result<Prefix, KeyError> {
        Ok(Prefix::below(&Key::new(format!("leadership/{over}"))?))
    }

    /// What to commit now, given what the store holds: a bid, a renewal, or nothing yet.
    pub fn consider(&mut self, now: Time, listing: &Listing) -> Option<Txn> {
        let term = listing.entries.get(&self.office.term);
        let Some(lease) = listing.entries.get(&self.office.lease) else {
            self.place = Place::Outside;
            return Some(self.bid(term, None));
        };
        match term {
            Some(term) if term.value == Value::from(&self.who) => self.go_on(now, term, lease),
            _ => self.follow(now, term, lease),
        }
    }

    /// Says what became of a commit that [`consider`](Self::consider) gave, and when it was sent.
    pub fn decided(&mut self, asked: Time, outcome: &Outcome) {
        match (outcome, &mut self.place) {
            (Outcome::Conflict(_), place) => *place = Place::Outside,
            (Outcome::Committed(_), Place::Leader { asked: at, .. }) => *at = asked,
            (Outcome::Committed(revision), place) => {
                let term = Term {
                    key: self.office.term.clone(),
                    revision: *revision,
                    leader: self.who.to_string(),
                };
                *place = Place::Leader { term, asked };
            }
        }
    }

    /// The term, while the lease lasts.
    pub fn leads(&self, now: Time) -> Option<&Term> {
        match &self.place {
            Place::Leader { term, .. } if now < self.leads_until() => Some(term),
            _ => None,
        }
    }

    /// When the lease ends; the epoch if there is none. A leader gives something only if the call
    /// that gives it ends before.
    pub fn leads_until(&self) -> Time {
        match &self.place {
            Place::Leader { asked, .. } => *asked + self.length,
            Place::Outside | Place::Follower { .. } => Time::EPOCH,
        }
    }

    /// When to consider again at the latest: a leader renews after a third of its lease.
    pub fn due(&self) -> Time {
        match &self.place {
            Place::Outside => Time::EPOCH,
            Place::Follower { seen, length, .. } => *seen + *length,
            Place::Leader { asked, .. } => *asked + self.length / 3,
        }
    }

    /// Leads no longer in its term, but wants to lead in a new one, in which nothing happens any
    /// more that was sent in this one and not answered. An answer that is still awaited is not told.
    pub fn begin_anew(&mut self) {
        self.place = Place::Outside;
    }

    /// Stands no longer; the commit lets others take over at once. Whoever wants to lead again does
    /// so under another `who`: this commit may still be under way.
    pub fn resign(self) -> Option<Txn> {
        match self.place {
            Place::Leader { term, .. } => Some(term.guard(Txn::new().delete(self.office.lease))),
            Place::Outside | Place::Follower { .. } => None,
        }
    }

    /// The latest term is its own. If it does not lead in it (its lease has ended, or the answer to
    /// its bid was lost), it begins a new one: what it sent when it led may still be under way.
    fn go_on(&mut self, now: Time, term: &Entry, lease: &Entry) -> Option<Txn> {
        let latest = Term::of(&self.office, term);
        if self.leads(now) != Some(&latest) {
            self.place = Place::Outside;
            return Some(self.bid(Some(term), Some(lease)));
        }
        let renewal = Txn::new().put(self.office.lease.clone(), self.length_as_value());
        (now >= self.due()).then(|| latest.guard(renewal))
    }

    fn follow(&mut self, now: Time, term: Option<&Entry>, lease: &Entry) -> Option<Txn> {
        match &self.place {
            Place::Follower { lease: known, .. } if *known == lease.revision => {}
            _ => {
                self.place = Place::Follower {
                    lease: lease.revision,
                    seen: now,
                    length: self.length_of(lease),
                }
            }
        }
        (now >= self.due()).then(|| self.bid(term, Some(lease)))
    }

    fn bid(&self, term: Option<&Entry>, lease: Option<&Entry>) -> Txn {
        let as_seen = |entry: Option<&Entry>| {
            entry.map_or(Expected::Absent, |entry| Expected::At(entry.revision))
        };
        Txn::new()
            .expect(self.office.term.clone(), as_seen(term))
            .expect(self.office.lease.clone(), as_seen(lease))
            .put(self.office.term.clone(), Value::from(&self.who))
            .put(self.office.lease.clone(), self.length_as_value())
    }

    fn length_as_value(&self) -> Value {
        let milliseconds = u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX);
        Value::from_text(&milliseconds.to_string())
    }

    /// How long that lease lasts, but never shorter than one's own, so that an unreadable one is
    /// not cut short.
    fn length_of(&self, lease: &Entry) -> Duration {
        let text = std::str::from_utf8(lease.value.bytes()).unwrap_or_default();
        let recorded = text.parse().map_or(Duration::ZERO, Duration::from_millis);
        recorded.max(self.length)
    }
}

#[cfg(test)]
mod tests;
