//! A switch in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::{PortId, PortName, SwitchName};

use super::Fault;
use crate::{Error, Link, Membership, Observed, PortStatus, Switch, SwitchPlan, VlanId};

/// A switch in memory, with the physical world around it: power, cables and hosts.
#[derive(Debug, Clone)]
pub struct MemorySwitch {
    name: SwitchName,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    ports: BTreeMap<PortName, Port>,
    powered: bool,
    fault: Option<Fault>,
    latency: Duration,
    /// What somebody else sets between the next caller's look and that caller's change.
    race: Option<(PortName, Observed)>,
}

#[derive(Debug)]
struct Port {
    observed: Observed,
    managed: bool,
    cabled: bool,
    host_powered: bool,
}

impl MemorySwitch {
    /// A switch with its managed ports, parked, cabled, and each with a host that is on.
    pub fn new(name: SwitchName, managed: impl IntoIterator<Item = PortName>) -> Self {
        let port = |name| (name, Port::new(Observed::Known(Membership::Parked), true));
        Self {
            name,
            state: Arc::new(Mutex::new(State {
                ports: managed.into_iter().map(port).collect(),
                powered: true,
                fault: None,
                latency: Duration::ZERO,
                race: None,
            })),
        }
    }

    /// Adds a port that may not be set: an uplink, say.
    #[must_use]
    pub fn with_unmanaged(self, port: PortName, observed: Observed) -> Self {
        self.state().ports.insert(port, Port::new(observed, false));
        self
    }

    /// What it does wrong from now on; nothing with `None`.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// How long each call takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Whether it has power. Without, it answers nothing and every link is down; what is
    /// configured stays.
    pub fn set_powered(&self, powered: bool) {
        self.state().powered = powered;
    }

    /// Whether the port's cable leads to a working NIC.
    pub fn set_cabled(&self, port: &PortName, cabled: bool) {
        self.with_port(port, |port| port.cabled = cabled);
    }

    /// Whether the host at the port's cable has power.
    pub fn set_host_powered(&self, port: &PortName, powered: bool) {
        self.with_port(port, |port| port.host_powered = powered);
    }

    /// Somebody else sets a port, past the seam.
    pub fn intrude(&self, port: &PortName, observed: Observed) {
        self.state().intrude(port, observed);
    }

    /// Somebody else sets a port just before the next change through the seam.
    pub fn intrude_before_next_change(&self, port: &PortName, observed: Observed) {
        self.state().race = Some((port.clone(), observed));
    }

    /// It forgets what was configured: every managed port is as it left the factory.
    pub fn lose_configuration(&self) {
        for port in self.state().ports.values_mut().filter(|port| port.managed) {
            port.observed = Observed::Foreign("never configured".to_owned());
        }
    }

    /// Its ports as they really are, whatever its faults make it say.
    pub fn truth(&self) -> BTreeMap<PortName, PortStatus> {
        self.state().report()
    }

    /// Whether frames of that VLAN can really pass the port now.
    pub fn carries(&self, port: &PortName, vlan: VlanId) -> bool {
        let state = self.state();
        state.ports.get(port).is_some_and(|port| {
            port.link(state.powered) == Link::Up && port.observed.may_pass(vlan)
        })
    }

    fn with_port(&self, port: &PortName, change: impl FnOnce(&mut Port)) {
        if let Some(port) = self.state().ports.get_mut(port) {
            change(port);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silent(&self) -> Error {
        Error::SwitchSilent {
            switch: self.name.clone(),
            source: None,
        }
    }

    fn port_id(&self, port: &PortName) -> PortId {
        PortId {
            switch: self.name.clone(),
            port: port.clone(),
        }
    }

    /// Takes as long as a call does, and fails where nothing answers.
    async fn call(&self) -> Result<(), Error> {
        let latency = self.state().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let state = self.state();
        match state.fault {
            Some(Fault::Silent) => Err(self.silent()),
            _ if !state.powered => Err(self.silent()),
            _ => Ok(()),
        }
    }

    /// Everything that must hold before anything is set.
    fn check(
        &self,
        state: &State,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        for port in wanted.keys() {
            if !state.ports.get(port).is_some_and(|port| port.managed) {
                let port = self.port_id(port);
                return Err(Error::PortUnmanaged { port });
            }
        }
        for (port, expected) in expected {
            let Some(found) = state.ports.get(port).map(|port| &port.observed) else {
                let port = self.port_id(port);
                return Err(Error::PortUnmanaged { port });
            };
            let done = wanted.get(port).is_some_and(|wanted| found.is(wanted));
            if found != expected && !done {
                return Err(Error::Conflict {
                    port: self.port_id(port),
                    expected: expected.clone(),
                    found: found.clone(),
                });
            }
        }
        Ok(())
    }
}

impl State {
    fn intrude(&mut self, port: &PortName, observed: Observed) {
        if let Some(port) = self.ports.get_mut(port) {
            port.observed = observed;
        }
    }

    fn report(&self) -> BTreeMap<PortName, PortStatus> {
        let status = |port: &Port| PortStatus {
            observed: port.observed.clone(),
            link: port.link(self.powered),
            managed: port.managed,
        };
        let ports = self.ports.iter();
        ports
            .map(|(name, port)| (name.clone(), status(port)))
            .collect()
    }
}

impl Port {
    fn new(observed: Observed, managed: bool) -> Self {
        Self {
            observed,
            managed,
            cabled: true,
            host_powered: true,
        }
    }

    fn link(&self, switch_powered: bool) -> Link {
        if switch_powered && self.cabled && self.host_powered {
            Link::Up
        } else {
            Link::Down
        }
    }
}

#[async_trait]
impl Switch for MemorySwitch {
    fn name(&self) -> &SwitchName {
        &self.name
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error> {
        self.call().await?;
        Ok(self.state().report())
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        self.call().await?;
        let mut state = self.state();
        if let Some((port, observed)) = state.race.take() {
            state.intrude(&port, observed);
        }
        self.check(&state, expected, wanted)?;
        match state.fault {
            Some(Fault::Refuses) => {
                return Err(Error::SwitchRefused {
                    switch: self.name.clone(),
                    reason: "the configuration is locked by another application".to_owned(),
                    try_again: true,
                });
            }
            Some(Fault::Ignores) => return Ok(()),
            _ => {}
        }
        for (name, membership) in wanted {
            if let Some(port) = state.ports.get_mut(name) {
                port.observed = Observed::Known(membership.clone());
            }
        }
        match state.fault {
            Some(Fault::LosesAnswer) => Err(self.silent()),
            _ => Ok(()),
        }
    }
}
