//! A core, a store and a small world, driven step by step on a paused clock. Every step that is
//! handed out is held against what the store says at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use coldspare_names::{PersonaName, ServerName, Time};
use coldspare_san::ArrayTraits;
use coldspare_san::memory::MemoryArray;
use coldspare_store::{Conflict, Expected, Key, MemoryStore, Outcome, Txn};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{sleep, sleep_until};

mod asking;

use crate::act::{Order, act};
use crate::ask::{Ask, Lists, answer};
use crate::clock::Clock;
use crate::core::{Core, Input, Output, RequestId, Watched};
use crate::estimates::Estimates;
use crate::event::{Told, What};
use crate::holding::Holding;
use crate::record::{self, Run};
use crate::reply::Reply;
use crate::site::Site;
use crate::step::{Kind, Step};
use crate::test_world::World;

/// What goes wrong with a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It is done, and its answer is lost.
    AnswerLost,
    /// It never arrives.
    NeverArrives,
    /// Somebody else has written meanwhile.
    Conflict,
}

/// At which of its outputs a controller dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) at: usize,
    /// It is done, and nobody hears how it ended; else it is never begun.
    pub(super) done: bool,
}

pub(super) struct Bench {
    pub(super) world: World,
    pub(super) store: MemoryStore,
    pub(super) core: Core,
    pub(super) told: Vec<Told>,
    /// The steps that were handed out.
    pub(super) acted: Vec<Step>,
    /// What was asked of the world.
    pub(super) asked: Vec<Ask>,
    /// When the controller dies.
    pub(super) dies: Option<Death>,
    pub(super) outputs: usize,
    /// Those whose heartbeats are known for theirs, though none are expected.
    pub(super) recognised: BTreeMap<ServerName, Watched>,
    /// What goes wrong with which commit.
    pub(super) mishaps: BTreeMap<usize, Mishap>,
    pub(super) commits: usize,
    /// How long a commit is on its way.
    pub(super) commits_take: Duration,
    /// Heartbeats are sent and do not arrive.
    pub(super) deaf: bool,
    /// It dies as soon as what it did last has ended.
    dying: bool,
    clock: Clock,
    lists: Arc<Lists>,
    replies: BTreeMap<RequestId, Reply>,
    under_way: FuturesUnordered<BoxFuture<'static, Input>>,
    alarms: BTreeSet<Time>,
    lived: Time,
    requests: u64,
}

impl Bench {
    /// The site as it runs, with a controller that has never seen it.
    pub(super) async fn running(site: Site) -> Self {
        Self::with_arrays(site, MemoryArray::TRAITS).await
    }

    pub(super) async fn with_arrays(site: Site, traits: ArrayTraits) -> Self {
        let mut bench = Self::idle(site, traits).await;
        bench.set_up_all().await;
        bench.run(Duration::from_secs(5)).await;
        bench
    }

    /// Brings every persona up at home without a controller.
    pub(super) async fn set_up_all(&mut self) {
        for name in self.world.site.clone().personas.keys() {
            self.set_up(name).await;
        }
    }

    /// A site in which nothing runs.
    pub(super) async fn idle(site: Site, traits: ArrayTraits) -> Self {
        let world = World::idle(site, traits).with_volumes().await;
        let clock = Clock::showing(Time::EPOCH);
        let core = new_core(&world, Time::EPOCH);
        let mut bench = Self {
            world,
            store: MemoryStore::new(),
            core,
            told: Vec::new(),
            acted: Vec::new(),
            asked: Vec::new(),
            dies: None,
            dying: false,
            outputs: 0,
            recognised: BTreeMap::new(),
            mishaps: BTreeMap::new(),
            commits: 0,
            commits_take: Duration::ZERO,
            deaf: false,
            clock,
            lists: Arc::default(),
            replies: BTreeMap::new(),
            under_way: FuturesUnordered::new(),
            alarms: BTreeSet::new(),
            lived: Time::EPOCH,
            requests: 0,
        };
        bench.alarms.insert(Time::EPOCH);
        bench
    }

    /// Brings a persona up at home without a controller.
    async fn set_up(&mut self, name: &PersonaName) {
        let site = self.world.site.clone();
        let of = &site.personas[name];
        let Some(home) = of.home.clone() else { return };
        let mut holding = Holding::nobody(name.clone());
        holding.reserve(home);
        let policy = &site.pools[&of.persona.pool].policy;
        let planner = crate::Planner {
            site: &site,
            binds: true,
            policy,
        };
        let plan = planner.retarget(&holding).unwrap();
        assert!(holding.seat());
        for step in plan.stages.into_iter().flatten() {
            let give = crate::act::Give {
                holder: holding.home().unwrap(),
                taken_from: Vec::new(),
            };
            let order = Order {
                limit: planner.limit(&step),
                give: (step.kind() == Kind::Give).then_some(give),
                step,
            };
            if order.step.kind() != Kind::Then {
                act(&self.world.devices, &site, &order).await.unwrap();
            }
        }
        self.world.live(self.now());
        assert_eq!(self.world.homes(name).len(), 1);
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets so much time pass.
    pub(super) async fn run(&mut self, span: Duration) {
        let end = self.now() + span;
        while self.step(end).await {}
    }

    /// Lets time pass until something was told; panics when it is not within the limit.
    pub(super) async fn run_until_told(&mut self, what: What, limit: Duration) {
        let end = self.now() + limit;
        let before = self.told.len();
        while self.told[before..]
            .iter()
            .all(|told| told.event.event != what)
        {
            assert!(
                self.step(end).await,
                "{what:?} was not told: {:#?}",
                self.story()
            );
        }
    }

    async fn step(&mut self, end: Time) -> bool {
        let beat = self.lived + Duration::from_secs(1);
        let alarm = self.alarms.first().copied().unwrap_or(Time::NEVER);
        let next = end.min(beat).min(alarm);
        let input = tokio::select! {
            biased;
            Some(input) = self.under_way.next() => Some(input),
            () = sleep_until(self.clock.instant(next)) => None,
        };
        let now = self.now();
        match input {
            Some(_) if self.dying => self.restart(),
            Some(input) => self.hand_in(input),
            None if now >= beat => {
                self.lived = now;
                for (server, path, beat) in self.world.live(now) {
                    if !self.deaf {
                        self.hand_in(Input::Heard { server, path, beat });
                    }
                }
                self.check_writers();
            }
            None if now >= alarm => {
                self.alarms.retain(|at| *at > now);
                self.hand_in(Input::Tick);
            }
            None => return now < end,
        }
        true
    }

    pub(super) fn hand_in(&mut self, input: Input) {
        if self.dying {
            return;
        }
        let now = self.now();
        let outputs = self.core.handle(now, input);
        self.core.check_directory();
        for output in outputs {
            self.outputs += 1;
            match self.dies.take_if(|death| self.outputs >= death.at) {
                Some(Death { done: true, .. }) => return self.die_after(now, output),
                Some(_) => return self.restart(),
                None => self.carry(now, output),
            }
        }
    }

    /// The controller dies when this one of its outputs, and nothing else, has been done.
    fn die_after(&mut self, now: Time, output: Output) {
        self.under_way = FuturesUnordered::new();
        self.alarms = BTreeSet::new();
        self.carry(now, output);
        self.dying = !self.under_way.is_empty();
        if !self.dying {
            self.restart();
        }
    }

    /// The controller dies, with all that it has under way, and another one starts.
    pub(super) fn restart(&mut self) {
        self.under_way = FuturesUnordered::new();
        self.dying = false;
        let now = self.now();
        self.alarms = BTreeSet::from([now]);
        self.core = new_core(&self.world, now);
    }

    fn carry(&mut self, now: Time, output: Output) {
        let store = self.store.clone();
        let (devices, site) = (self.world.devices.clone(), self.world.site.clone());
        match output {
            Output::Load { lines } => self.under_way.push(Box::pin(async move {
                Input::Loaded(record::load(&store, &lines).await.unwrap())
            })),
            Output::Commit {
                commit,
                before,
                txn,
            } => {
                self.commits += 1;
                let mishap = self.mishaps.get(&self.commits).copied();
                let takes = self.commits_take;
                self.under_way.push(Box::pin(async move {
                    if !takes.is_zero() {
                        sleep(takes).await;
                    }
                    let end = commit_with(&store, &before, &txn, mishap).await;
                    Input::Committed { commit, end }
                }));
            }
            Output::Act { task, order } => {
                self.check_is_journalled(&order);
                self.acted.push(order.step.clone());
                self.under_way.push(Box::pin(async move {
                    let end = act(&devices, &site, &order).await;
                    Input::Acted { task, end }
                }));
            }
            Output::Ask(ask) => {
                self.asked.push(ask.clone());
                let (clock, lists) = (self.clock, self.lists.clone());
                self.under_way.push(Box::pin(async move {
                    Input::Answered(answer(&devices, &site, clock, &lists, ask).await)
                }));
            }
            Output::Use(site) | Output::StartAnew(site) => self.world.site = site,
            // Heartbeats are handed in as if they had proved themselves.
            Output::Expect { .. } => {}
            Output::Recognise {
                server, watched, ..
            } => drop(self.recognised.insert(server, watched)),
            Output::Wake(at) => {
                self.alarms.insert(at);
            }
            Output::Tell(event) => self.told.push(Told { at: now, event }),
            Output::Reply { request, reply } => {
                let before = self.replies.insert(request, reply);
                assert_eq!(before, None, "one reply a request");
            }
        }
    }

    /// Nothing is acted on before it is committed; nothing is given but to the one holder.
    fn check_is_journalled(&self, order: &Order) {
        let records = self.records();
        let stage = |run: &Run| run.plan.stages[run.stage].clone();
        let in_run = records.values().find(|record| {
            record
                .run
                .as_ref()
                .is_some_and(|run| stage(run).contains(&order.step))
        });
        let Some(record) = in_run else {
            let server = scrubbed(&order.step).expect("only scrubbing has no run");
            assert_eq!(records.len(), self.world.site.personas.len());
            assert!(
                !records
                    .values()
                    .any(|record| record.holding.involves(server))
            );
            return;
        };
        if order.step.kind() == Kind::Give {
            let give = order.give.as_ref().unwrap();
            assert_eq!(record.holding.home().as_ref(), Some(&give.holder));
        }
    }

    /// Never two generations of one persona on the arrays at a time.
    fn check_writers(&self) {
        for of in self.world.site.personas.values() {
            let sessions = self
                .world
                .arrays
                .values()
                .flat_map(MemoryArray::open_sessions);
            let own = sessions.filter(|s| s.initiator == of.persona.initiator.as_str());
            let generations: BTreeSet<_> = own.map(|session| session.generation).collect();
            assert!(generations.len() <= 1, "{generations:?} at once");
        }
    }
}

fn new_core(world: &World, now: Time) -> Core {
    let binds = world.devices.bind();
    Core::new(world.site.clone(), binds, Estimates::default(), now).unwrap()
}

fn scrubbed(step: &Step) -> Option<&ServerName> {
    match step {
        Step::PowerOff { server } | Step::Disarm { server } | Step::Park { server, .. } => {
            Some(server)
        }
        Step::ShutOut { request, .. } => Some(&request.server),
        _ => None,
    }
}

async fn commit_with(
    store: &MemoryStore,
    before: &[Txn],
    txn: &Txn,
    mishap: Option<Mishap>,
) -> Result<Outcome, String> {
    match mishap {
        Some(Mishap::NeverArrives) => return Err("unreachable".to_owned()),
        Some(Mishap::Conflict) => {
            let conflict = Conflict {
                key: Key::of(&["somebody"]).unwrap(),
                expected: Expected::Absent,
                found: None,
            };
            return Ok(Outcome::Conflict(conflict));
        }
        _ => {}
    }
    let end = record::commit(store, before, txn).await;
    let end = end.map_err(|error| error.to_string());
    if mishap == Some(Mishap::AnswerLost) {
        return Err("unanswered".to_owned());
    }
    end
}
