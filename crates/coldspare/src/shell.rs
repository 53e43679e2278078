//! Carries inputs to the [`Core`] and its outputs to the world. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use coldspare_heartbeat::intake::{Accepted, Counters, Rejection};
use coldspare_heartbeat::wire::LENGTH;
use coldspare_heartbeat::{AgentKey, Path, Slot};
use coldspare_names::{ServerName, Time};
use coldspare_san::chap;
use coldspare_store::{Key, Store};
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::act::{Obstacle, StepError, act};
use crate::ask::{Lists, answer};
use crate::clock::Clock;
use crate::command::Command;
use crate::core::{Core, Input, Output, RequestId, Watched};
use crate::devices::Devices;
use crate::event::{Event, Told, What};
use crate::hearing::{Expected, Hearing, Roster};
use crate::leading::Lease;
use crate::planner::longest_give;
use crate::record::{self, Loaded};
use crate::reply::Reply;
use crate::site::Site;

/// What is said of a call that panicked.
const BROKE_OFF: &str = "the call broke off: a fault in the program";

/// How many inputs may wait. A heartbeat that finds no room is lost, like one on the network.
const ROOM: usize = 4096;

/// The way in to a running controller. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    inputs: mpsc::Sender<Arrival>,
    hearing: Arc<Hearing>,
    clock: Clock,
}

#[derive(Debug)]
enum Arrival {
    Input(Input),
    Command(Command, oneshot::Sender<Reply>),
    Stop,
}

/// Why a controller ended.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Ending {
    /// It was told to, or every [`Handle`] is gone.
    Stopped,
    /// Another site is on record, with other devices: start anew with it.
    AnotherSite(Arc<Site>),
}

impl Handle {
    /// Hands in a datagram that arrived over a path. It is heard if it proves itself to be a new
    /// heartbeat of a server that holds or held a persona; what does not is counted, and no more.
    pub fn heard(&self, path: Path, datagram: &[u8]) -> Result<Accepted, Rejection> {
        let (server, accepted) = self.hearing.take(path, datagram)?;
        let beat = accepted.beat;
        // Full or stopped: a lost heartbeat.
        let _ = self
            .inputs
            .try_send(Arrival::Input(Input::Heard { server, path, beat }));
        Ok(accepted)
    }

    /// The receipt to send back for a heartbeat, if it gets one.
    pub fn echo(&self, path: Path, accepted: &Accepted) -> Option<[u8; LENGTH]> {
        self.hearing.echo(path, accepted)
    }

    /// What to send to the agent of an expected server over a path, so that it is heard at once.
    pub fn probe(&self, server: &ServerName, path: Path) -> Option<[u8; LENGTH]> {
        self.hearing.probe(server, path, self.clock.now())
    }

    /// Who is expected to be heard, as it changes: an agent learns its slot from it.
    pub fn expected(&self) -> watch::Receiver<Roster> {
        self.hearing.roster()
    }

    #[cfg(all(test, feature = "udp"))]
    pub(crate) fn expect(&self, server: ServerName, expected: Expected) {
        self.hearing.expect(server, Some(expected));
    }

    /// How many datagrams came, and what became of them.
    pub fn datagrams(&self) -> Counters {
        self.hearing.counters()
    }

    /// Says whether the controller's own link of a path is up.
    pub async fn own_link(&self, path: Path, up: bool) {
        // Stopped: nobody needs to know any more.
        let _ = self
            .inputs
            .send(Arrival::Input(Input::OwnLink { path, up }))
            .await;
    }

    /// Has the controller end: see [`Shell::run`].
    pub async fn stop(&self) {
        // Stopped already.
        let _ = self.inputs.send(Arrival::Stop).await;
    }

    /// Asks for something; `None`: the controller has stopped.
    pub async fn ask(&self, command: Command) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        self.inputs
            .send(Arrival::Command(command, reply))
            .await
            .ok()?;
        answer.await.ok()
    }
}

/// What a controller works with.
#[derive(Debug)]
pub struct Shell {
    site: Arc<Site>,
    devices: Arc<Devices>,
    lists: Arc<Lists>,
    store: Arc<dyn Store>,
    clock: Clock,
    arrivals: mpsc::Receiver<Arrival>,
    hearing: Arc<Hearing>,
    events: mpsc::UnboundedSender<Told>,
    tasks: JoinSet<Option<Input>>,
    alarms: BTreeSet<Time>,
    waiting: BTreeMap<RequestId, oneshot::Sender<Reply>>,
    requests: u64,
    /// Commits under way.
    commits: usize,
    ending: Option<Ending>,
    lease: Option<Lease>,
}

impl Shell {
    /// A shell, the way in to it, and what it tells.
    pub fn new(
        site: Arc<Site>,
        devices: Devices,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> (Self, Handle, mpsc::UnboundedReceiver<Told>) {
        let (inputs, arrivals) = mpsc::channel(ROOM);
        let (events, told) = mpsc::unbounded_channel();
        let hearing = Arc::new(Hearing::new());
        let shell = Self {
            site,
            devices: Arc::new(devices),
            lists: Arc::default(),
            store,
            clock,
            arrivals,
            hearing: hearing.clone(),
            events,
            tasks: JoinSet::new(),
            alarms: BTreeSet::new(),
            waiting: BTreeMap::new(),
            requests: 0,
            commits: 0,
            ending: None,
            lease: None,
        };
        let handle = Handle {
            inputs,
            hearing,
            clock,
        };
        (shell, handle, told)
    }

    /// The shell of one of several controllers on one store: it commits only in that term, and begins
    /// only what the lease allows. Its owner drops it when the [lease is lost](Lease::lost).
    #[must_use]
    pub fn led_by(self, lease: Lease) -> Self {
        Self {
            lease: Some(lease),
            ..self
        }
    }

    /// Runs the controller until it is [told to stop](Handle::stop), or every [`Handle`] is gone, or
    /// it is to be started anew. It then lets the commits under way end and answers whoever waits
    /// for them; calls of devices are broken off, and the next start takes the runs up.
    ///
    /// Dropping the future stops it at once, together with every call that it has under way.
    pub async fn run(mut self, mut core: Core) -> Ending {
        let mut input = Input::Tick;
        loop {
            let now = self.clock.now();
            for output in core.handle(now, input) {
                self.carry(now, output);
            }
            if self.ending.is_some() {
                break;
            }
            match self.next().await {
                Some(next) => input = next,
                None => break,
            }
        }
        self.finish(core).await
    }

    /// Nothing is begun any more.
    async fn finish(mut self, mut core: Core) -> Ending {
        while self.commits > 0 {
            let Some(ended) = self.tasks.join_next().await else {
                break;
            };
            let Ok(Some(input @ Input::Committed { .. })) = ended else {
                continue;
            };
            self.commits -= 1;
            let now = self.clock.now();
            for output in core.handle(now, input) {
                if matches!(output, Output::Reply { .. } | Output::Tell(_)) {
                    self.carry(now, output);
                }
            }
        }
        self.ending.unwrap_or(Ending::Stopped)
    }

    async fn next(&mut self) -> Option<Input> {
        loop {
            let alarm = self.alarms.first().map(|at| self.clock.instant(*at));
            tokio::select! {
                biased;
                Some(done) = self.tasks.join_next() => {
                    if let Ok(Some(input)) = done {
                        self.commits -= usize::from(matches!(input, Input::Committed { .. }));
                        return Some(input);
                    }
                }
                arrival = self.arrivals.recv() => match arrival? {
                    Arrival::Input(input) => return Some(input),
                    Arrival::Stop => return None,
                    Arrival::Command(command, reply) => {
                        self.requests += 1;
                        let request = RequestId(self.requests);
                        self.waiting.insert(request, reply);
                        return Some(Input::Asked { request, command });
                    }
                },
                () = async { sleep_until(alarm.unwrap_or_else(|| self.clock.instant(Time::NEVER))).await } => {
                    let now = self.clock.now();
                    self.alarms.retain(|at| *at > now);
                    return Some(Input::Tick);
                }
            }
        }
    }

    /// Lets something happen beside everything else. A device's or a store's code that panics must
    /// not leave the controller waiting for an end that never comes.
    fn call(
        &mut self,
        call: impl Future<Output = Input> + Send + 'static,
        otherwise: impl FnOnce() -> Option<Input> + Send + 'static,
    ) {
        let guarded = AssertUnwindSafe(call).catch_unwind();
        self.tasks
            .spawn(async move { guarded.await.map_or_else(|_| otherwise(), Some) });
    }

    fn carry(&mut self, now: Time, output: Output) {
        match output {
            Output::Load { lines } => {
                let (store, events, clock) = (self.store.clone(), self.events.clone(), self.clock);
                let alarm = move |event| {
                    drop(events.send(Told {
                        at: clock.now(),
                        event,
                    }));
                };
                let call = async move { Input::Loaded(load(&*store, &lines, alarm).await) };
                self.call(call, || None);
            }
            Output::Commit {
                commit,
                before,
                txn,
            } => {
                self.commits += 1;
                let store = self.store.clone();
                let guarded = |txn| match &self.lease {
                    Some(lease) => lease.guard(txn),
                    None => txn,
                };
                let before: Vec<_> = before.into_iter().map(guarded).collect();
                let txn = guarded(txn);
                let call = async move {
                    let end = record::commit(&*store, &before, &txn).await;
                    let end = end.map_err(|error| error.to_string());
                    Input::Committed { commit, end }
                };
                let end = Err(BROKE_OFF.to_owned());
                self.call(call, move || Some(Input::Committed { commit, end }));
            }
            Output::Act { task, order } => {
                let (devices, site) = (self.devices.clone(), self.site.clone());
                let broke_off = StepError {
                    step: order.step.to_string(),
                    obstacle: Obstacle::Device,
                    reason: BROKE_OFF.to_owned(),
                };
                let lease = self.lease.clone();
                let call = async move {
                    if let Some(mut lease) = lease {
                        let (limit, wait) = if order.gives(devices.bind()) {
                            (order.limit, longest_give(&site))
                        } else {
                            (Duration::ZERO, Duration::ZERO)
                        };
                        lease.may_begin(limit, wait).await;
                    }
                    // It is large, and moved several times before it is at its place.
                    let end = Box::pin(act(&devices, &site, &order)).await;
                    Input::Acted { task, end }
                };
                let end = Err(broke_off);
                self.call(call, move || Some(Input::Acted { task, end }));
            }
            Output::Ask(ask) => {
                let (devices, site, clock) = (self.devices.clone(), self.site.clone(), self.clock);
                let lists = self.lists.clone();
                let call = async move {
                    Input::Answered(answer(&devices, &site, clock, &lists, ask).await)
                };
                self.call(call, || None);
            }
            Output::Use(site) => self.site = site,
            Output::StartAnew(site) => self.ending = Some(Ending::AnotherSite(site)),
            Output::Expect {
                server,
                slot,
                watched,
            } => {
                let expected = watched.and_then(|watched| self.expected(&server, slot, watched));
                self.hearing.expect(server, expected);
            }
            Output::Recognise {
                server,
                slot,
                watched,
            } => {
                if let Some(known) = self.expected(&server, slot, watched) {
                    self.hearing.recognise(&server, &known);
                }
            }
            Output::Wake(at) => {
                self.alarms.insert(at);
            }
            // Nobody listens: nobody needs to know.
            Output::Tell(event) => drop(self.events.send(Told { at: now, event })),
            Output::Reply { request, reply } => {
                if let Some(waiting) = self.waiting.remove(&request) {
                    // Whoever asked has gone away.
                    let _ = waiting.send(reply);
                }
            }
        }
    }

    /// What the agent of a server must know, if the persona has one.
    fn expected(&self, server: &ServerName, slot: Slot, watched: Watched) -> Option<Expected> {
        let Watched {
            persona,
            generation,
        } = watched;
        let of = &self.site.personas.get(&persona)?.persona;
        let key = &self.devices.san_key;
        let secret = chap(key, &of.initiator, server, generation).secret;
        of.agent.then(|| Expected {
            persona,
            generation,
            slot,
            key: AgentKey::from_secret(&secret),
            period: self.site.heartbeat.period,
        })
    }
}

/// Reads the record, however long it takes: nothing can be done without. A person is told once.
async fn load(store: &dyn Store, lines: &[Key], alarm: impl Fn(Event)) -> Loaded {
    let mut alarm = Some(alarm);
    loop {
        match record::load(store, lines).await {
            Ok(loaded) => return loaded,
            Err(error) => {
                if let Some(alarm) = alarm.take() {
                    let reason = format!("the store cannot be read: {error}");
                    alarm(Event::new(What::Alarm).because(reason));
                }
                tracing::warn!(%error, "the store cannot be read");
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
