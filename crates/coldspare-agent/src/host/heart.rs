//! The heartbeats, from the first welcome to the end of the operating system.

use std::convert::Infallible;
use std::process::{Command, Stdio};
use std::time::Duration;

use coldspare_heartbeat::udp::{Clock, Route, Sender};
use coldspare_heartbeat::{Agent, Pulse};
use coldspare_names::Time;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::guest::ShutDown;
use super::{AGAIN, News, machine};
use crate::{Config, Error, Identity, Welcome};

/// How often is looked whether the SAN session stands.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct Heart<'a> {
    pub(super) config: &'a Config,
    pub(super) identity: Identity,
    pub(super) clock: Clock,
    pub(super) welcome: watch::Receiver<Option<Welcome>>,
    /// When the disk was last written.
    pub(super) wrote: watch::Receiver<Option<Time>>,
    pub(super) shut_down: mpsc::Receiver<ShutDown>,
    pub(super) tell: &'a dyn Fn(News),
}

/// Why a sender is no longer the right one.
enum Ended {
    /// The controller wants other beats, or a path lost its way.
    Anew,
    /// The operating system is shutting down.
    ShuttingDown,
}

impl Heart<'_> {
    pub(super) async fn beat(mut self) -> Result<Infallible, Error> {
        let boot = u64::try_from(self.clock.now().since_epoch().as_nanos()).unwrap_or(u64::MAX);
        let mut pulse: Option<(Welcome, Pulse)> = None;
        loop {
            let welcome = self.welcomed().await;
            // The same heart goes on, so that it counts on.
            let current = match pulse.take() {
                Some((before, pulse)) if before == welcome => pulse,
                _ => self.pulse(welcome, boot),
            };
            let sender = match self.sender(current.clone()).await {
                Ok(sender) => sender,
                Err(error) => {
                    (self.tell)(News::NoHeartbeats(error));
                    pulse = Some((welcome, current));
                    sleep(AGAIN).await;
                    continue;
                }
            };
            match self.send(sender).await {
                (sender, Ended::Anew) => pulse = Some((welcome, sender.pulse().clone())),
                (sender, Ended::ShuttingDown) => {
                    sender.shut_down().await;
                    return self.be_silent().await;
                }
            }
        }
    }

    /// What the controller said last.
    async fn welcomed(&mut self) -> Welcome {
        loop {
            if let Some(welcome) = *self.welcome.borrow_and_update() {
                return welcome;
            }
            if self.welcome.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn pulse(&self, welcome: Welcome, boot: u64) -> Pulse {
        let agent = Agent {
            slot: welcome.slot,
            generation: self.identity.generation,
            key: self.identity.key.clone(),
            boot,
        };
        Pulse::new(agent, welcome.period, boot, self.clock.now())
    }

    async fn sender(&self, pulse: Pulse) -> Result<Sender, coldspare_heartbeat::Error> {
        let mut routes = self.config.paths.iter().map(|path| Route {
            interface: Some(path.device()),
            from: (path.address.addr(), 0).into(),
            to: path.controller,
        });
        // A configuration has a path.
        let Some(first) = routes.next() else {
            return std::future::pending().await;
        };
        Sender::bind(pulse, first, routes.next(), self.clock).await
    }

    async fn send(&mut self, mut sender: Sender) -> (Sender, Ended) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                (path, echoed) = sender.next() => {
                    (self.tell)(News::Echo { path, echoed });
                    // Its interface may be another one than it was bound to.
                    if !echoed {
                        return (sender, Ended::Anew);
                    }
                }
                Ok(()) = self.wrote.changed() => {
                    if let Some(at) = *self.wrote.borrow_and_update() {
                        sender.pulse_mut().wrote(at);
                    }
                }
                Ok(()) = self.welcome.changed() => return (sender, Ended::Anew),
                Some(asked) = self.shut_down.recv() => {
                    let begun = self.begin_shut_down();
                    let ends = begun.is_ok();
                    // Whoever asked has gone, perhaps; the shut-down goes on.
                    let _ = asked.send(begun);
                    if ends {
                        return (sender, Ended::ShuttingDown);
                    }
                }
                _ = look.tick() => sender.pulse_mut().san(machine::san_stands()),
            }
        }
    }

    async fn be_silent(&mut self) -> Result<Infallible, Error> {
        while let Some(asked) = self.shut_down.recv().await {
            // It has begun: so much may be asked again.
            let _ = asked.send(Ok(()));
        }
        std::future::pending().await
    }

    fn begin_shut_down(&self) -> std::io::Result<()> {
        let Some((program, arguments)) = self.config.shut_down.split_first() else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        command.spawn().map(drop)
    }
}
