//! Handles to everything that a plan may touch, one a device.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare_bmc::Bmc;
use coldspare_exchange::{DagControl, DagName};
use coldspare_heartbeat::Path;
use coldspare_names::{ArrayName, PersonaName, ServerName, SwitchName};
use coldspare_network::{Guest, Switch};
use coldspare_san::{Array, SecretKey};

use crate::workload::Workload;

/// The devices of a site. Embedders fill it by hand; [`crate::connect`] fills it from a site file.
#[derive(Debug, Clone)]
pub struct Devices {
    /// Each server's management controller.
    pub bmcs: BTreeMap<ServerName, Arc<dyn Bmc>>,
    /// The managed LAN switches.
    pub switches: BTreeMap<SwitchName, Arc<dyn Switch>>,
    /// The storage arrays.
    pub arrays: BTreeMap<ArrayName, Arc<dyn Array>>,
    /// Each persona's operating system, through its agent.
    pub guests: BTreeMap<PersonaName, Arc<dyn Guest>>,
    /// Each database availability group.
    pub groups: BTreeMap<DagName, Arc<dyn DagControl>>,
    /// Each persona's application.
    pub workloads: BTreeMap<PersonaName, Arc<dyn Workload>>,
    /// From which the secrets are derived that bind an admission to a server and a generation.
    pub san_key: SecretKey,
    /// What asks agents for heartbeats.
    pub prober: Arc<dyn Prober>,
    /// What asks the health monitors of personas without agent.
    pub pinger: Arc<dyn Pinger>,
}

impl Devices {
    /// Whether every array can tell a former holder from the present one.
    pub fn bind(&self) -> bool {
        self.arrays.values().all(|array| array.traits().binds())
    }
}

/// Asks the agents of servers for a heartbeat.
pub trait Prober: fmt::Debug + Send + Sync {
    /// Has the agent of a server asked for a heartbeat at once, over a path, and does not wait. The
    /// answer is heard like any other heartbeat: nothing else is taken for one, so that none can be
    /// played back.
    fn probe(&self, server: &ServerName, path: Path);
}

/// Looks whether addresses answer: so personas are watched that have no agent.
#[async_trait]
pub trait Pinger: fmt::Debug + Send + Sync {
    /// Whether an address answers. It may wait for an answer as long as it likes: whoever asks ends
    /// the waiting, and takes silence for *no*.
    async fn answers(&self, address: IpAddr) -> bool;
}
