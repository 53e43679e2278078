//! The core alone: what it takes to decide, and no more, by the size of the site.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use coldspare::act::act;
use coldspare::ask::{Lists, answer};
use coldspare::core::{Input, Output, Watched};
use coldspare::{Clock, Core, Devices, Estimates, Event, What, record};
use coldspare_heartbeat::{Beat, Flags, Health, Path};
use coldspare_names::{ServerName, Time};
use coldspare_store::MemoryStore;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{sleep, sleep_until};

use crate::measure::{is_test, target, timed};
use crate::site::Size;
use crate::world::World;
use crate::{must, runtime};

/// How often it is done; the fastest counts.
const ROUNDS: usize = 5;

pub(crate) fn measure() {
    println!("\nthe core alone, one failover, by the size of its site");
    let pools: &[usize] = if is_test() { &[4] } else { &[4, 20, 100] };
    let mut costs = Vec::new();
    for pools in pools {
        let size = Size {
            pools: *pools,
            homes: 92,
            spares: 8,
            arrays: 4,
        };
        let (calls, cost) = runtime().block_on(failovers(size));
        let microseconds = cost.as_secs_f64() * 1e6;
        let servers = size.servers();
        println!("  {servers:>6} servers: {calls} inputs, {microseconds:>8.1} us in all");
        costs.push(microseconds);
    }
    let ratio = costs.last().zip(costs.first());
    let ratio = ratio.map_or(f64::NAN, |(last, first)| last / first);
    target("the largest site, beside the smallest", ratio, 1.5);
}

async fn failovers(size: Size) -> (usize, Duration) {
    let mut alone = Alone::begin(World::running(Arc::new(size.site())).await).await;
    let homes: Vec<_> = alone.watched.keys().take(ROUNDS).cloned().collect();
    let mut costs = Vec::new();
    for server in homes {
        let next = alone.beat;
        alone.run_until(next + Duration::from_millis(1)).await;
        alone.world.lose_power(&server);
        alone
            .run_until(next + alone.world.just_before_silence())
            .await;
        (alone.calls, alone.cost, alone.restored) = (0, Duration::ZERO, false);
        while !alone.restored {
            alone.go_on(Time::NEVER).await;
        }
        costs.push((alone.calls, alone.cost));
    }
    let fastest = costs.into_iter().min_by_key(|(_, cost)| *cost);
    must(fastest.ok_or("no persona is anywhere"))
}

struct Alone {
    world: World,
    devices: Arc<Devices>,
    store: MemoryStore,
    core: Core,
    clock: Clock,
    under_way: FuturesUnordered<BoxFuture<'static, Input>>,
    alarms: BTreeSet<Time>,
    watched: BTreeMap<ServerName, Watched>,
    sequence: u32,
    beat: Time,
    restored: bool,
    calls: usize,
    cost: Duration,
}

impl Alone {
    async fn begin(world: World) -> Self {
        let clock = Clock::showing(Time::EPOCH);
        let devices = Arc::new(world.devices());
        let (binds, site) = (devices.bind(), world.site.clone());
        let mut alone = Self {
            core: must(Core::new(site, binds, Estimates::default(), clock.now())),
            world,
            devices,
            store: MemoryStore::new(),
            clock,
            under_way: FuturesUnordered::new(),
            alarms: BTreeSet::from([Time::EPOCH]),
            watched: BTreeMap::new(),
            sequence: 0,
            beat: Time::EPOCH,
            restored: false,
            calls: 0,
            cost: Duration::ZERO,
        };
        alone
            .run_until(Time::after_epoch(Duration::from_mins(5)))
            .await;
        alone
    }

    async fn run_until(&mut self, time: Time) {
        while self.clock.now() < time {
            self.go_on(time).await;
        }
    }

    async fn go_on(&mut self, until: Time) {
        let alarm = self.alarms.first().copied().unwrap_or(Time::NEVER);
        let next = self.beat.min(alarm).min(until);
        tokio::select! {
            biased;
            Some(input) = self.under_way.next() => self.hand_in(input),
            () = sleep_until(self.clock.instant(next)) => {
                let now = self.clock.now();
                if now >= alarm {
                    self.alarms.retain(|at| *at > now);
                    self.hand_in(Input::Tick);
                }
                if now >= self.beat {
                    self.beat = self.beat + self.world.site.heartbeat.period;
                    let servers: Vec<_> = self.watched.keys().cloned().collect();
                    for server in &servers {
                        self.say(server);
                    }
                }
            }
        }
    }

    fn say(&mut self, server: &ServerName) {
        if !self.world.is_on(server) {
            return;
        }
        for path in Path::BOTH {
            if let Some(input) = self.heartbeat(server, path) {
                self.hand_in(input);
            }
        }
    }

    fn heartbeat(&mut self, server: &ServerName, path: Path) -> Option<Input> {
        let of = self.watched.get(server)?;
        self.sequence += 1;
        let beat = Beat {
            boot: of.generation.number(),
            sequence: self.sequence,
            generation: of.generation,
            flags: Flags::default(),
            health: Health::default(),
            wrote: Some(Duration::ZERO),
            sent: self.clock.now(),
            period: self.world.site.heartbeat.period,
        };
        let server = server.clone();
        Some(Input::Heard { server, path, beat })
    }

    /// What the world makes of what the controller has done.
    fn take(&mut self, event: &Event) {
        self.restored |= event.event == What::Restored;
        let powered_on = event.about.server.as_ref();
        let powered_on = powered_on.filter(|_| event.event == What::PoweredOn);
        let Some((server, of)) = powered_on.and_then(|on| self.watched.get_key_value(on)) else {
            return;
        };
        let (server, of) = (server.clone(), of.clone());
        let now = self.clock.now();
        self.world.boot(&server, &of.persona, of.generation, now);
        if let Some(input) = self.heartbeat(&server, Path::First) {
            self.under_way.push(Box::pin(async move {
                sleep(Duration::from_millis(100)).await;
                input
            }));
        }
    }

    fn hand_in(&mut self, input: Input) {
        let now = self.clock.now();
        let (took, outputs) = timed(|| self.core.handle(now, input));
        self.calls += 1;
        self.cost += took;
        for output in outputs {
            self.carry(output);
        }
    }

    fn carry(&mut self, output: Output) {
        let (devices, site) = (self.devices.clone(), self.world.site.clone());
        let (store, clock) = (self.store.clone(), self.clock);
        match output {
            Output::Load { lines } => self.under_way.push(Box::pin(async move {
                Input::Loaded(must(record::load(&store, &lines).await))
            })),
            Output::Commit {
                commit,
                before,
                txn,
            } => self.under_way.push(Box::pin(async move {
                let end = Ok(must(record::commit(&store, &before, &txn).await));
                Input::Committed { commit, end }
            })),
            Output::Act { task, order } => self.under_way.push(Box::pin(async move {
                let end = act(&devices, &site, &order).await;
                Input::Acted { task, end }
            })),
            Output::Ask(ask) => self.under_way.push(Box::pin(async move {
                let lists = Lists::default();
                Input::Answered(answer(&devices, &site, clock, &lists, ask).await)
            })),
            Output::Expect {
                server, watched, ..
            } => {
                match watched {
                    Some(watched) => self.watched.insert(server, watched),
                    None => self.watched.remove(&server),
                };
            }
            Output::Wake(at) => {
                self.alarms.insert(at);
            }
            Output::Tell(event) => self.take(&event),
            Output::Recognise { .. }
            | Output::Use(_)
            | Output::StartAnew(_)
            | Output::Reply { .. } => {}
        }
    }
}
