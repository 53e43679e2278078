//! The network settings of a persona, in memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::PersonaName;
use macaddr::MacAddr6;

use super::Fault;
use crate::{Error, Guest, GuestPlan, Interfaces, Link, Nic, carriers};

/// A running persona in memory, which fails over between its channels by itself.
#[derive(Debug, Clone)]
pub struct MemoryGuest {
    persona: PersonaName,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    nics: Vec<Nic>,
    configured: GuestPlan,
    shutting_down: bool,
    fault: Option<Fault>,
    latency: Duration,
}

impl MemoryGuest {
    /// A persona that has just booted on a server with these NICs: all have a link, and nothing is
    /// configured.
    pub fn new(persona: PersonaName, nics: impl IntoIterator<Item = MacAddr6>) -> Self {
        let nic = |mac| Nic {
            mac,
            link: Link::Up,
        };
        Self {
            persona,
            state: Arc::new(Mutex::new(State {
                nics: nics.into_iter().map(nic).collect(),
                configured: GuestPlan::default(),
                shutting_down: false,
                fault: None,
                latency: Duration::ZERO,
            })),
        }
    }

    /// What it does wrong from now on; nothing with `None`.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// How long each call takes from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// A NIC gains or loses its link.
    pub fn set_link(&self, mac: MacAddr6, link: Link) {
        for nic in self.state().nics.iter_mut().filter(|nic| nic.mac == mac) {
            nic.link = link;
        }
    }

    /// It boots, on a server with these NICs: nothing is configured until the agent does it.
    pub fn boot(&self, nics: Vec<Nic>) {
        let mut state = self.state();
        state.nics = nics;
        state.configured = GuestPlan::default();
        state.shutting_down = false;
    }

    /// What its image held configures itself as it boots: on the NICs that it was made for, and on
    /// no others.
    pub fn configure_itself(&self, held: &GuestPlan) {
        let mut state = self.state();
        let present = |mac| state.nics.iter().any(|nic| nic.mac == mac);
        if held.nics.values().all(|&mac| present(mac)) {
            state.configured = held.clone();
        }
    }

    /// Whether it was asked to shut down since it booted, and has begun to.
    pub fn is_shutting_down(&self) -> bool {
        self.state().shutting_down
    }

    /// Its interfaces as they really are, whatever its faults make it say.
    pub fn truth(&self) -> Interfaces {
        let state = self.state();
        let up: BTreeSet<MacAddr6> = state
            .nics
            .iter()
            .filter(|nic| nic.link == Link::Up)
            .map(|nic| nic.mac)
            .collect();
        let channels = state.configured.nics.iter();
        let channels_up = channels.filter(|(_, mac)| up.contains(mac));
        Interfaces {
            carriers: carriers(
                &state.configured,
                &channels_up.map(|(&channel, _)| channel).collect(),
            ),
            nics: state.nics.clone(),
            configured: state.configured.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silent(&self) -> Error {
        Error::GuestSilent {
            persona: self.persona.clone(),
            source: None,
        }
    }

    fn refused(&self, reason: &str, try_again: bool) -> Error {
        Error::GuestRefused {
            persona: self.persona.clone(),
            reason: reason.to_owned(),
            try_again,
        }
    }

    /// Takes as long as a call does, and fails where nothing answers.
    async fn call(&self) -> Result<(), Error> {
        let latency = self.state().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match self.state().fault {
            Some(Fault::Silent) => Err(self.silent()),
            _ => Ok(()),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State) -> Result<(), Error>) -> Result<(), Error> {
        let mut state = self.state();
        match state.fault {
            Some(Fault::Refuses) => Err(self.refused("not now", true)),
            Some(Fault::Ignores) => Ok(()),
            Some(Fault::LosesAnswer) => change(&mut state).and(Err(self.silent())),
            Some(Fault::Silent) | None => change(&mut state),
        }
    }
}

#[async_trait]
impl Guest for MemoryGuest {
    fn persona(&self) -> &PersonaName {
        &self.persona
    }

    async fn interfaces(&self) -> Result<Interfaces, Error> {
        self.call().await?;
        Ok(self.truth())
    }

    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), Error> {
        self.call().await?;
        self.change(|state| {
            let present = |mac| state.nics.iter().any(|nic| nic.mac == mac);
            if !plan.nics.values().all(|&mac| present(mac)) {
                return Err(self.refused("the plan names a NIC that is not here", false));
            }
            state.configured = plan.clone();
            Ok(())
        })
    }

    async fn shut_down(&self) -> Result<(), Error> {
        self.call().await?;
        self.change(|state| {
            state.shutting_down = true;
            Ok(())
        })
    }
}
