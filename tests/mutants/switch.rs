//! Controllers that are wrong about ports, played by a switch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coldspare_names::{PortName, SwitchName};
use coldspare_network::{Error, Observed, PortStatus, Switch, SwitchPlan};

/// A switch that does something else than it is asked, and says that it did what it was asked.
#[derive(Debug)]
pub(crate) struct MutantSwitch {
    real: Arc<dyn Switch>,
    alters: fn(&mut SwitchPlan),
    claimed: Mutex<BTreeMap<PortName, Observed>>,
}

impl MutantSwitch {
    /// What it makes of a plan before it carries it out.
    pub(crate) fn new(real: Arc<dyn Switch>, alters: fn(&mut SwitchPlan)) -> Self {
        Self {
            real,
            alters,
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
        let mut done = wanted.clone();
        (self.alters)(&mut done);
        self.real.set_ports(&BTreeMap::new(), &done).await?;
        let claimed = wanted
            .iter()
            .map(|(port, wanted)| (port.clone(), wanted.clone().into()));
        self.claimed.lock().unwrap().extend(claimed);
        Ok(())
    }
}
