use std::net::SocketAddr;

use coldspare_names::Time;

use super::clock::Clock;
use super::sockets::{Drained, Sockets};
use crate::{Detector, Error, Finding, Intake, Path, Profile, Slot};

/// The monitor: hears agents over one or two sockets, which are its paths, and tells what the
/// detector finds.
///
/// What [`Finding::Ask`] asks of management controllers and arrays is for its owner to find out;
/// [`Monitor::probe`] asks an agent.
#[derive(Debug)]
pub struct Monitor {
    intake: Intake,
    sockets: Sockets,
    clock: Clock,
}

impl Monitor {
    /// Listens on one address for the first path, and on another one for the second.
    pub fn bind(
        profile: Profile,
        first: SocketAddr,
        second: Option<SocketAddr>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let detector = Detector::new(profile, clock.now())?;
        Ok(Self {
            intake: Intake::new(detector),
            sockets: Sockets::bind(first, second)?,
            clock,
        })
    }

    /// What it listens on: for addresses, links and traffic.
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// The same, to be told something.
    pub fn sockets_mut(&mut self) -> &mut Sockets {
        &mut self.sockets
    }

    /// What it has heard: to enrol servers, and for verdicts and counters.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The same, to be told something.
    pub fn intake_mut(&mut self) -> &mut Intake {
        &mut self.intake
    }

    /// Asks an agent for a beat at once, over a path. Its answer is heard like any beat.
    pub fn probe(&mut self, slot: Slot, path: Path, agent: SocketAddr) {
        let generation = self.intake.detector().generation(slot);
        let keyring = self.intake.keyring();
        let probe = generation
            .and_then(|generation| keyring.probe(slot, generation, path, self.clock.now()));
        if let Some(probe) = probe {
            self.sockets.send(path, &probe, agent);
        }
    }

    /// Waits until there is something to tell. Nothing is lost when it is dropped while it waits.
    pub async fn next(&mut self) -> Vec<Finding> {
        // However much there is to tell, others have their turn between.
        tokio::task::yield_now().await;
        loop {
            let drained = self.listen();
            let now = self.clock.now();
            let look = self.intake.detector().profile().period / 2;
            for (path, up) in self.sockets.links(now, look) {
                self.intake.detector_mut().own_link(path, up, now);
            }
            // As long as something is unread, silence means nothing; if that lasts, the detector
            // notices how late it is polled.
            let detector = self.intake.detector();
            let due = detector.deadline().unwrap_or(Time::NEVER);
            let limit = detector.profile().lateness;
            let overdue = detector.promise().is_some_and(|at| now.since(at) > limit);
            if due <= now && (drained.dry || overdue) {
                let findings = self.intake.poll(now);
                if !findings.is_empty() {
                    return findings;
                }
            }
            drained.rest().await;
        }
    }

    /// Takes what has arrived, without waiting. Only for an owner with a loop of its own:
    /// [`Monitor::next`] listens.
    pub fn receive(&mut self) {
        self.listen();
    }

    fn listen(&mut self) -> Drained {
        let Self {
            intake,
            sockets,
            clock,
        } = self;
        sockets.receive(|batch| {
            let (path, now) = (batch.path(), clock.now());
            let datagrams = batch.received().map(|received| received.bytes);
            let mut number = 0..;
            intake.take_all(path, datagrams, now, |keyring, taken| {
                let (Some(number), Ok(accepted)) = (number.next(), taken) else {
                    return;
                };
                if let Some(echo) = keyring.echo(path, &accepted) {
                    batch.answer(number, &echo);
                }
            });
        })
    }
}
