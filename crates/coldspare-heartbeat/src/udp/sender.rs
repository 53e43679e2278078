use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{sleep, sleep_until};

use super::clock::Clock;
use crate::{Error, Flags, Path, Pulse, Reply, wire};

/// The way of a path: from an own address to the monitor's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The interface of this path, where two paths are in one subnet: the kernel would send
    /// everything over one of them. Heeded on Linux alone.
    pub interface: Option<String>,
    /// The address of the agent's interface of this path; port 0 for any.
    pub from: SocketAddr,
    /// Where the monitor listens for this path.
    pub to: SocketAddr,
}

/// The agent's half on UDP sockets: sends its beats, answers probes, notices missing echoes.
#[derive(Debug)]
pub struct Sender {
    pulse: Pulse,
    sockets: Vec<UdpSocket>,
    clock: Clock,
    echoed: [bool; 2],
}

/// How often, and how far apart, the last words are said: they may get lost like any datagram.
const FAREWELLS: u32 = 3;
const FAREWELL_GAP: Duration = Duration::from_millis(50);

impl Sender {
    /// Prepares to send over one or two paths.
    pub async fn bind(
        pulse: Pulse,
        first: Route,
        second: Option<Route>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let mut sockets = Vec::new();
        for route in [first].into_iter().chain(second) {
            sockets.push(connect(&route).await.map_err(|error| Error::Bind {
                address: route.from,
                kind: error.kind(),
            })?);
        }
        Ok(Self {
            pulse,
            sockets,
            clock,
            echoed: [true; 2],
        })
    }

    /// The address from which it sends over a path: where a probe reaches it.
    pub fn address(&self, path: Path) -> Option<SocketAddr> {
        self.sockets.get(path.index())?.local_addr().ok()
    }

    /// What it sends.
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// The same, to be told something: a write to disk, a flag, another key.
    pub fn pulse_mut(&mut self) -> &mut Pulse {
        &mut self.pulse
    }

    /// Sends beat after beat until a path begins or ceases to carry echoes; tells which one, and
    /// whether it does. Nothing is lost when it is dropped while it waits.
    pub async fn next(&mut self) -> (Path, bool) {
        loop {
            let now = self.clock.now();
            if self.pulse.due() <= now {
                self.send_beat();
            }
            for path in Path::BOTH.into_iter().take(self.sockets.len()) {
                self.receive(path);
                let echoed = self.pulse.is_echoed(path, now);
                if self.echoed[path.index()] != echoed {
                    self.echoed[path.index()] = echoed;
                    return (path, echoed);
                }
            }
            self.wait().await;
        }
    }

    async fn wait(&self) {
        let readable = |path: Path| async move {
            match self.sockets.get(path.index()) {
                Some(socket) => drop(socket.readable().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = readable(Path::First) => {}
            () = readable(Path::Second) => {}
            () = sleep_until(self.clock.instant(self.pulse.due())) => {}
        }
    }

    /// A path that cannot be sent over is silent: that is for the monitor to notice.
    fn send_beat(&mut self) {
        let beats = self.pulse.beat(self.clock.now());
        for (socket, beat) in self.sockets.iter().zip(beats) {
            let _unsent = socket.try_send(&beat);
        }
    }

    fn receive(&mut self, path: Path) {
        let mut buffer = [0; wire::LENGTH + 1];
        let socket = &self.sockets[path.index()];
        while let Ok(length) = socket.try_recv(&mut buffer) {
            let now = self.clock.now();
            if let Reply::Beat(beat) = self.pulse.received(path, &buffer[..length], now) {
                let _unsent = socket.try_send(&beat);
            }
        }
    }

    /// Says that the operating system is shutting down, and falls silent.
    pub async fn shut_down(mut self) {
        self.pulse.announce(Flags {
            shutting_down: true,
            ..Flags::default()
        });
        for _ in 0..FAREWELLS {
            self.send_beat();
            sleep(FAREWELL_GAP).await;
        }
    }
}

async fn connect(route: &Route) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind(route.from).await?;
    #[cfg(target_os = "linux")]
    if let Some(interface) = &route.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.connect(route.to).await?;
    // Until the runtime has seen that it can be written to, nothing would be sent: not even the
    // first beat, for which somebody may be waiting.
    socket.writable().await?;
    Ok(socket)
}
