use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use coldspare_names::Time;
use tokio::time::sleep;

use super::clock::Clock;
use super::ear::{Drained, Ear};
use super::link::Link;
use crate::wire::{self, ECHO_EVERY, Kind};
use crate::{Beat, Detector, Error, Finding, Flags, Health, Intake, Path, Profile, Slot};

/// How long datagrams gather before they are taken together: when there were many, and when not.
const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_millis(5);
/// So many at once are many.
const MANY: usize = 16;
/// Datagrams taken from one socket before the other one has its turn.
const TURN: usize = 4_096;
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
    pub fn bind(
        profile: Profile,
        first: SocketAddr,
        second: Option<SocketAddr>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let now = clock.now();
        let detector = Detector::new(profile, now)?;
        let mut ears = Vec::new();
        for address in [first].into_iter().chain(second) {
            let bound = Ear::bind(address);
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
        let sent = ear.socket().send_to(&datagram, agent);
        self.traffic.count_sent(&sent);
    }

    /// Waits until there is something to tell. Nothing is lost when it is dropped while it waits.
    pub async fn next(&mut self) -> Vec<Finding> {
        // However much there is to tell, others have their turn between.
        tokio::task::yield_now().await;
        loop {
            let drained = self.listen();
            let now = self.clock.now();
            self.check_links(now);
            // As long as something is unread, silence means nothing; if that lasts, the detector
            // notices how late it is polled.
            let detector = self.intake.detector();
            let due = detector.deadline().unwrap_or(Time::NEVER);
            let overdue = now.since(due) > detector.profile().lateness;
            if due <= now && (drained.dry || overdue) {
                let findings = self.intake.poll(now);
                if !findings.is_empty() {
                    return findings;
                }
            }
            match drained {
                Drained { dry: false, .. } => tokio::task::yield_now().await,
                Drained { datagrams, .. } if datagrams >= MANY => sleep(SHORT).await,
                Drained { .. } => sleep(LONG).await,
            }
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
            let drained = ear.drain(TURN, |socket, batch| {
                intake.look_ahead(batch.iter().map(|received| received.bytes));
                for received in batch {
                    if let Ok(accepted) = intake.take(path, received.bytes, now)
                        && wants_echo(&accepted.beat, path)
                        && let (Some(key), Some(from)) =
                            (intake.key(accepted.slot), received.from())
                    {
                        let echo = wire::seal(Kind::Echo, accepted.slot, path, &accepted.beat, key);
                        traffic.count_sent(&socket.send_to(&echo, from));
                    }
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

/// A receipt for every beat would cost as much as all that is received.
fn wants_echo(beat: &Beat, path: Path) -> bool {
    beat.sequence.is_multiple_of(ECHO_EVERY) || !beat.health.echo[path.index()]
}

impl Traffic {
    fn count_sent(&mut self, sent: &io::Result<usize>) {
        match sent {
            Ok(_) => self.sent += 1,
            Err(_) => self.send_failures += 1,
        }
    }
}
