//! Candidates on a real store, on real time: do two ever lead?

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coldspare_names::Time;
use coldspare_store::{Candidate, Key, Prefix, Store, Term, Txn, Value};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long nobody does anything before looking again.
const TURN: Duration = Duration::from_millis(10);

/// One that leads, as far as it knows.
#[derive(Debug, Clone)]
struct Reign {
    who: usize,
    from: Time,
    until: Time,
}

#[derive(Debug, Clone)]
struct Rivalry {
    start: Instant,
    reigns: Arc<Mutex<Vec<Reign>>>,
}

/// Lets one candidate for each of these handles of a store rival. Each that leads falls asleep for
/// longer than its lease at times, and tries to write under its old term when it wakes.
pub(crate) async fn rival(stores: &[Arc<dyn Store>], lease: Duration, length: Duration) {
    let rivalry = Rivalry {
        start: clock(),
        reigns: Arc::default(),
    };
    let mut candidates = JoinSet::new();
    for (who, store) in stores.iter().enumerate() {
        candidates.spawn(rivalry.clone().stand(who, store.clone(), lease, length));
    }
    candidates.join_all().await;

    let mut reigns = rivalry.reigns.lock().unwrap().clone();
    reigns.sort_by_key(|reign| reign.from);
    let changes = reigns.windows(2).filter(|pair| pair[0].who != pair[1].who);
    assert!(changes.count() > 0, "nobody was succeeded: {reigns:?}");
    for (at, reign) in reigns.iter().enumerate() {
        let others = reigns[at + 1..]
            .iter()
            .filter(|other| other.who != reign.who);
        for other in others {
            assert!(other.from >= reign.until, "both led: {reign:?}, {other:?}");
        }
    }
    written_in_order_of_terms(&*stores[0]).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "leases on a real store last real time"
)]
fn clock() -> Instant {
    Instant::now()
}

fn pool() -> Key {
    Key::new("pool/rivals").unwrap()
}

fn record(number: usize) -> Key {
    Key::new(format!("record/{number}")).unwrap()
}

impl Rivalry {
    fn now(&self) -> Time {
        Time::after_epoch(clock() - self.start)
    }

    async fn stand(self, who: usize, store: Arc<dyn Store>, lease: Duration, length: Duration) {
        let name = Key::new(format!("rival-{who}/1")).unwrap();
        let mut candidate = Candidate::new(&pool(), name, lease).unwrap();
        let mut turns = 0;
        while self.now() < Time::after_epoch(length) {
            sleep(TURN).await;
            self.attend(&mut candidate, &*store).await;
            let now = self.now();
            let Some(term) = candidate.leads(now).cloned() else {
                continue;
            };
            let until = candidate.leads_until();
            self.reigns.lock().unwrap().push(Reign {
                who,
                from: now,
                until,
            });
            turns += 1;
            if turns % 20 == 0 {
                sleep(lease * 2).await;
            }
            // Refused, or not answered: either is right for one that slept.
            let _ = store.commit(&term.guard(note(&term))).await;
        }
    }

    async fn attend(&self, candidate: &mut Candidate, store: &dyn Store) {
        let prefix = Candidate::prefix(&pool()).unwrap();
        let Ok(listing) = store.list(&prefix).await else {
            return;
        };
        if let Some(txn) = candidate.consider(self.now(), &listing) {
            let asked = self.now();
            if let Ok(outcome) = store.commit(&txn).await {
                candidate.decided(asked, &outcome);
            }
        }
    }
}

/// What a leader writes: its term, into an entry of its own term.
fn note(term: &Term) -> Txn {
    let number = usize::try_from(term.number()).unwrap();
    Txn::new().put(record(number), Value::new(term.leader()).unwrap())
}

/// No leader wrote after its successor began.
async fn written_in_order_of_terms(store: &dyn Store) {
    let below = Prefix::below(&Key::new("record").unwrap());
    let written = store.list(&below).await.unwrap();
    let mut last: Vec<(u64, u64)> = Vec::new();
    for (key, entry) in &written.entries {
        let term = key.as_str().trim_start_matches("record/").parse().unwrap();
        last.push((term, entry.revision.number()));
    }
    last.sort_unstable();
    for pair in last.windows(2) {
        assert!(
            pair[0].1 < pair[1].0,
            "written under a term that was over: {last:?}"
        );
    }
    assert!(!last.is_empty(), "no leader ever wrote");
}
