//! The real controller, on the laboratory's site: its ears, its agents' connections, its store. It
//! runs in this process, where each of its calls can be noted, or in processes of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coldspare::command::{Actor, Command};
use coldspare::site::Site;
use coldspare::udp::Ears;
use coldspare::watch::tell_changes;
use coldspare::{Clock, Core, Devices, Ending, Estimates, Handle, Overview, Reply, Shell, connect};
use coldspare_agent::remote::Agents;
use coldspare_examples::agents::admit;
use coldspare_examples::asking::Request;
use coldspare_heartbeat::Path;
use coldspare_names::Time;
use coldspare_store::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Failure;
use crate::calls::Calls;
use crate::daemons::Daemons;
use crate::enclosure::ROOT;
use crate::lab::Log;

/// Where agents find it, on each path.
pub(crate) const ADDRESSES: [(Ipv4Addr, &str); 2] = [
    (Ipv4Addr::new(10, 4, 0, 1), "scn-1"),
    (Ipv4Addr::new(10, 4, 0, 2), "scn-2"),
];
pub(crate) const PORT: u16 = 7404;

/// A controller that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Controller {
    /// What it asked of devices, if it runs here.
    pub(crate) calls: Calls,
    /// The same devices as the controller has, for looks of our own.
    pub(crate) devices: Devices,
    process: Process,
    heard: Arc<Mutex<Vec<Time>>>,
    _tasks: JoinSet<()>,
}

/// Where it runs.
#[derive(Debug)]
enum Process {
    Ours(Handle),
    Own(Box<Daemons>),
}

impl Controller {
    /// Controllers in processes of their own.
    pub(crate) fn apart(site: &Site, clock: Clock, daemons: Daemons) -> Result<Self, Failure> {
        Ok(Self {
            calls: Calls::new(clock),
            devices: connect(site)?,
            process: Process::Own(Box::new(daemons)),
            heard: Arc::default(),
            _tasks: JoinSet::new(),
        })
    }

    /// Starts one here. What it tells goes to the log.
    pub(crate) async fn start(site: &Arc<Site>, clock: Clock, log: Log) -> Result<Self, Failure> {
        let agents = Agents::new();
        let [first, second] = ADDRESSES.map(|(ip, _)| SocketAddr::from((ip, PORT)));
        let mut ears = Ears::bind(first, Some(second), clock)?;
        for (path, (_, interface)) in Path::BOTH.into_iter().zip(ADDRESSES) {
            ears.tie(path, interface)?;
        }
        let mut devices = connect(site)?;
        devices.prober = ears.prober();
        for (persona, guest) in &mut devices.guests {
            *guest = Arc::new(agents.guest(persona.clone()));
        }
        let calls = Calls::new(clock);
        let store = Arc::new(SqliteStore::open(format!("{ROOT}/store.db")).await?);
        let estimates = Estimates::default();
        let core = Core::new(site.clone(), devices.bind(), estimates, clock.now())?;
        let noted = calls.noting(devices.clone());
        let (shell, handle, mut told) = Shell::new(site.clone(), noted, store, clock);

        let mut tasks = JoinSet::new();
        for (ip, _) in ADDRESSES {
            let listener = TcpListener::bind((ip, PORT)).await?;
            let agents = agents.clone();
            tasks.spawn(async move { agents.serve(listener).await });
        }
        tasks.spawn(admit(agents, site.clone(), handle.clone()));
        tasks.spawn(ears.listen(handle.clone()));
        tasks.spawn(async move {
            let (Ending::Stopped | Ending::AnotherSite(_)) = shell.run(core).await;
        });
        let (seen, mut changes) = mpsc::unbounded_channel();
        tasks.spawn(tell_changes(devices.clone(), clock, seen));
        tasks.spawn(async move {
            while let Some(event) = tokio::select! {
                event = told.recv() => event,
                event = changes.recv() => event,
            } {
                log.tell(event);
            }
        });
        let heard = Arc::default();
        tasks.spawn(note_beats(handle.clone(), clock, Arc::clone(&heard)));
        Ok(Self {
            calls,
            devices,
            process: Process::Ours(handle),
            heard,
            _tasks: tasks,
        })
    }

    /// Asks it for something, as a person does.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        match &self.process {
            Process::Own(daemons) => daemons.ask(&request).await,
            Process::Ours(handle) => {
                let (actor, verb) = (Actor::Person("lab".to_owned()), request.verb(None)?);
                let reply = handle.ask(Command { actor, verb }).await;
                Ok(reply.ok_or("the controller has stopped")?)
            }
        }
    }

    /// The processes, in a scenario that has them.
    pub(crate) fn daemons(&mut self) -> Result<&mut Daemons, Failure> {
        match &mut self.process {
            Process::Own(daemons) => Ok(daemons),
            Process::Ours(_) => Err("the controller is no process of its own here".into()),
        }
    }

    /// How everything is, by its own word.
    pub(crate) async fn overview(&self) -> Result<Overview, Failure> {
        match self.ask(Request::Status).await? {
            Reply::Status(overview) => Ok(overview),
            other => Err(format!("asked for the status, it says {other:?}").into()),
        }
    }

    /// When the last heartbeat before that time counted.
    pub(crate) fn last_heard(&self, before: Time) -> Option<Time> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().rfind(|at| **at < before).copied()
    }
}

/// Notes when heartbeats counted, to ten milliseconds.
async fn note_beats(controller: Handle, clock: Clock, heard: Arc<Mutex<Vec<Time>>>) {
    let mut before = 0;
    loop {
        let accepted = controller.datagrams().accepted;
        if accepted != before {
            before = accepted;
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(clock.now());
        }
        sleep(Duration::from_millis(10)).await;
    }
}
