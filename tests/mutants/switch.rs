//! Controllers that are wrong about ports, played by a switch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coldspare_names::{PortName, SwitchName};
use coldspare_network::{Error, Membership, Observed, PortStatus, Switch, SwitchPlan};

/// A switch that does something else than it is asked, and says that it did what it was asked.
#[derive(Debug)]
pub(crate) struct MutantSwitch {
    real: Arc<dyn Switch>,
    does: fn(Membership) -> Option<Membership>,
    claimed: Mutex<BTreeMap<PortName, Observed>>,
}

impl MutantSwitch {
    /// What it does instead with each port; `None`: nothing.
    pub(crate) fn new(real: Arc<dyn Switch>, does: fn(Membership) -> Option<Membership>) -> Self {
        Self {
            real,
            does,
            claimed: Mutex::default(),
        }
    }
}

#[async_trait]
impl Switch for MutantSwitch {
    fn name(&self) -> &SwitchName {
        self.real.name()
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error> {
        let mut ports = self.real.ports().await?;
        for (port, claimed) in self.claimed.lock().unwrap().iter() {
            if let Some(status) = ports.get_mut(port) {
                status.observed = claimed.clone();
            }
        }
        Ok(ports)
    }

    async fn set_ports(
        &self,
        _: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        let done = wanted
            .iter()
            .filter_map(|(port, wanted)| Some((port.clone(), (self.does)(wanted.clone())?)));
        self.real
            .set_ports(&BTreeMap::new(), &done.collect())
            .await?;
        let claimed = wanted
            .iter()
            .map(|(port, wanted)| (port.clone(), wanted.clone().into()));
        self.claimed.lock().unwrap().extend(claimed);
        Ok(())
    }
}
