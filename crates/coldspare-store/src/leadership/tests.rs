use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{Faults, MemoryStore, Store};

const LEASE: Duration = Duration::from_secs(5);

fn pool() -> Key {
    Key::new("pool/exchange").unwrap()
}

fn candidate(who: &str) -> Candidate {
    Candidate::new(&pool(), Key::new(who).unwrap(), LEASE).unwrap()
}

fn at(seconds: u64) -> Time {
    Time::after_epoch(Duration::from_secs(seconds))
}

async fn look(store: &MemoryStore) -> Listing {
    let prefix = Candidate::prefix(&pool()).unwrap();
    store.list(&prefix).await.unwrap()
}

/// One round of a candidate whose calls take no time.
async fn attend(candidate: &mut Candidate, store: &MemoryStore, now: Time) {
    let listing = look(store).await;
    if let Some(txn) = candidate.consider(now, &listing)
        && let Ok(outcome) = store.commit(&txn).await
    {
        candidate.decided(now, &outcome);
    }
}

async fn write(term: &Term, store: &MemoryStore) -> Outcome {
    let record = Key::new("pool/exchange/record").unwrap();
    let txn = Txn::new().put(record, Value::new("x").unwrap());
    store.commit(&term.guard(txn)).await.unwrap()
}

#[tokio::test]
async fn the_first_leads_and_the_second_waits() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (candidate("a/1"), candidate("b/1"));
    attend(&mut a, &store, at(100)).await;
    attend(&mut b, &store, at(0)).await;
    assert_eq!(a.leads(at(104)).unwrap().leader(), "a/1");
    assert_eq!(a.leads(at(105)), None, "its lease is over");
    assert_eq!(b.leads(at(0)), None);
    assert_eq!(b.due(), at(5), "by its own clock, which is far off");
    let latest = Term::latest(&pool(), &look(&store).await).unwrap().unwrap();
    assert_eq!(a.leads(at(100)), Some(&latest));
}

#[tokio::test]
async fn a_leader_that_renews_goes_on_leading() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (candidate("a/1"), candidate("b/1"));
    attend(&mut a, &store, at(0)).await;
    let term = a.leads(at(0)).cloned();
    for second in 1..60 {
        attend(&mut a, &store, at(second)).await;
        attend(&mut b, &store, at(second)).await;
        assert_eq!(a.leads(at(second)).cloned(), term);
        assert_eq!(b.leads(at(second)), None);
    }
}

#[tokio::test]
async fn a_paused_leader_is_succeeded_and_can_write_nothing_when_it_wakes() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (candidate("a/1"), candidate("b/1"));
    attend(&mut a, &store, at(0)).await;
    let old = a.leads(at(0)).unwrap().clone();
    attend(&mut b, &store, at(1)).await;
    attend(&mut b, &store, at(5)).await;
    assert_eq!(
        b.leads(at(5)),
        None,
        "a whole lease has not passed since it was seen"
    );
    attend(&mut b, &store, at(6)).await;
    let new = b.leads(at(6)).unwrap().clone();
    assert!(new.number() > old.number());
    assert!(matches!(write(&old, &store).await, Outcome::Conflict(_)));
    assert!(matches!(write(&new, &store).await, Outcome::Committed(_)));
    attend(&mut a, &store, at(7)).await;
    assert_eq!(a.leads(at(7)), None);
}

#[tokio::test]
async fn a_bid_is_refused_when_the_leader_renewed_meanwhile() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (candidate("a/1"), candidate("b/1"));
    attend(&mut a, &store, at(0)).await;
    attend(&mut b, &store, at(0)).await;
    let stale = look(&store).await;
    attend(&mut a, &store, at(4)).await;
    let bid = b.consider(at(5), &stale).unwrap();
    let outcome = store.commit(&bid).await.unwrap();
    assert!(matches!(outcome, Outcome::Conflict(_)));
    b.decided(at(5), &outcome);
    assert!(a.leads(at(5)).is_some() && b.leads(at(5)).is_none());
}

#[tokio::test]
async fn who_resigns_is_succeeded_at_once() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (candidate("a/1"), candidate("b/1"));
    attend(&mut a, &store, at(0)).await;
    attend(&mut b, &store, at(1)).await;
    store.commit(&a.resign().unwrap()).await.unwrap();
    attend(&mut b, &store, at(1)).await;
    assert!(b.leads(at(1)).is_some());
}

#[tokio::test]
async fn a_bid_whose_answer_was_lost_gives_a_term_and_then_a_lease() {
    let store = MemoryStore::new();
    let mut a = candidate("a/1");
    store.set_faults(Faults {
        loses_answers: true,
        ..Faults::default()
    });
    let bid = a.consider(at(0), &Listing::default()).unwrap();
    store.commit(&bid).await.unwrap_err();
    assert_eq!(a.leads(at(0)), None);
    store.set_faults(Faults::default());
    attend(&mut a, &store, at(1)).await;
    assert!(a.leads(at(1)).is_some());
    assert_eq!(a.leads_until(), at(6));
}

#[tokio::test]
async fn what_was_sent_before_the_lease_ended_never_happens_once_the_same_leads_again() {
    let store = MemoryStore::new();
    let mut a = candidate("a/1");
    attend(&mut a, &store, at(0)).await;
    let old = a.leads(at(0)).unwrap().clone();
    attend(&mut a, &store, at(5)).await;
    let new = a.leads(at(5)).unwrap().clone();
    assert!(new.number() > old.number());
    assert!(matches!(write(&old, &store).await, Outcome::Conflict(_)));
    assert!(matches!(write(&new, &store).await, Outcome::Committed(_)));
}

#[tokio::test]
async fn pools_have_leaders_of_their_own() {
    let store = MemoryStore::new();
    let mut a = candidate("a/1");
    attend(&mut a, &store, at(0)).await;
    let other = Key::new("pool/web").unwrap();
    let mut b = Candidate::new(&other, Key::new("b/1").unwrap(), LEASE).unwrap();
    let listing = store
        .list(&Candidate::prefix(&other).unwrap())
        .await
        .unwrap();
    let bid = b.consider(at(0), &listing).unwrap();
    let outcome = store.commit(&bid).await.unwrap();
    b.decided(at(0), &outcome);
    assert!(a.leads(at(1)).is_some() && b.leads(at(1)).is_some());
}

/// What happens to the candidates.
#[derive(Debug, Clone)]
enum Event {
    /// Time passes.
    Pass(u64),
    /// One lists; what it saw is considered later, after whatever comes between.
    List(usize),
    /// One considers what it listed, and sends the commit, if any. An earlier one that was not
    /// answered may still be under way.
    Consider(usize),
    /// One lists, considers and commits, and all is answered at once.
    Attend(usize),
    /// A commit under way reaches the store; the answer is told or lost.
    Land(usize, bool),
    /// One wants a new term, and awaits no answer any more.
    BeginAnew(usize),
    /// One resigns, and stands again under another name.
    Resign(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let who = || 0..3usize;
    let event = prop_oneof![
        2 => (0..3000u64).prop_map(Event::Pass),
        3 => who().prop_map(Event::List),
        3 => who().prop_map(Event::Consider),
        3 => who().prop_map(Event::Attend),
        3 => (0..4usize, any::<bool>()).prop_map(|(which, told)| Event::Land(which, told)),
        1 => who().prop_map(Event::BeginAnew),
        1 => who().prop_map(Event::Resign),
    ];
    proptest::collection::vec(event, 1..200)
}

struct Actor {
    candidate: Candidate,
    starts: usize,
    /// How far its clock is ahead.
    ahead: Duration,
    listed: Option<Listing>,
    /// The term in which it leads, or did until it was over.
    leads: Option<u64>,
}

/// A commit under way: whose it is, from which of its starts, and when it was sent.
struct Sent {
    who: usize,
    start: usize,
    asked: Time,
    txn: Txn,
}

struct World {
    store: MemoryStore,
    now: Time,
    actors: Vec<Actor>,
    sent: Vec<Sent>,
    /// Terms that were over for their leaders when they stood again.
    over: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        let actor = |number: u64| Actor {
            candidate: candidate(&format!("{number}/0")),
            starts: 0,
            ahead: Duration::from_secs(number * 1000),
            listed: None,
            leads: None,
        };
        Self {
            store: MemoryStore::new(),
            now: Time::EPOCH,
            actors: (0..3).map(actor).collect(),
            sent: Vec::new(),
            over: BTreeSet::new(),
        }
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Pass(milliseconds) => self.now = self.now + Duration::from_millis(milliseconds),
            Event::List(who) => self.actors[who].listed = Some(look(&self.store).await),
            Event::Consider(who) => {
                self.stand(who);
                let actor = &mut self.actors[who];
                let clock = self.now + actor.ahead;
                let listing = actor.listed.take();
                let txn = listing.and_then(|listing| actor.candidate.consider(clock, &listing));
                self.send(who, clock, txn);
            }
            Event::Attend(who) => {
                self.stand(who);
                let actor = &mut self.actors[who];
                attend(&mut actor.candidate, &self.store, self.now + actor.ahead).await;
            }
            Event::Land(which, told) if which < self.sent.len() => {
                let sent = self.sent.remove(which);
                let outcome = self.store.commit(&sent.txn).await.unwrap();
                let given_up = self.sent[which..].iter().any(|later| later.who == sent.who);
                let actor = &mut self.actors[sent.who];
                if told && !given_up && sent.start == actor.starts {
                    actor.candidate.decided(sent.asked, &outcome);
                }
            }
            Event::Land(..) => {}
            Event::BeginAnew(who) => {
                self.actors[who].candidate.begin_anew();
                self.actors[who].starts += 1;
            }
            Event::Resign(who) => {
                let actor = &mut self.actors[who];
                let next = candidate(&format!("{who}/{}", actor.starts + 1));
                let resigned = std::mem::replace(&mut actor.candidate, next).resign();
                self.send(who, Time::EPOCH, resigned);
                self.actors[who].starts += 1;
            }
        }
    }

    fn send(&mut self, who: usize, asked: Time, txn: Option<Txn>) {
        let start = self.actors[who].starts;
        self.sent.extend(txn.map(|txn| Sent {
            who,
            start,
            asked,
            txn,
        }));
    }

    /// Whoever does not lead when it stands has left its term for good.
    fn stand(&mut self, who: usize) {
        let actor = &mut self.actors[who];
        if actor.candidate.leads(self.now + actor.ahead).is_none() {
            self.over.extend(actor.leads.take());
        }
    }

    /// Whether one leads in a term that was over for it.
    fn leads_again(&mut self) -> bool {
        for actor in &mut self.actors {
            let term = actor.candidate.leads(self.now + actor.ahead);
            actor.leads = term.map(Term::number).or(actor.leads);
        }
        let mut terms = self.actors.iter().filter_map(|actor| actor.leads);
        terms.any(|term| self.over.contains(&term))
    }

    fn leaders(&self) -> Vec<&Term> {
        let leads = |actor: &'_ Actor| self.now + actor.ahead;
        let actors = self.actors.iter();
        actors
            .filter_map(|actor| actor.candidate.leads(leads(actor)))
            .collect()
    }
}

proptest! {
    #[test]
    fn never_do_two_lead_nor_one_again_in_a_term_that_was_over_whatever_is_slow_lost_or_late(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut world = World::new();
        for event in events {
            runtime.block_on(world.happen(event));
            prop_assert!(world.leaders().len() <= 1, "{:?}", world.leaders());
            prop_assert!(!world.leads_again(), "{:?}", world.leaders());
        }
    }
}
