use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use coldspare_names::Time;
use tokio::time::sleep;

use super::ear::{Arrived, Ear, Received};
use super::link::Link;
use crate::wire::LENGTH;
use crate::{Error, Path};

/// How long datagrams gather before they are taken together: when there were many, and when not.
const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_millis(5);
/// So many at once are many.
const MANY: usize = 16;
/// Datagrams taken from one socket before the other one has its turn.
const TURN: usize = 4_096;

/// One or two sockets, which are the paths of whoever listens: received from in batches.
#[derive(Debug)]
pub struct Sockets {
    ears: Vec<Ear>,
    links: Vec<(Path, Link)>,
    links_due: Time,
    traffic: Traffic,
}

/// What passed through the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Datagrams received.
    pub received: u64,
    /// Calls that received them.
    pub turns: u64,
    /// Echoes and probes sent.
    pub sent: u64,
    /// Echoes and probes that could not be sent.
    pub send_failures: u64,
    /// Calls to receive that failed.
    pub receive_failures: u64,
}

/// Datagrams that arrived over one path and were received together.
#[derive(Debug)]
pub struct Batch<'a> {
    path: Path,
    arrived: Arrived<'a>,
    socket: &'a UdpSocket,
    traffic: &'a mut Traffic,
}

/// How much there was to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// How many datagrams were received.
    pub datagrams: usize,
    /// Whether nothing is left on any path. It is not known of one that could not be received from.
    pub dry: bool,
}

impl Sockets {
    /// Listens on one address for the first path, and on another one for the second.
    pub fn bind(first: SocketAddr, second: Option<SocketAddr>) -> Result<Self, Error> {
        let mut ears = Vec::new();
        for address in [first].into_iter().chain(second) {
            let bound = Ear::bind(address);
            ears.push(bound.map_err(|error| Error::Bind {
                address,
                kind: error.kind(),
            })?);
        }
        Ok(Self {
            ears,
            links: Vec::new(),
            links_due: Time::EPOCH,
            traffic: Traffic::default(),
        })
    }

    /// The address on which it listens for a path.
    pub fn address(&self, path: Path) -> Option<SocketAddr> {
        self.ears.get(path.index())?.socket().local_addr().ok()
    }

    /// What passed through.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Ties a path to the interface that carries it: nothing is received or sent over another one,
    /// also where both paths are in one subnet, and its link is looked at: see [`Sockets::links`].
    pub fn tie(&mut self, path: Path, interface: &str) -> Result<(), Error> {
        if let Some(ear) = self.ears.get(path.index()) {
            ear.tie(interface).map_err(|error| Error::Interface {
                interface: interface.to_owned(),
                kind: error.kind(),
            })?;
            self.links.push((path, Link::of(interface)));
        }
        Ok(())
    }

    /// Tells which links of tied paths are up, and which are down, that were not so before; looks at
    /// them no more often than it is told. Half a heartbeat's period lets a link's end be known
    /// before silence over it counts.
    pub fn links(&mut self, now: Time, every: Duration) -> Vec<(Path, bool)> {
        if self.links.is_empty() || now < self.links_due {
            return Vec::new();
        }
        self.links_due = now + every;
        let news = |(path, link): &mut (Path, Link)| Some((*path, link.news()?));
        self.links.iter_mut().filter_map(news).collect()
    }

    /// Sends a datagram over a path, if there is that path.
    pub fn send(&mut self, path: Path, datagram: &[u8; LENGTH], to: SocketAddr) {
        if let Some(ear) = self.ears.get(path.index()) {
            self.traffic.count_sent(&ear.socket().send_to(datagram, to));
        }
    }

    /// Hands on what has arrived on all paths, without waiting.
    pub fn receive(&mut self, mut hear: impl FnMut(&mut Batch<'_>)) -> Drained {
        let mut all = Drained {
            datagrams: 0,
            dry: true,
        };
        let Self { ears, traffic, .. } = self;
        for (ear, path) in ears.iter_mut().zip(Path::BOTH) {
            let drained = ear.drain(TURN, |socket, arrived| {
                hear(&mut Batch {
                    path,
                    arrived,
                    socket,
                    traffic,
                });
            });
            if let Ok(drained) = drained {
                traffic.received += drained.datagrams as u64;
                traffic.turns += 1;
                all.datagrams += drained.datagrams;
                all.dry &= drained.dry;
            } else {
                traffic.receive_failures += 1;
                all.dry = false;
            }
        }
        all
    }
}

impl<'a> Batch<'a> {
    /// Over which path they arrived.
    pub fn path(&self) -> Path {
        self.path
    }

    /// All of them.
    #[inline]
    pub fn received(&self) -> impl Iterator<Item = Received<'a>> + use<'a> {
        self.arrived.each()
    }

    /// Sends an answer to where the one of that number, from 0, came from.
    pub fn answer(&mut self, number: usize, datagram: &[u8; LENGTH]) {
        if let Some(to) = self.arrived.sender(number) {
            self.traffic.count_sent(&self.socket.send_to(datagram, to));
        }
    }
}

impl Drained {
    /// Waits for as long as it is worth to before the next call: to be woken for every datagram
    /// would cost several times as much as to receive it.
    pub async fn rest(self) {
        match self {
            Self {
                dry: false,
                datagrams,
            } if datagrams >= TURN => tokio::task::yield_now().await,
            Self { datagrams, .. } if datagrams >= MANY => sleep(SHORT).await,
            Self { .. } => sleep(LONG).await,
        }
    }
}

impl Traffic {
    fn count_sent(&mut self, sent: &io::Result<usize>) {
        match sent {
            Ok(_) => self.sent += 1,
            Err(_) => self.send_failures += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "how long it rests is measured")]
    async fn a_path_that_could_not_be_received_from_is_not_dry_and_is_not_asked_without_rest() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut sockets = Sockets::bind(any, Some(any)).unwrap();
        // Nobody listens there any more: the next call to receive is told so.
        let gone = UdpSocket::bind(any).unwrap().local_addr().unwrap();
        let second = sockets.ears[1].socket();
        second.connect(gone).unwrap();
        second.send(b"?").unwrap();
        let failed = sockets.receive(|_| {});
        assert_eq!(sockets.traffic().receive_failures, 1);
        assert!(!failed.dry);
        let before = Instant::now();
        failed.rest().await;
        assert!(before.elapsed() >= LONG);
        assert!(sockets.receive(|_| {}).dry);
    }
}
