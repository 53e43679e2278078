use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use coldspare_names::Time;
use tokio::time::{sleep, sleep_until};

use super::clock::Clock;
use super::ear::{Drained, Ear};
use super::link::Link;
use crate::wire::{self, ECHO_EVERY, Kind};
use crate::{Beat, Detector, Error, Finding, Flags, Health, Intake, Path, Profile, Slot};

/// After so many datagrams at once it waits a little, and lets the next ones gather.
const MANY: usize = 16;
const GATHER: Duration = Duration::from_millis(2);
/// Datagrams taken from one socket before the other one has its turn.
const TURN: usize = 4_096;
/// Verdicts need no finer time.
const TICK: Duration = Duration::from_millis(5);
const LINK_CHECK: Duration = Duration::from_millis(500);

/// The monitor: hears agents over one or two sockets, which are its paths, and tells what the
/// detector finds.
///
/// What [`Finding::Ask`] asks of management controllers and arrays is for its owner to find out;
/// [`Monitor::probe`] asks an agent.
#[derive(Debug)]
pub struct Monitor {
    intake: Intake,
    ears: Vec<Ear>,
    links: Vec<(Path, Link)>,
    links_due: Time,
    poll_due: Time,
    clock: Clock,
    traffic: Traffic,
}

/// What passed through a monitor's sockets, beside what the intake counts.
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

impl Monitor {
    /// Listens on one address for the first path, and on another one for the second.
    pub async fn bind(
        profile: Profile,
        first: SocketAddr,
        second: Option<SocketAddr>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let now = clock.now();
        let detector = Detector::new(profile, now)?;
        let mut ears = Vec::new();
        for address in [first].into_iter().chain(second) {
            let bound = Ear::bind(address).await;
            ears.push(bound.map_err(|error| Error::Bind {
                address,
                kind: error.kind(),
            })?);
        }
        Ok(Self {
            intake: Intake::new(detector),
            ears,
            links: Vec::new(),
            links_due: now,
            poll_due: now,
            clock,
            traffic: Traffic::default(),
        })
    }

    /// The address on which it listens for a path.
    pub fn address(&self, path: Path) -> Option<SocketAddr> {
        self.ears.get(path.index())?.socket().local_addr().ok()
    }

    /// Doubts itself while this interface, which carries a path, has no carrier.
    pub fn watch_link(&mut self, path: Path, interface: &str) {
        self.links.push((path, Link::of(interface)));
    }

    /// What it has heard: to enrol servers, and for verdicts and counters.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The same, to be told something.
    pub fn intake_mut(&mut self) -> &mut Intake {
        &mut self.intake
    }

    /// What passed through its sockets.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Asks an agent for a beat at once, over a path. Its answer is heard like any beat.
    pub fn probe(&mut self, slot: Slot, path: Path, agent: SocketAddr) {
        let (Some(key), Some(ear)) = (self.intake.key(slot), self.ears.get(path.index())) else {
            return;
        };
        let now = self.clock.now();
        let generation = self.intake.detector().generation(slot);
        let blank = Beat {
            boot: 0,
            sequence: 0,
            generation: generation.unwrap_or_default(),
            flags: Flags::default(),
            health: Health::default(),
            wrote: None,
            sent: now,
            period: Duration::ZERO,
        };
        let datagram = wire::seal(Kind::Probe, slot, path, &blank, key);
        let sent = ear.socket().try_send_to(&datagram, agent);
        self.traffic.count_sent(&sent);
    }

    /// Waits until there is something to tell. Nothing is lost when it is dropped while it waits.
    pub async fn next(&mut self) -> Vec<Finding> {
        loop {
            let drained = self.listen();
            let now = self.clock.now();
            self.check_links(now);
            // As long as something is unread, silence means nothing; if that lasts, the detector
            // notices how late it is polled.
            let overdue = now.since(self.poll_due) > self.intake.detector().profile().lateness;
            if (drained.dry || overdue) && self.poll_due <= now {
                let findings = self.intake.poll(now);
                self.poll_due = now;
                if !findings.is_empty() {
                    return findings;
                }
            }
            let deadline = self.intake.detector().deadline().unwrap_or(Time::NEVER);
            self.poll_due = deadline.max(now + TICK);
            if !drained.dry {
                tokio::task::yield_now().await;
            } else if drained.datagrams >= MANY {
                sleep(GATHER).await;
            } else {
                self.wait().await;
            }
        }
    }

    async fn wait(&self) {
        let links_due = (!self.links.is_empty()).then_some(self.links_due);
        let due = self.poll_due.min(links_due.unwrap_or(Time::NEVER));
        let readable = |path: Path| async move {
            match self.ears.get(path.index()) {
                Some(ear) => drop(ear.socket().readable().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = readable(Path::First) => {}
            () = readable(Path::Second) => {}
            () = sleep_until(self.clock.instant(due)) => {}
        }
    }

    /// Takes what has arrived, without waiting; for how many datagrams that was, see
    /// [`Monitor::traffic`]. Only for an owner with a loop of its own: [`Monitor::next`] listens.
    pub fn receive(&mut self) {
        self.listen();
    }

    /// Takes what has arrived on all paths.
    fn listen(&mut self) -> Drained {
        let Self {
            intake,
            ears,
            clock,
            traffic,
            ..
        } = self;
        let mut all = Drained {
            datagrams: 0,
            dry: true,
        };
        for (ear, path) in ears.iter_mut().zip(Path::BOTH) {
            let now = clock.now();
            let drained = ear.drain(TURN, |socket, datagram, from| {
                let Ok(accepted) = intake.take(path, datagram, now) else {
                    return;
                };
                let wanted = accepted.beat.sequence.is_multiple_of(ECHO_EVERY)
                    || !accepted.beat.health.echo[path.index()];
                if wanted && let (Some(key), Some(from)) = (intake.key(accepted.slot), from) {
                    let echo = wire::seal(Kind::Echo, accepted.slot, path, &accepted.beat, key);
                    traffic.count_sent(&socket.try_send_to(&echo, from));
                }
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

    fn check_links(&mut self, now: Time) {
        if self.links.is_empty() || now < self.links_due {
            return;
        }
        self.links_due = now + LINK_CHECK;
        for (path, link) in &self.links {
            let detector = self.intake.detector_mut();
            detector.own_link(*path, link.is_up(), now);
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
