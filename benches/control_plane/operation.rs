//! A site in operation: the real controller, and agents that are heard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coldspare::command::{Actor, Command, Verb};
use coldspare::{Clock, Core, Estimates, Event, Expected, Handle, Reply, Shell, Told, What};
use coldspare_heartbeat::{Agent, Pulse};
use coldspare_names::{PersonaName, ServerName, Time};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::sleep_until;

use crate::watched::Watched;
use crate::world::World;
use crate::{must, now};

/// How often a booted agent tries to be heard for the first time.
const SOON: Duration = Duration::from_millis(100);

pub(crate) struct Operation {
    pub(crate) world: World,
    pub(crate) store: Arc<Watched>,
    clock: Clock,
    handle: Handle,
    told: mpsc::UnboundedReceiver<Told>,
    controller: AbortHandle,
    agents: BTreeMap<ServerName, Pulse>,
    /// Powered on, and not heard yet.
    booting: BTreeSet<ServerName>,
    boots: u64,
    beat: Time,
    /// How often each was told, and when it was told last.
    tally: BTreeMap<What, (usize, Instant)>,
}

impl Operation {
    /// A controller that sees the running site for the first time, until every persona is on record
    /// and every spare is fit.
    pub(crate) async fn begin(world: World, store: Arc<Watched>) -> Self {
        let clock = Clock::showing(Time::EPOCH);
        let (site, devices) = (world.site.clone(), world.devices());
        let core = Core::new(
            site.clone(),
            devices.bind(),
            Estimates::default(),
            clock.now(),
        );
        let (shell, handle, told) = Shell::new(site, devices, store.clone(), clock);
        let controller = tokio::spawn(shell.run(must(core))).abort_handle();
        let mut operation = Self {
            world,
            store,
            clock,
            handle,
            told,
            controller,
            agents: BTreeMap::new(),
            booting: BTreeSet::new(),
            boots: 0,
            beat: Time::EPOCH,
            tally: BTreeMap::new(),
        };
        let spares = operation.world.site.servers.len() - operation.world.site.personas.len();
        operation.until(What::Scrubbed, spares).await;
        operation.rest(Duration::from_mins(2)).await;
        operation
    }

    /// These servers lose their power at once. Gives the moment, just before the controller can
    /// know.
    pub(crate) async fn lose_power(&mut self, servers: &[ServerName]) -> Instant {
        let next = self.beat;
        self.run_until(next + Duration::from_millis(1)).await;
        for server in servers {
            self.world.lose_power(server);
        }
        self.store.committed();
        self.tally.clear();
        self.run_until(next + self.world.just_before_silence())
            .await;
        now()
    }

    /// Waits until it was told so often since [`lose_power`](Self::lose_power); when it was.
    pub(crate) async fn until(&mut self, what: What, times: usize) -> Instant {
        loop {
            match self.tally.get(&what) {
                Some((count, at)) if *count >= times => return *at,
                _ => self.go_on(Time::NEVER).await,
            }
        }
    }

    /// Its agents, which run no longer.
    pub(crate) fn take_agents(&mut self) -> BTreeMap<ServerName, Pulse> {
        std::mem::take(&mut self.agents)
    }

    pub(crate) async fn rest(&mut self, span: Duration) {
        self.run_until(self.clock.now() + span).await;
    }

    async fn run_until(&mut self, time: Time) {
        while self.clock.now() < time {
            self.go_on(time).await;
        }
    }

    /// Which server wears each persona.
    pub(crate) async fn homes(&self) -> BTreeMap<PersonaName, ServerName> {
        let command = Command {
            actor: Actor::Controller,
            verb: Verb::Status,
        };
        match self.handle.ask(command).await {
            Some(Reply::Status(overview)) => overview
                .personas
                .into_iter()
                .filter_map(|of| Some((of.persona, of.home?)))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    async fn go_on(&mut self, until: Time) {
        let due = if self.booting.is_empty() {
            self.beat
        } else {
            self.beat.min(self.clock.now() + SOON)
        };
        tokio::select! {
            biased;
            told = self.told.recv() => self.take(&must(told.ok_or("the controller has ended")).event),
            () = sleep_until(self.clock.instant(due.min(until))) => {
                for server in std::mem::take(&mut self.booting) {
                    self.say(&server);
                    self.booting.insert(server);
                }
                if self.clock.now() >= self.beat {
                    self.everybody_beats().await;
                }
            }
        }
    }

    fn take(&mut self, event: &Event) {
        let tally = self.tally.entry(event.event).or_insert((0, now()));
        *tally = (tally.0 + 1, now());
        let Some(server) = &event.about.server else {
            return;
        };
        match event.event {
            What::PoweredOn => {
                let expected = self.handle.expected().borrow().get(server).cloned();
                let Expected {
                    persona,
                    generation,
                    ..
                } = must(expected.ok_or("powered on for nobody"));
                let now = self.clock.now();
                let worked = self.world.worked.clone();
                worked.at_once(|| self.world.boot(server, &persona, generation, now));
                self.agents.remove(server);
                self.booting.insert(server.clone());
            }
            What::AgentUp => {
                self.booting.remove(server);
            }
            _ => {}
        }
    }

    async fn everybody_beats(&mut self) {
        self.beat = self.beat + self.world.site.heartbeat.period;
        let expected: Vec<_> = self.handle.expected().borrow().keys().cloned().collect();
        let worked = self.world.worked.clone();
        for some in expected.chunks(32) {
            worked.at_once(|| some.iter().for_each(|server| self.say(server)));
            // No more than there is room for.
            yield_now().await;
        }
    }

    /// A server's agent sends a heartbeat, if it lives.
    fn say(&mut self, server: &ServerName) {
        if !self.world.is_on(server) {
            return;
        }
        let now = self.clock.now();
        let Some(expected) = self.handle.expected().borrow().get(server).cloned() else {
            return;
        };
        self.boots += 1;
        let boot = self.boots;
        let agent = self.agents.entry(server.clone()).or_insert_with(|| {
            let agent = Agent {
                slot: expected.slot,
                generation: expected.generation,
                key: expected.key,
                boot,
            };
            Pulse::new(agent, expected.period, boot, now)
        });
        agent.wrote(now);
        for (path, datagram) in coldspare_heartbeat::Path::BOTH.iter().zip(agent.beat(now)) {
            // A heartbeat that is refused shows in the end: its server is given up.
            let _ = self.handle.heard(*path, &datagram);
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.controller.abort();
    }
}
