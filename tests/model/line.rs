//! The line to the devices: the seams that the controller's steps go through, over plain values.
//!
//! A step is many calls, and its caller may be paused, give up or die between any two of them. A
//! future cannot be kept in a state; so what goes on later is begun anew, is **told again** what it was
//! told before, and meets the world as it is from there on.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coldspare::act::{Done, Order, StepError, act};
use coldspare::{Devices, Pinger, Plain, Prober};
use coldspare_bmc::Bmc;
use coldspare_heartbeat::Path;
use coldspare_names::ServerName;
use coldspare_network::Switch;
use coldspare_san::{Array, SecretKey};

use crate::handles::Handle;
use crate::plant::{Iron, Plant};

/// A step under way: so many of its calls were made, in the world as it was then.
#[derive(Debug, Clone)]
pub(crate) struct UnderWay {
    pub(crate) order: Arc<Order>,
    /// The world when it began.
    pub(crate) began: Plant,
    pub(crate) made: usize,
}

impl UnderWay {
    pub(crate) fn beginning(order: Arc<Order>, plant: &Plant) -> Self {
        Self {
            order,
            began: plant.clone(),
            made: 0,
        }
    }

    /// Goes on to the end, or until so many calls were made. Which calls were made since, and whether
    /// each changes something; and how it ended.
    pub(crate) fn go_on(
        &self,
        iron: &Arc<Iron>,
        plant: &mut Plant,
        until: usize,
    ) -> (Vec<bool>, Result<Done, StepError>) {
        let line = Line::new(iron, self.began.clone(), plant.clone(), self.made, until);
        let devices = line.devices();
        let end = play(act(&devices, &iron.site, &self.order));
        let traffic = line.lock();
        *plant = traffic.plant.clone();
        (traffic.calls.clone(), end)
    }
}

/// Lets a future run to its end, on a clock that jumps.
pub(crate) fn play<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime can be started");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

#[derive(Debug, Clone)]
pub(crate) struct Line(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    iron: Arc<Iron>,
    traffic: Mutex<Traffic>,
}

#[derive(Debug)]
struct Traffic {
    began: Plant,
    plant: Plant,
    /// So many calls were made before, in the world as it was then.
    made: usize,
    /// What comes after so many calls never comes back.
    until: usize,
    calls: Vec<bool>,
}

impl Line {
    fn new(iron: &Arc<Iron>, began: Plant, plant: Plant, made: usize, until: usize) -> Self {
        let traffic = Traffic {
            began,
            plant,
            made,
            until,
            calls: Vec::new(),
        };
        Self(Arc::new(Shared {
            iron: iron.clone(),
            traffic: Mutex::new(traffic),
        }))
    }

    /// A line to the world as it is.
    pub(crate) fn to(iron: &Arc<Iron>, plant: &Plant) -> Self {
        Self::new(iron, plant.clone(), plant.clone(), 0, usize::MAX)
    }

    pub(crate) fn iron(&self) -> &Arc<Iron> {
        &self.0.iron
    }

    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.0
            .traffic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next call was sent long ago.
    pub(crate) fn is_late(&self) -> bool {
        let traffic = self.lock();
        traffic.made > 0 && traffic.calls.len() == traffic.made
    }

    pub(crate) async fn call<T>(
        &self,
        changes: bool,
        made: impl FnOnce(&mut Plant) -> T + Send,
    ) -> T {
        let ends_here = {
            let traffic = self.lock();
            traffic.calls.len() >= traffic.until
        };
        if ends_here {
            std::future::pending::<()>().await;
        }
        let mut traffic = self.lock();
        traffic.calls.push(changes);
        if traffic.calls.len() <= traffic.made {
            made(&mut traffic.began)
        } else {
            made(&mut traffic.plant)
        }
    }

    pub(crate) fn devices(&self) -> Devices {
        let site = &self.0.iron.site;
        let bmcs = site.servers.keys().map(|name| {
            let handle: Arc<dyn Bmc> = Arc::new(Handle(name.clone(), self.clone()));
            (name.clone(), handle)
        });
        let switches = site.switches.keys().map(|name| {
            let handle: Arc<dyn Switch> = Arc::new(Handle(name.clone(), self.clone()));
            (name.clone(), handle)
        });
        let arrays = site.arrays.keys().map(|name| {
            let handle: Arc<dyn Array> = Arc::new(Handle(name.clone(), self.clone()));
            (name.clone(), handle)
        });
        let workloads = site
            .personas
            .keys()
            .map(|name| (name.clone(), Arc::new(Plain) as _));
        Devices {
            bmcs: bmcs.collect(),
            switches: switches.collect(),
            arrays: arrays.collect(),
            guests: BTreeMap::new(),
            groups: BTreeMap::new(),
            workloads: workloads.collect(),
            san_key: SecretKey::new([7; 32]),
            prober: Arc::new(self.clone()),
            pinger: Arc::new(self.clone()),
        }
    }
}

impl Prober for Line {
    /// Who could answer sends heartbeats anyway.
    fn probe(&self, _: &ServerName, _: Path) {}
}

#[async_trait]
impl Pinger for Line {
    /// Every persona here has an agent.
    async fn answers(&self, _: IpAddr) -> bool {
        false
    }
}
