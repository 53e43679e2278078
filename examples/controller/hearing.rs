//! Agents: their heartbeats, and their connections.

use std::sync::Arc;

use coldspare::site::Site;
use coldspare::udp::Ears;
use coldspare::{Clock, Devices, Handle};
use coldspare_agent::remote::Agents;
use coldspare_examples::agents::admit;
use coldspare_heartbeat::Path;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Failure;
use crate::arguments::Ear;

/// What listens. Nobody does where no address is given: then no persona may have an agent.
#[derive(Debug)]
pub(crate) struct Hearing {
    ears: Option<Ears>,
    listeners: Vec<TcpListener>,
    agents: Agents,
}

impl Hearing {
    /// Begins to listen, and has the devices ask through it.
    pub(crate) async fn begin(
        addresses: &[Ear],
        clock: Clock,
        devices: &mut Devices,
    ) -> Result<Self, Failure> {
        let mut hearing = Self {
            ears: None,
            listeners: Vec::new(),
            agents: Agents::new(),
        };
        let Some((first, others)) = addresses.split_first() else {
            return Ok(hearing);
        };
        let second = others.first().map(|ear| ear.address);
        let mut ears = Ears::bind(first.address, second, clock)?;
        for (path, ear) in Path::BOTH.into_iter().zip(addresses) {
            if let Some(interface) = &ear.interface {
                ears.tie(path, interface)?;
            }
            hearing
                .listeners
                .push(TcpListener::bind(ear.address).await?);
        }
        devices.prober = ears.prober();
        for (persona, guest) in &mut devices.guests {
            *guest = Arc::new(hearing.agents.guest(persona.clone()));
        }
        hearing.ears = Some(ears);
        Ok(hearing)
    }

    /// Hears for a controller, until what is returned is dropped.
    pub(crate) fn go_on(self, site: &Arc<Site>, controller: &Handle) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for listener in self.listeners {
            let agents = self.agents.clone();
            tasks.spawn(async move { agents.serve(listener).await });
        }
        if let Some(ears) = self.ears {
            tasks.spawn(admit(self.agents, site.clone(), controller.clone()));
            tasks.spawn(ears.listen(controller.clone()));
        }
        tasks
    }
}
