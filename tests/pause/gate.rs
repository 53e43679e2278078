//! The gate between a controller and everything else. It counts the controller's calls, and puts it
//! to sleep at any one of them.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// How late a call may have its effect that had left: its caller waits for at most one limit, and
/// it lands at most one limit after that.
const LATEST: Duration = Duration::from_secs(38);

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It commits something to the store.
    Records,
    Looks,
    Changes,
    /// It changes the power of a server, or what its NIC remembers.
    Switches,
    /// It moves an application's work elsewhere.
    Drains,
    /// It changes something so that a server can act as a persona.
    Gives,
}

/// When the call at which a controller falls asleep has its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lands {
    /// At once: only its answer finds nobody.
    AtOnce,
    /// As late as a call may that had left.
    Late,
    /// When the controller wakes: it had not left yet.
    OnWaking,
}

/// At which of its calls a controller falls asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sleep {
    pub(crate) at: usize,
    pub(crate) lands: Lands,
}

/// What a controller's calls pass.
#[derive(Debug)]
pub(crate) struct Gate {
    asleep: watch::Sender<bool>,
    /// How many calls it has made that change something, and how many that give.
    changes: watch::Sender<(usize, usize)>,
    kept: Mutex<Kept>,
    /// Whoever led before.
    predecessor: Option<Arc<Gate>>,
}

#[derive(Debug, Default)]
struct Kept {
    calls: Vec<Kind>,
    sleeps: Option<Sleep>,
    /// Calls that have left and have not had their effect yet.
    under_way: usize,
    /// Somebody else leads since.
    overtaken: bool,
    found: Vec<String>,
}

impl Gate {
    pub(crate) fn new(predecessor: Option<Arc<Gate>>) -> Arc<Self> {
        Arc::new(Self {
            asleep: watch::Sender::new(false),
            changes: watch::Sender::default(),
            kept: Mutex::default(),
            predecessor,
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls that it has made.
    pub(crate) fn calls(&self) -> Vec<Kind> {
        self.kept().calls.clone()
    }

    /// Ends with the next call that changes something.
    pub(crate) async fn changes(&self) {
        let before = self.changes.borrow().0;
        let next = |changes: &(usize, usize)| changes.0 > before;
        let _ = self.changes.subscribe().wait_for(next).await;
    }

    /// Ends with the next call that gives something.
    pub(crate) async fn gives(&self) {
        let before = self.changes.borrow().1;
        let next = |changes: &(usize, usize)| changes.1 > before;
        let _ = self.changes.subscribe().wait_for(next).await;
    }

    /// What it has done and must not, said once.
    pub(crate) fn found(&self) -> Vec<String> {
        std::mem::take(&mut self.kept().found)
    }

    pub(crate) fn sleeps(&self, sleeps: Option<Sleep>) {
        self.kept().sleeps = sleeps;
    }

    pub(crate) fn is_asleep(&self) -> bool {
        *self.asleep.borrow()
    }

    /// It goes on, and everything that waited leaves.
    pub(crate) fn wake(&self) {
        self.kept().sleeps = None;
        self.asleep.send_replace(false);
    }

    pub(crate) fn overtaken(&self) {
        self.kept().overtaken = true;
    }

    pub(crate) fn is_overtaken(&self) -> bool {
        self.kept().overtaken
    }

    /// A commit of it was made.
    pub(crate) fn committed(&self) {
        let mut kept = self.kept();
        if kept.overtaken {
            kept.found
                .push("it records something while another one leads".to_owned());
        }
    }

    async fn becomes(&self, asleep: bool) {
        // The gate itself holds the other end.
        let _ = self.asleep.subscribe().wait_for(|is| *is == asleep).await;
    }

    pub(crate) async fn falls_asleep(&self) {
        self.becomes(true).await;
    }

    /// Goes on with something only while the controller is awake; it takes so long to get going.
    pub(crate) async fn while_awake<T>(&self, yawns: Duration, does: impl Future<Output = T>) -> T {
        tokio::pin!(does);
        loop {
            tokio::select! {
                biased;
                () = self.becomes(true) => {}
                done = &mut does => return done,
            }
            self.becomes(false).await;
            sleep(yawns).await;
        }
    }

    /// Makes a call; its answer comes when the controller is awake. What has left goes on by itself,
    /// whether anybody waits for it or not.
    pub(crate) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        kind: Kind,
        call: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let lands = self.leave(kind);
        let gate = self.clone();
        let flight = tokio::spawn(async move {
            match lands {
                Lands::AtOnce => {}
                Lands::Late => sleep(LATEST).await,
                Lands::OnWaking => gate.becomes(false).await,
            }
            let answer = call.await;
            gate.kept().under_way -= usize::from(lands != Lands::OnWaking);
            answer
        });
        let answer = flight.await.expect("no device panics");
        self.becomes(false).await;
        answer
    }

    /// The same for what is not counted.
    pub(crate) async fn read<T>(&self, call: impl Future<Output = T>) -> T {
        self.becomes(false).await;
        let answer = call.await;
        self.becomes(false).await;
        answer
    }

    fn leave(&self, kind: Kind) -> Lands {
        let mut kept = self.kept();
        if self.is_asleep() {
            return Lands::OnWaking;
        }
        kept.calls.push(kind);
        self.changes.send_modify(|(changes, gives)| {
            *changes += usize::from(!matches!(kind, Kind::Records | Kind::Looks));
            *gives += usize::from(kind == Kind::Gives);
        });
        if kind == Kind::Gives
            && let Some(before) = &self.predecessor
            && before.is_asleep()
            && before.kept().under_way > 0
        {
            kept.found
                .push("it gives while a call of its predecessor is under way".to_owned());
        }
        let calls = kept.calls.len();
        let lands = match kept.sleeps.take_if(|sleeps| sleeps.at == calls) {
            Some(sleeps) => {
                self.asleep.send_replace(true);
                sleeps.lands
            }
            None => Lands::AtOnce,
        };
        kept.under_way += usize::from(lands != Lands::OnWaking);
        lands
    }
}
