//! A data centre together with the controller that looks after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use coldspare::command::Command;
use coldspare::site::Site;
use coldspare::{Clock, Core, Devices, Ending, Estimates, Handle, Reply, Shell, Told};
use coldspare_exchange::{DagControl, DatabaseName, MemberName};
use coldspare_names::{PersonaName, ServerName, Time};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use crate::{Error, Fault, Latency, Observer, Possibility, Scenario, World, possible};

/// A data centre and its controller, to be driven step by step on the runtime's clock.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    controller: watch::Receiver<Option<Handle>>,
    supervisor: JoinHandle<()>,
}

impl Simulation {
    /// The site as it runs, with a controller that sees it for the first time.
    ///
    /// On a runtime of one thread whose clock is paused, the same seed gives the same run.
    pub async fn start(site: &Site, latency: Latency, seed: u64) -> Result<Self, Error> {
        Self::start_through(site, latency, seed, |devices| devices).await
    }

    /// The same with a controller that reaches the devices through something else: whatever
    /// `through` makes of them.
    pub async fn start_through(
        site: &Site,
        latency: Latency,
        seed: u64,
        through: impl Fn(Devices) -> Devices + Send + 'static,
    ) -> Result<Self, Error> {
        site.heartbeat.check()?;
        let world = World::running(site, latency, seed, Clock::showing(Time::EPOCH)).await?;
        let (running, controller) = watch::channel(None);
        let supervisor = tokio::spawn(supervise(
            world.clone(),
            Arc::new(site.clone()),
            running,
            through,
        ));
        Ok(Self {
            world,
            controller,
            supervisor,
        })
    }

    /// The data centre.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The time of the run.
    pub fn now(&self) -> Time {
        self.world.clock().now()
    }

    /// Lets everything up to that time happen.
    pub async fn run_until(&self, time: Time) {
        sleep_until(self.world.clock().instant(time)).await;
    }

    /// Lets something happen in due time.
    pub fn schedule(&self, faults: impl IntoIterator<Item = Fault>) {
        self.world.schedule(faults);
    }

    /// Has somebody look whenever something has changed.
    pub fn observe(&self, observer: Observer) {
        self.world.observe(observer);
    }

    /// Asks the controller for something; `None`: none runs.
    pub async fn ask(&self, command: Command) -> Option<Reply> {
        let controller = self.controller.borrow().clone()?;
        controller.ask(command).await
    }

    /// Everything told since this was asked last, in order of time.
    pub fn told(&self) -> Vec<Told> {
        self.world.told()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

/// Runs a controller, and another one after each crash. A crash drops everything that the
/// controller has under way; what it has written to the store stays.
async fn supervise(
    world: World,
    mut site: Arc<Site>,
    running: watch::Sender<Option<Handle>>,
    through: impl Fn(Devices) -> Devices + Send,
) {
    loop {
        let devices = through(world.devices());
        let (binds, clock) = (devices.bind(), world.clock());
        // Its limits were good a moment ago.
        let Ok(core) = Core::new(site.clone(), binds, estimates(&world), clock.now()) else {
            return;
        };
        let store = Arc::new(world.store().clone());
        let (shell, handle, mut told) = Shell::new(site.clone(), devices, store, clock);
        world.heard_by(Some(handle.clone()));
        running.send_replace(Some(handle));
        tokio::select! {
            biased;
            () = world.crash() => {}
            ended = shell.run(core) => match ended {
                Ending::Stopped => return,
                Ending::AnotherSite(other) => site = other,
            },
            () = async { while let Some(told) = told.recv().await { world.tell(told); } } => {}
        }
        while let Ok(last) = told.try_recv() {
            world.tell(last);
        }
        world.heard_by(None);
        running.send_replace(None);
        tokio::time::sleep(world.plant().latency.controller_restart).await;
    }
}

/// What a plan takes in this data centre, as far as its latencies tell.
fn estimates(world: &World) -> Estimates {
    let latency = &world.plant().latency;
    Estimates {
        shut_down: latency.shut_down,
        boot: latency.post + latency.boot,
        services: latency.services,
        ..Estimates::default()
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Everything that was told, by the controller and by the data centre, in order of time.
    pub told: Vec<Told>,
    /// How things were before anything broke.
    pub before: Picture,
    /// How things are in the end.
    pub after: Picture,
    /// Who could be brought back in the end, by the hardware alone.
    pub possible: BTreeMap<PersonaName, Possibility>,
}

/// Who is where, and what is active: how it really is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Where each persona runs; none if it does not, or does not do what it should.
    pub home: BTreeMap<PersonaName, Option<ServerName>>,
    /// The servers that are off and wear nothing.
    pub spares: Vec<ServerName>,
    /// Where each database is active; databases that are not mounted are absent.
    pub active: BTreeMap<DatabaseName, MemberName>,
}

impl Picture {
    /// Looks.
    pub async fn of(world: &World) -> Self {
        let (home, spares, groups) = world.look(|truth| {
            let site = truth.site();
            let home = |name: &PersonaName| (name.clone(), truth.homes(name).into_iter().next());
            let off = |server: &&ServerName| {
                let boots = matches!(
                    truth.remembered_boot(server),
                    coldspare_bmc::BootSource::Iscsi(_)
                );
                truth.power(server) == coldspare_bmc::PowerState::Off && !boots
            };
            let groups: Vec<_> = site
                .dags
                .keys()
                .filter_map(|dag| truth.group(dag))
                .collect();
            (
                site.personas.keys().map(home).collect(),
                site.servers.keys().filter(off).cloned().collect(),
                groups.into_iter().cloned().collect::<Vec<_>>(),
            )
        });
        let mut active = BTreeMap::new();
        for group in groups {
            // No member is up: nothing is active.
            let Ok(dag) = group.dag().await else { continue };
            let mounted = dag
                .databases
                .into_iter()
                .filter(|(_, database)| database.mounted);
            active.extend(mounted.map(|(name, database)| (name, database.active)));
        }
        Self {
            home,
            spares,
            active,
        }
    }
}

/// Runs a scenario on a site from beginning to end, on a clock of its own: the same seed gives the
/// same outcome, byte for byte.
pub fn simulate(site: &Site, scenario: &Scenario, seed: u64) -> Result<Outcome, Error> {
    simulate_observed(site, scenario, seed, None)
}

/// The same with somebody who looks whenever something has changed.
pub fn simulate_observed(
    site: &Site,
    scenario: &Scenario,
    seed: u64,
    observer: Option<Observer>,
) -> Result<Outcome, Error> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_time()
        .start_paused(true)
        .build()?
        .block_on(async {
            let simulation = Simulation::start(site, scenario.latency.clone(), seed).await?;
            if let Some(observer) = observer {
                simulation.observe(observer);
            }
            let before = Picture::of(simulation.world()).await;
            simulation.schedule(scenario.faults.iter().cloned());
            simulation
                .run_until(Time::after_epoch(scenario.duration))
                .await;
            Ok(Outcome {
                told: simulation.told(),
                before,
                after: Picture::of(simulation.world()).await,
                possible: simulation.world().look(possible),
            })
        })
}

#[cfg(test)]
mod tests;
