//! Handles to everything that a plan may touch, one a device.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare_bmc::Bmc;
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
    /// Each persona's application.
    pub workloads: BTreeMap<PersonaName, Arc<dyn Workload>>,
    /// From which the secrets are derived that bind an admission to a server and a generation.
    pub san_key: SecretKey,
    /// What looks whether an address answers.
    pub prober: Arc<dyn Prober>,
}

impl Devices {
    /// Whether every array can tell a former holder from the present one.
    pub fn bind(&self) -> bool {
        self.arrays.values().all(|array| array.traits().binds())
    }
}

/// Looks whether a server answers over a path: its agent, or the health-monitor address of a
/// persona that has none.
#[async_trait]
pub trait Prober: fmt::Debug + Send + Sync {
    /// Whether it answers. Silence is an answer too: false.
    async fn answers(&self, server: &ServerName, path: Path) -> bool;
}
