//! Hearing agents over UDP, and asking them (feature `udp`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use coldspare_heartbeat::udp::{Batch, Sockets, Traffic};
use coldspare_heartbeat::{Error, Path, Slot};
use coldspare_names::ServerName;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::devices::Prober;
use crate::shell::Handle;

/// Probes that may wait to be sent. One that finds no room is not sent: the detector asks again.
const ROOM: usize = 1024;

/// As often as that would be heard whoever is expected, while nobody is.
const NOBODYS_PERIOD: Duration = Duration::from_secs(1);

/// The controller's ears: an address for each path over which agents are heard.
#[derive(Debug)]
pub struct Ears {
    sockets: Sockets,
    clock: Clock,
    /// Where each agent was heard from last, over each path: there a probe reaches it.
    heard_from: BTreeMap<(Slot, Path), SocketAddr>,
    probes: mpsc::Sender<(ServerName, Path)>,
    asked: mpsc::Receiver<(ServerName, Path)>,
}

impl Ears {
    /// Listens on one address for the first path, and on another one for the second.
    pub fn bind(
        first: SocketAddr,
        second: Option<SocketAddr>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let (probes, asked) = mpsc::channel(ROOM);
        Ok(Self {
            sockets: Sockets::bind(first, second)?,
            clock,
            heard_from: BTreeMap::new(),
            probes,
            asked,
        })
    }

    /// The address on which it listens for a path.
    pub fn address(&self, path: Path) -> Option<SocketAddr> {
        self.sockets.address(path)
    }

    /// Ties a path to the interface that carries it, and has the controller doubt itself while that
    /// has no carrier: see [`Sockets::tie`].
    pub fn tie(&mut self, path: Path, interface: &str) -> Result<(), Error> {
        self.sockets.tie(path, interface)
    }

    /// What passed through its sockets.
    pub fn traffic(&self) -> Traffic {
        self.sockets.traffic()
    }

    /// What asks agents for a heartbeat, for [`crate::Devices::prober`].
    pub fn prober(&self) -> Arc<dyn Prober> {
        Arc::new(Asks(self.probes.clone()))
    }

    /// Hands what it hears to a controller, until it is dropped.
    pub async fn listen(mut self, controller: Handle) {
        loop {
            let heard_from = &mut self.heard_from;
            let drained = self
                .sockets
                .receive(|batch| take(batch, &controller, heard_from));
            while let Ok((server, path)) = self.asked.try_recv() {
                self.ask(&controller, &server, path);
            }
            // One profile holds for all.
            let period = controller
                .expected()
                .borrow()
                .values()
                .next()
                .map(|it| it.period);
            let look = period.unwrap_or(NOBODYS_PERIOD) / 2;
            for (path, up) in self.sockets.links(self.clock.now(), look) {
                controller.own_link(path, up).await;
            }
            drained.rest().await;
        }
    }

    fn ask(&mut self, controller: &Handle, server: &ServerName, path: Path) {
        let slot = controller.expected().borrow().get(server).map(|it| it.slot);
        let to = slot.and_then(|slot| self.heard_from.get(&(slot, path)));
        if let (Some(to), Some(probe)) = (to, controller.probe(server, path)) {
            self.sockets.send(path, &probe, *to);
        }
    }
}

fn take(
    batch: &mut Batch<'_>,
    controller: &Handle,
    heard_from: &mut BTreeMap<(Slot, Path), SocketAddr>,
) {
    let path = batch.path();
    for (number, received) in batch.received().enumerate() {
        let Ok(accepted) = controller.heard(path, received.bytes) else {
            continue;
        };
        if let Some(from) = received.from {
            heard_from.insert((accepted.slot, path), from);
        }
        if let Some(echo) = controller.echo(path, &accepted) {
            batch.answer(number, &echo);
        }
    }
}

#[derive(Debug)]
struct Asks(mpsc::Sender<(ServerName, Path)>);

impl Prober for Asks {
    fn probe(&self, server: &ServerName, path: Path) {
        // Full: one probe less.
        let _ = self.0.try_send((server.clone(), path));
    }
}

#[cfg(test)]
mod tests;
