//! Several controllers on one store: one leads, the others follow.
//!
//! The store's term stops the commits of a controller that was paused and led no longer; it does not
//! stop its calls to devices. So a leader **gives** only while its lease outlasts the call, and a new
//! leader waits until whatever its predecessor gave has taken effect or never will. Everything else
//! only has to begin before the lease ends: a late one cannot give anybody anything.

use std::sync::Arc;
use std::time::Duration;

use coldspare_names::Time;
use coldspare_store::{Candidate, Key, KeyError, Prefix, Store, Term, Txn};
use tokio::sync::{Notify, watch};
use tokio::time::sleep_until;

use crate::clock::Clock;

/// How often a follower looks whether there still is a leader.
const LOOK: Duration = Duration::from_millis(500);

/// Where a controller stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It leads nobody, and does not know who does.
    Outside,
    /// Another one leads.
    Follows {
        /// Who.
        leader: String,
    },
    /// It leads.
    Leads(Tenure),
}

impl Standing {
    /// The term in which it leads, if it does.
    pub fn term(&self) -> Option<&Term> {
        match self {
            Self::Leads(tenure) => Some(&tenure.term),
            Self::Outside | Self::Follows { .. } => None,
        }
    }
}

/// A time in office, as the leader itself counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// The term: what every commit expects.
    pub term: Term,
    /// Since when it leads.
    pub began: Time,
    /// Until when it leads, unless the lease is renewed before.
    pub until: Time,
}

impl Tenure {
    /// Whether a call that gives something may begin now, given how long it may take, and how long
    /// any such call of a predecessor may take to have its effect after it was given up.
    pub fn may_give(&self, now: Time, limit: Duration, longest: Duration) -> bool {
        now >= self.began + longest && now + limit < self.until
    }
}

/// What a controller is led by that leads in one term: its commits expect the term, and it begins
/// only what the lease allows.
#[derive(Debug, Clone)]
pub struct Lease {
    term: Term,
    standing: watch::Receiver<Standing>,
    clock: Clock,
}

impl Lease {
    /// The lease of whoever leads now.
    pub fn of(standing: watch::Receiver<Standing>, clock: Clock) -> Option<Self> {
        let term = standing.borrow().term().cloned()?;
        Some(Self {
            term,
            standing,
            clock,
        })
    }

    /// Ends when the term is over.
    pub async fn lost(&mut self) {
        let term = &self.term;
        let over = |standing: &Standing| standing.term() != Some(term);
        // Nobody stands any more: that is the end of it too.
        let _ = self.standing.wait_for(over).await;
    }

    pub(crate) fn guard(&self, txn: Txn) -> Txn {
        self.term.guard(txn)
    }

    /// Waits until something may begin that the lease has to outlast by so much, and so long after
    /// the term began. Never, if the term is over.
    pub(crate) async fn may_begin(&mut self, limit: Duration, wait: Duration) {
        loop {
            let now = self.clock.now();
            let due = match &*self.standing.borrow_and_update() {
                Standing::Leads(tenure) if tenure.term == self.term => {
                    if tenure.may_give(now, limit, wait) {
                        return;
                    }
                    tenure.began + wait
                }
                _ => Time::NEVER,
            };
            tokio::select! {
                // Shown anew with every renewal. Nobody stands any more: it never is.
                shown = self.standing.changed() => if shown.is_err() {
                    std::future::pending::<()>().await;
                },
                // The calls of a predecessor have come to an end.
                () = sleep_until(self.clock.instant(due)), if due > now => {}
            }
        }
    }
}

/// One of several controllers, as it stands for leadership.
#[derive(Debug)]
pub struct Contest {
    store: Arc<dyn Store>,
    prefix: Prefix,
    over: Key,
    who: Key,
    candidate: Candidate,
    clock: Clock,
    standing: watch::Sender<Standing>,
    anew: Arc<Notify>,
}

impl Contest {
    /// Stands for leadership over a part of the store; `who` is unlike any other controller and any
    /// earlier start of the same one. A lease lasts `length`.
    pub fn new(
        store: Arc<dyn Store>,
        over: Key,
        who: Key,
        length: Duration,
        clock: Clock,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            store,
            prefix: Candidate::prefix(&over)?,
            candidate: Candidate::new(&over, who.clone(), length)?,
            over,
            who,
            clock,
            standing: watch::Sender::new(Standing::Outside),
            anew: Arc::default(),
        })
    }

    /// Where it stands, as that changes.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Notified, it ends its term and begins another one. So a controller that breaks off what it has
    /// under way is followed by one of the same process as by one of any other: no commit that was
    /// not answered happens any more, and the calls of devices are waited out.
    pub fn anew(&self) -> Arc<Notify> {
        self.anew.clone()
    }

    /// Leads whenever it can, until it is told to stop; then others can take over at once. Whoever
    /// is led by it must have ended before.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let anew = self.anew();
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = anew.notified() => {
                    self.candidate.begin_anew();
                    self.show(Standing::Outside);
                }
                () = lapse(self.standing(), self.clock) => self.show(Standing::Outside),
                () = self.round() => {}
            }
        }
        if let Some(resignation) = self.candidate.resign() {
            // It is not known to have happened: then the lease runs out.
            let _ = self.store.commit(&resignation).await;
        }
    }

    /// Looks once, and rests until it is time to look again.
    async fn round(&mut self) {
        if let Err(error) = self.look().await {
            tracing::warn!(%error, "the store does not tell who leads");
            if matches!(*self.standing.borrow(), Standing::Follows { .. }) {
                self.show(Standing::Outside);
            }
        }
        let due = self.candidate.due().min(self.clock.now() + LOOK);
        let due = due.max(self.clock.now() + LOOK / 10);
        sleep_until(self.clock.instant(due)).await;
    }

    async fn look(&mut self) -> Result<(), coldspare_store::Error> {
        let listing = self.store.list(&self.prefix).await?;
        let now = self.clock.now();
        if let Some(bid) = self.candidate.consider(now, &listing) {
            let asked = self.clock.now();
            let outcome = self.store.commit(&bid).await?;
            self.candidate.decided(asked, &outcome);
        }
        let now = self.clock.now();
        let standing = match self.candidate.leads(now) {
            Some(term) => Standing::Leads(Tenure {
                term: term.clone(),
                began: self.began(term).unwrap_or(now),
                until: self.candidate.leads_until(),
            }),
            None => match Term::latest(&self.over, &listing) {
                Ok(Some(term)) if term.leader() != self.who.as_str() => Standing::Follows {
                    leader: term.leader().to_owned(),
                },
                _ => Standing::Outside,
            },
        };
        self.show(standing);
        Ok(())
    }

    /// Since when it leads in that term.
    fn began(&self, term: &Term) -> Option<Time> {
        match &*self.standing.borrow() {
            Standing::Leads(tenure) if tenure.term == *term => Some(tenure.began),
            _ => None,
        }
    }

    fn show(&self, standing: Standing) {
        self.standing.send_if_modified(|shown| {
            let differs = *shown != standing;
            *shown = standing;
            differs
        });
    }
}

/// Ends when the lease does, unless it is renewed before.
async fn lapse(mut standing: watch::Receiver<Standing>, clock: Clock) {
    loop {
        let until = match &*standing.borrow_and_update() {
            Standing::Leads(tenure) => tenure.until,
            Standing::Outside | Standing::Follows { .. } => Time::NEVER,
        };
        tokio::select! {
            biased;
            Ok(()) = standing.changed() => {}
            () = sleep_until(clock.instant(until)) => return,
        }
    }
}

#[cfg(test)]
mod tests;
