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
const LINK_CHECK: Duration = Duration::from_millis(500);

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
    /// Whether nothing was left.
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

    /// Whether the links of tied paths are up; nothing is said of them between two looks.
    pub fn links(&mut self, now: Time) -> Vec<(Path, bool)> {
        if self.links.is_empty() || now < self.links_due {
            return Vec::new();
        }
        self.links_due = now + LINK_CHECK;
        let links = self.links.iter();
        links.map(|(path, link)| (*path, link.is_up())).collect()
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
            match drained {
                Ok(drained) => {
                    traffic.received += drained.datagrams as u64;
                    traffic.turns += 1;
                    all.datagrams += drained.datagrams;
                    all.dry &= drained.dry;
                }
                Err(_) => traffic.receive_failures += 1,
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
            Self { dry: false, .. } => tokio::task::yield_now().await,
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
