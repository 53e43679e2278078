//! The operating system as a guest: its interfaces through rtnetlink, its end through its own
//! program.

use std::sync::Arc;

use async_trait::async_trait;
use coldspare_names::PersonaName;
use coldspare_network::netlink::NetlinkHost;
use coldspare_network::{Error, Guest, GuestPlan, Interfaces};
use tokio::sync::{mpsc, oneshot};

/// Somebody asks for a shut-down, and wants to know when it has begun.
pub(super) type ShutDown = oneshot::Sender<std::io::Result<()>>;

#[derive(Debug)]
pub(super) struct HostGuest {
    persona: PersonaName,
    netlink: Arc<NetlinkHost>,
    shut_down: mpsc::Sender<ShutDown>,
}

impl HostGuest {
    pub(super) fn new(
        persona: PersonaName,
        netlink: Arc<NetlinkHost>,
        shut_down: mpsc::Sender<ShutDown>,
    ) -> Self {
        Self {
            persona,
            netlink,
            shut_down,
        }
    }
}

#[async_trait]
impl Guest for HostGuest {
    fn persona(&self) -> &PersonaName {
        &self.persona
    }

    async fn interfaces(&self) -> Result<Interfaces, Error> {
        self.netlink.interfaces().await
    }

    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), Error> {
        self.netlink.set_plan(plan).await
    }

    async fn shut_down(&self) -> Result<(), Error> {
        let (begun, answer) = oneshot::channel();
        let asked = self.shut_down.send(begun).await;
        let answer = match asked {
            Ok(()) => answer.await.ok(),
            Err(_) => None,
        };
        match answer {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Error::GuestRefused {
                persona: self.persona.clone(),
                reason: format!("its shut-down cannot be begun: {error}"),
                try_again: true,
            }),
            None => Err(Error::GuestSilent {
                persona: self.persona.clone(),
                source: None,
            }),
        }
    }
}
