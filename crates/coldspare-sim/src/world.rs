//! The data centre: devices wired physically, so that causes have their effects.

mod build;
mod faults;
mod groups;
mod lan;
mod machine;
mod plant;
mod state;
mod system;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use coldspare::{Clock, Handle, Told};
use coldspare_heartbeat::Path;
use coldspare_names::{PersonaName, Time};
use coldspare_network::memory::MemoryGuest;
use coldspare_store::MemoryStore;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::{Fault, FaultKind, Truth};

pub use build::Error;
pub(crate) use build::stream;
pub(crate) use machine::{Machine, Stage};
pub(crate) use plant::Plant;
pub(crate) use state::State;
pub(crate) use system::System;

/// Called with the truth whenever something has changed in the data centre.
pub type Observer = Box<dyn FnMut(Time, &Truth<'_>) + Send>;

/// A data centre in memory. Cheap to clone: each clone is a handle to the same.
///
/// Nothing happens in it between two events, so idle time costs nothing.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    plant: Arc<Plant>,
    clock: Clock,
    state: Mutex<State>,
    /// Something is due earlier than before.
    earlier: Notify,
    /// The controller's machine dies.
    crash: Notify,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("site", &self.0.plant.site.name)
            .finish_non_exhaustive()
    }
}

impl World {
    fn new(plant: Plant, state: State, clock: Clock) -> Self {
        let world = Self(Arc::new(Inner {
            plant: Arc::new(plant),
            clock,
            state: Mutex::new(state),
            earlier: Notify::new(),
            crash: Notify::new(),
        }));
        let machines: Vec<_> = world
            .lock()
            .machines
            .values()
            .map(|m| m.bmc.power())
            .collect();
        for mut power in machines {
            let watcher = Arc::downgrade(&world.0);
            tokio::spawn(async move {
                while power.changed().await.is_ok() {
                    let Some(inner) = Weak::upgrade(&watcher) else {
                        return;
                    };
                    Self(inner).settle();
                }
            });
        }
        let driver = Arc::downgrade(&world.0);
        tokio::spawn(drive(driver, clock));
        world.settle();
        world
    }

    /// The clock that it goes by.
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// Lets something happen now.
    pub fn inject(&self, kind: &FaultKind) {
        self.lock().begin(&self.0.plant, kind, self.0.clock.now());
        self.settle();
        if *kind == FaultKind::ControllerCrash {
            self.0.crash.notify_waiters();
        }
    }

    /// Lets something be over now.
    pub fn mend(&self, kind: &FaultKind) {
        self.lock().end(&self.0.plant, kind, self.0.clock.now());
        self.settle();
    }

    /// Lets something happen in due time.
    pub fn schedule(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().schedule(faults);
        self.0.earlier.notify_one();
    }

    /// Shows the truth.
    pub fn look<T>(&self, look: impl FnOnce(&Truth<'_>) -> T) -> T {
        let state = self.lock();
        look(&Truth::new(&self.0.plant, &state, self.0.clock.now()))
    }

    /// Has somebody look whenever something has changed; the one before looks no longer.
    pub fn observe(&self, observer: Observer) {
        self.lock().observer = Some(observer);
        self.settle();
    }

    /// Everything told since this was asked last, in order of time.
    pub fn told(&self) -> Vec<Told> {
        let mut told = std::mem::take(&mut self.lock().told);
        told.sort_by_key(|told| told.at);
        told
    }

    /// Whether the controller's link is up.
    pub(crate) fn controller_is_linked(&self) -> bool {
        self.lock().controller_linked
    }

    /// Who hears the agents from now on: the controller that looks after them, if one does.
    pub fn heard_by(&self, controller: Option<Handle>) {
        let mut state = self.lock();
        state.controllers += u64::from(controller.is_some());
        state.controller = controller;
        state.say_own_links();
    }

    /// Keeps what a controller tells, among all that is [told](Self::told).
    pub fn tell(&self, told: Told) {
        self.lock().told.push(told);
    }

    /// The controllers' store.
    pub fn store(&self) -> &MemoryStore {
        &self.0.plant.store
    }

    /// Waits until the controller's machine dies.
    pub(crate) async fn crash(&self) {
        self.0.crash.notified().await;
    }

    /// Everything that follows from what was just changed follows.
    pub(crate) fn settle(&self) {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let before = state.next(&self.0.plant);
        state.settle(&self.0.plant, now);
        if state.next(&self.0.plant) != before {
            self.0.earlier.notify_one();
        }
    }

    pub(crate) fn plant(&self) -> &Arc<Plant> {
        &self.0.plant
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A persona's agent, where one answers the controller.
    pub(crate) fn agent(&self, persona: &PersonaName) -> Option<MemoryGuest> {
        let state = self.lock();
        let mut machines = state.machines.values();
        machines.find_map(|machine| {
            let system = machine
                .awake()
                .filter(|system| system.persona == *persona)?;
            let mut paths = Path::BOTH.into_iter();
            let speaks = paths.any(|path| State::speaks(&self.0.plant, machine, system, path));
            speaks.then(|| system.guest.clone())
        })
    }
}

/// Lets happen what is due, as long as anybody holds the world.
async fn drive(world: Weak<Inner>, clock: Clock) {
    /// When nothing is due: how often it is looked whether anybody still holds the world.
    const IDLE: Duration = Duration::from_hours(1);
    while let Some(inner) = world.upgrade() {
        let world = World(inner.clone());
        let idle = clock.now() + IDLE;
        let next = world
            .lock()
            .next(&inner.plant)
            .map_or(idle, |next| next.min(idle));
        tokio::select! {
            biased;
            () = inner.earlier.notified() => {}
            () = sleep_until(clock.instant(next)) => {
                let crashed = world.lock().advance(&inner.plant, clock.now());
                if crashed {
                    inner.crash.notify_waiters();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
