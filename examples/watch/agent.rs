//! An agent as a process of its own, and what its parent knows about it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coldspare_heartbeat::udp::{Clock, Route, Sender};
use coldspare_heartbeat::{AgentKey, Path, Power, Pulse, Sessions, Slot};
use coldspare_names::{Generation, Time};
use serde::{Deserialize, Serialize};

type Failure = Box<dyn std::error::Error>;

/// What an agent must know. It is told on a pipe: a key has no place in a process list.
#[derive(Serialize, Deserialize)]
struct Orders {
    slot: Slot,
    key: [u8; 32],
    monitor: [SocketAddr; 2],
    period: Duration,
}

/// What its pipe, which stands for its SAN session, has shown.
#[derive(Debug, Default)]
struct Session {
    addresses: Vec<SocketAddr>,
    wrote: Option<Time>,
    gone: bool,
}

/// An agent's process, seen by its parent.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    /// When it is closed, the agent ends: it does not outlive its parent.
    _orders: ChildStdin,
    session: Arc<Mutex<Session>>,
}

impl Agent {
    pub(crate) fn spawn(
        number: u32,
        key: &AgentKey,
        monitor: [SocketAddr; 2],
        period: Duration,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--agent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = Orders {
            slot: Slot::new(number)?,
            key: *key.expose(),
            monitor,
            period,
        };
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the agent has no pipes".into());
        };
        writeln!(stdin, "{}", serde_json::to_string(&orders)?)?;
        let session = Arc::new(Mutex::new(Session::default()));
        let shared = Arc::clone(&session);
        std::thread::spawn(move || listen(stdout, &shared, clock));
        Ok(Self {
            child,
            _orders: stdin,
            session,
        })
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()
    }

    /// What the operating system knows.
    pub(crate) fn power(&mut self) -> Power {
        match self.child.try_wait() {
            Ok(None) => Power::On,
            Ok(Some(_)) => Power::Off,
            Err(_) => Power::NoAnswer,
        }
    }

    /// What its pipe has shown.
    pub(crate) fn sessions(&self) -> Sessions {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        match (session.gone, session.wrote) {
            (true, _) => Sessions::Gone,
            (false, Some(at)) => Sessions::LastWrite(at),
            (false, None) => Sessions::NoAnswer,
        }
    }

    /// Where a probe reaches it.
    pub(crate) fn address(&self, path: Path) -> Option<SocketAddr> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.addresses.get(path as usize).copied()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Reads what an agent writes: its addresses, and then a line each period.
fn listen(from: ChildStdout, session: &Mutex<Session>, clock: Clock) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
        session.wrote = Some(clock.now());
        if let Ok(addresses) = serde_json::from_str(&line) {
            session.addresses = addresses;
        }
    }
    session.lock().unwrap_or_else(PoisonError::into_inner).gone = true;
}

/// The agent itself.
pub(crate) async fn run() -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let orders: Orders = serde_json::from_str(&line)?;
    let clock = Clock::start();
    let boot = u64::try_from(clock.now().since_epoch().as_millis())?;
    let agent = coldspare_heartbeat::Agent {
        slot: orders.slot,
        generation: Generation::NONE.next(),
        key: AgentKey::new(orders.key)?,
        boot,
    };
    let pulse = Pulse::new(
        agent,
        orders.period,
        boot ^ u64::from(orders.slot.number()),
        clock.now(),
    );
    let route = |to: SocketAddr| Route {
        interface: None,
        from: SocketAddr::new(to.ip(), 0),
        to,
    };
    let [first, second] = orders.monitor.map(route);
    let mut sender = Sender::bind(pulse, first, Some(second), clock).await?;
    let addresses: Vec<_> = [Path::First, Path::Second]
        .into_iter()
        .filter_map(|path| sender.address(path))
        .collect();
    println!("{}", serde_json::to_string(&addresses)?);

    let (ended, mut end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = String::new();
        let _end_of_input = std::io::stdin().read_line(&mut rest);
        ended.send(())
    });
    let mut writing = tokio::time::interval(orders.period);
    loop {
        tokio::select! {
            _ = &mut end => break,
            _ = writing.tick() => {
                println!("\"written\"");
                sender.pulse_mut().wrote(clock.now());
            }
            _ = sender.next() => {}
        }
    }
    sender.shut_down().await;
    Ok(())
}
