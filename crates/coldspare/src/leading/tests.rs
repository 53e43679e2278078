use coldspare_store::{Expected, MemoryStore, Outcome, Value};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;

const LENGTH: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(22);

struct Stands {
    standing: watch::Receiver<Standing>,
    anew: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    clock: Clock,
}

impl Stands {
    fn on(store: &MemoryStore, who: &str) -> Self {
        Self::with_lease(store, who, LENGTH)
    }

    fn with_lease(store: &MemoryStore, who: &str, length: Duration) -> Self {
        let over = Key::new("controller").unwrap();
        let who = Key::new(who).unwrap();
        let clock = Clock::showing(Time::EPOCH);
        let contest = Contest::new(Arc::new(store.clone()), over, who, length, clock).unwrap();
        let (standing, anew) = (contest.standing(), contest.anew());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(contest.run(async {
            let _ = stopped.await;
        }));
        Self {
            standing,
            anew,
            stop: Some(stop),
            task,
            clock,
        }
    }

    async fn leads_within(&mut self, limit: Duration) -> Lease {
        let leads = self.standing.wait_for(|standing| standing.term().is_some());
        let leads = tokio::time::timeout(limit, leads).await;
        drop(leads.expect("it leads").unwrap());
        Lease::of(self.standing.clone(), self.clock).unwrap()
    }

    fn follows(&self, who: &str) -> bool {
        matches!(&*self.standing.borrow(), Standing::Follows { leader } if leader == who)
    }
}

async fn write(store: &MemoryStore, lease: &Lease) -> Outcome {
    let key = Key::new("record").unwrap();
    let txn = lease.guard(Txn::new().put(key, Value::new("x").unwrap()));
    store.commit(&txn).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_follower_takes_over_within_the_lease_and_the_old_leader_can_write_nothing() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (Stands::on(&store, "a/1"), Stands::on(&store, "b/1"));
    let old = a.leads_within(Duration::from_secs(1)).await;
    sleep(Duration::from_secs(5)).await;
    assert!(b.follows("a/1"));
    assert!(matches!(write(&store, &old).await, Outcome::Committed(_)));
    // Killed: nothing says so.
    a.task.abort();
    let new = b.leads_within(LENGTH + Duration::from_secs(1)).await;
    assert!(matches!(write(&store, &old).await, Outcome::Conflict(_)));
    assert!(matches!(write(&store, &new).await, Outcome::Committed(_)));
}

#[tokio::test(start_paused = true)]
async fn who_stops_lets_another_lead_at_once() {
    let store = MemoryStore::new();
    let (mut a, mut b) = (Stands::on(&store, "a/1"), Stands::on(&store, "b/1"));
    let mut old = a.leads_within(Duration::from_secs(1)).await;
    sleep(Duration::from_secs(5)).await;
    a.stop.take().unwrap().send(()).unwrap();
    b.leads_within(Duration::from_secs(1)).await;
    old.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_reach_the_store_knows_when_its_lease_has_ended() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut lease = a.leads_within(Duration::from_secs(1)).await;
    store.set_faults(coldspare_store::Faults {
        answer_after: Duration::from_hours(1),
        ..coldspare_store::Faults::default()
    });
    let before = a.clock.now();
    lease.lost().await;
    assert!(a.clock.now() - before <= LENGTH);
    assert_eq!(*a.standing.borrow(), Standing::Outside);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_renews_its_lease_at_the_last_moment_goes_on_leading() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut lease = a.leads_within(Duration::from_secs(1)).await;
    store.set_faults(coldspare_store::Faults {
        unreachable: true,
        ..coldspare_store::Faults::default()
    });
    sleep(LENGTH.saturating_sub(LOOK / 5)).await;
    store.set_faults(coldspare_store::Faults {
        answer_after: Duration::from_millis(10),
        ..coldspare_store::Faults::default()
    });
    let lost = tokio::time::timeout(LENGTH, lease.lost()).await;
    assert!(lost.is_err(), "it was renewed in time");
}

#[tokio::test(start_paused = true)]
async fn who_leads_again_after_its_lease_was_over_leads_in_a_new_term() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut old = a.leads_within(Duration::from_secs(1)).await;
    let unreachable = coldspare_store::Faults {
        unreachable: true,
        ..coldspare_store::Faults::default()
    };
    store.set_faults(unreachable);
    old.lost().await;
    store.set_faults(coldspare_store::Faults::default());
    let new = a.leads_within(Duration::from_secs(1)).await;
    assert!(matches!(write(&store, &old).await, Outcome::Conflict(_)));
    assert!(matches!(write(&store, &new).await, Outcome::Committed(_)));
}

#[tokio::test(start_paused = true)]
async fn nobody_follows_itself() {
    let store = MemoryStore::new();
    let mut a = Stands::with_lease(&store, "a/1", Duration::ZERO);
    let follows = |standing: &Standing| matches!(standing, Standing::Follows { .. });
    let follows = tokio::time::timeout(LENGTH, a.standing.wait_for(follows)).await;
    assert!(follows.is_err(), "its lease is always over");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_gives_only_after_the_longest_call_of_its_predecessor() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut lease = a.leads_within(Duration::from_secs(1)).await;
    let before = a.clock.now();
    lease.may_begin(LIMIT, LIMIT).await;
    // It looks twice a second, and began to lead a moment before it was seen to.
    let waited = a.clock.now() - before;
    assert!(waited + LOOK >= LIMIT && waited < LIMIT + LENGTH / 3 + LOOK);
}

#[tokio::test(start_paused = true)]
async fn who_begins_anew_does_so_in_a_new_term_and_waits_for_the_calls_of_the_one_before() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut lease = a.leads_within(Duration::from_secs(1)).await;
    lease.may_begin(LIMIT, LIMIT).await;
    let before = a.clock.now();
    lease.may_begin(LIMIT, LIMIT).await;
    assert_eq!(a.clock.now(), before, "it has waited");
    a.anew.notify_one();
    lease.lost().await;
    let mut new = a.leads_within(Duration::from_secs(1)).await;
    assert!(matches!(write(&store, &lease).await, Outcome::Conflict(_)));
    assert!(matches!(write(&store, &new).await, Outcome::Committed(_)));
    new.may_begin(LIMIT, LIMIT).await;
    let waited = a.clock.now() - before;
    assert!(waited >= LIMIT && waited < LIMIT + LENGTH / 3 + LOOK);
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_after_the_lease() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut lease = a.leads_within(Duration::from_secs(1)).await;
    let before = a.clock.now();
    lease.may_begin(Duration::ZERO, Duration::ZERO).await;
    assert_eq!(a.clock.now(), before, "what gives nothing waits for nobody");
    // It sleeps, and nobody tells the lease that it is over.
    a.task.abort();
    sleep(LENGTH).await;
    let begins = lease.may_begin(Duration::ZERO, Duration::ZERO);
    let begins = tokio::time::timeout(LENGTH, begins).await;
    assert!(begins.is_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_given_that_the_lease_may_not_outlast() {
    let store = MemoryStore::new();
    let mut a = Stands::on(&store, "a/1");
    let mut lease = a.leads_within(Duration::from_secs(1)).await;
    let gives = tokio::time::timeout(LENGTH * 20, lease.may_begin(LENGTH, LIMIT)).await;
    assert!(gives.is_err(), "it is as long as the lease");
    a.task.abort();
    let gives = tokio::time::timeout(LENGTH * 20, lease.may_begin(LIMIT, LIMIT)).await;
    assert!(gives.is_err(), "nobody renews the lease");
}

#[test]
fn a_call_that_gives_fits_into_the_lease_whole() {
    let key = Key::new("leadership/controller/term").unwrap();
    let entry = coldspare_store::Entry {
        value: Value::new("a/1").unwrap(),
        revision: coldspare_store::Revision::new(7),
    };
    let listing = coldspare_store::Listing {
        revision: coldspare_store::Revision::new(7),
        entries: [(key.clone(), entry)].into(),
    };
    let over = Key::new("controller").unwrap();
    let term = Term::latest(&over, &listing).unwrap().unwrap();
    let expected = term.guard(Txn::new());
    assert_eq!(
        expected.expectations().get(&key),
        Some(&Expected::At(coldspare_store::Revision::new(7)))
    );
    let at = |seconds| Time::after_epoch(Duration::from_secs(seconds));
    let tenure = Tenure {
        term,
        began: at(100),
        until: at(150),
    };
    assert!(!tenure.may_give(at(121), LIMIT, LIMIT), "too early");
    assert!(tenure.may_give(at(122), LIMIT, LIMIT));
    assert!(tenure.may_give(at(127), LIMIT, LIMIT));
    assert!(!tenure.may_give(at(128), LIMIT, LIMIT), "too late");
}
