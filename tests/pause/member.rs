//! One of two controllers: it stands for leadership, and looks after the site while it leads. What
//! the daemon does, behind a gate.

use std::sync::Arc;
use std::time::Duration;

use coldspare::leading::{Contest, Lease, Standing};
use coldspare::site::Site;
use coldspare::{Core, Ending, Estimates, Handle, Shell};
use coldspare_names::Time;
use coldspare_sim::World;
use coldspare_store::{Key, Store};
use futures::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::gate::Gate;
use crate::seams::{StoreBeyond, beyond};

/// How long a lease lasts: what the daemon has unless told otherwise.
const LEASE: Duration = Duration::from_secs(30);
/// How much later than the rest of a controller its contest for leadership wakes: long enough for
/// everything to leave that the controller begins before it knows that it leads no longer.
const YAWNS: Duration = Duration::from_millis(10);

/// Which safeguard controllers lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Their commits expect no term.
    Term,
    /// As new leaders they give at once.
    Wait,
}

/// A controller.
pub(crate) struct Member {
    begins: Option<BoxFuture<'static, ()>>,
    runs: JoinSet<()>,
    controller: watch::Receiver<Option<Handle>>,
    standing: watch::Receiver<Standing>,
}

impl Member {
    pub(crate) fn new(
        name: &str,
        site: &Arc<Site>,
        world: &World,
        gate: &Arc<Gate>,
        lack: Option<Lack>,
    ) -> Self {
        let store = |forgets_the_term| StoreBeyond {
            real: Arc::new(world.store().clone()),
            gate: gate.clone(),
            forgets_the_term,
        };
        let office = Key::new("controller").unwrap();
        let (who, clock) = (Key::new(name).unwrap(), world.clock());
        let contest = Contest::new(Arc::new(store(false)), office, who, LEASE, clock).unwrap();
        let (standing, anew) = (contest.standing(), contest.anew());
        let stands = standing.clone();
        let (running, controller) = watch::channel(None);
        let leader = Leader {
            site: site.clone(),
            world: world.clone(),
            gate: gate.clone(),
            store: Arc::new(store(lack == Some(Lack::Term))),
            running,
            anew,
        };
        let awake = gate.clone();
        let begins = async move {
            let stands = match lack {
                Some(Lack::Wait) => in_office_for_ever(stands),
                _ => stands,
            };
            let leads = awake.while_awake(Duration::ZERO, leader.alternate(stands));
            let stands = awake.while_awake(YAWNS, contest.run(std::future::pending()));
            tokio::join!(leads, stands);
        };
        Self {
            begins: Some(Box::pin(begins)),
            runs: JoinSet::new(),
            controller,
            standing,
        }
    }

    pub(crate) fn begin(&mut self) {
        if let Some(begins) = self.begins.take() {
            self.runs.spawn(begins);
        }
    }

    pub(crate) fn leads(&self) -> bool {
        self.standing.borrow().term().is_some()
    }

    /// Says so to another one when it leads.
    pub(crate) fn overtakes(&self, other: Arc<Gate>) -> impl Future<Output = ()> + Send + use<> {
        let mut standing = self.standing.clone();
        async move {
            let leads = standing.wait_for(|standing| standing.term().is_some());
            if leads.await.is_ok() {
                other.overtaken();
            }
        }
    }

    /// The way in to it, if it looks after the site.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.controller.borrow().clone()
    }
}

struct Leader {
    site: Arc<Site>,
    world: World,
    gate: Arc<Gate>,
    store: Arc<dyn Store>,
    running: watch::Sender<Option<Handle>>,
    anew: Arc<Notify>,
}

impl Leader {
    /// Looks after the site whenever it leads, as it believes.
    async fn alternate(mut self, mut standing: watch::Receiver<Standing>) {
        loop {
            if let Some(lease) = Lease::of(standing.clone(), self.world.clock()) {
                let mut lost = lease.clone();
                tokio::select! {
                    biased;
                    ending = self.look_after(lease) => if let Ending::AnotherSite(other) = ending {
                        self.site = other;
                        self.anew.notify_one();
                        lost.lost().await;
                    },
                    () = lost.lost() => {}
                }
                self.running.send_replace(None);
            } else if standing.changed().await.is_err() {
                return;
            }
        }
    }

    async fn look_after(&self, lease: Lease) -> Ending {
        let (world, clock) = (&self.world, self.world.clock());
        let devices = beyond(&self.gate, world, &self.running.subscribe());
        let (binds, now) = (devices.bind(), clock.now());
        let core = Core::new(self.site.clone(), binds, Estimates::default(), now).unwrap();
        let (shell, handle, mut told) =
            Shell::new(self.site.clone(), devices, self.store.clone(), clock);
        // Agents talk to whoever leads.
        if !self.gate.is_overtaken() {
            world.heard_by(Some(handle.clone()));
        }
        self.running.send_replace(Some(handle));
        let tells = async {
            while let Some(told) = told.recv().await {
                world.tell(told);
            }
        };
        let (ending, ()) = tokio::join!(shell.led_by(lease).run(core), tells);
        ending
    }
}

/// The same, as if it had led since ever.
fn in_office_for_ever(mut standing: watch::Receiver<Standing>) -> watch::Receiver<Standing> {
    let (show, shown) = watch::channel(Standing::Outside);
    tokio::spawn(async move {
        loop {
            let mut now = standing.borrow_and_update().clone();
            if let Standing::Leads(tenure) = &mut now {
                tenure.began = Time::EPOCH;
            }
            if show.send(now).is_err() || standing.changed().await.is_err() {
                return;
            }
        }
    });
    shown
}
