//! The agent itself, on Linux.

mod disk;
mod guest;
mod heart;
mod machine;
mod news;

use std::convert::Infallible;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use coldspare_heartbeat::udp::Clock;
use coldspare_network::netlink::NetlinkHost;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::{Applicant, Config, ControlPath, Error, Identity, Welcome};
use guest::HostGuest;
pub use news::News;

/// How long to wait before something that failed is tried again.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(1);

/// Runs the agent for as long as the operating system runs: returns only why it cannot begin.
///
/// It belongs into a tokio runtime of one thread. Started again, it goes on from what it finds in
/// the kernel.
pub async fn run(
    config: Config,
    identity: Identity,
    tell: &dyn Fn(News),
) -> Result<Infallible, Error> {
    let netlink = NetlinkHost::new(config.persona.clone());
    let netlink = Arc::new(netlink.map_err(Error::Guest)?);
    bring_up(&config, &netlink).await?;
    let (farewell, asked) = mpsc::channel(1);
    let guest = HostGuest::new(config.persona.clone(), netlink.clone(), farewell);
    let applicant = Applicant {
        persona: config.persona.clone(),
        machine: machine::uuid(),
        identity: identity.clone(),
    };
    let (welcomed, welcome) = watch::channel(None);
    let clock = Clock::start();
    let wrote = disk::mark(config.mark.clone(), clock)?;
    let links = async {
        loop {
            tell(News::NoFailover(netlink.follow_links().await));
            sleep(AGAIN).await;
        }
    };
    let heart = heart::Heart {
        config: &config,
        identity,
        clock,
        welcome,
        wrote,
        shut_down: asked,
        tell,
    };
    tokio::select! {
        never = links => never,
        never = keep_connected(&config, &applicant, &guest, &welcomed, tell) => never,
        never = heart.beat() => never,
    }
}

/// Brings up the system control network, unless a controller's plan with it is in place already.
async fn bring_up(config: &Config, netlink: &NetlinkHost) -> Result<(), Error> {
    let plan = config.first_plan(&machine::nics()?)?;
    let found = netlink.interfaces().await.map_err(Error::Guest)?.configured;
    let mut networks = plan.networks.iter();
    if networks.all(|(name, network)| found.networks.get(name) == Some(network)) {
        return Ok(());
    }
    netlink.set_plan(&plan).await.map_err(Error::Guest)
}

/// Connects to the controller, over one path after the other, and does what it asks.
async fn keep_connected(
    config: &Config,
    applicant: &Applicant,
    guest: &HostGuest,
    welcomed: &watch::Sender<Option<Welcome>>,
    tell: &dyn Fn(News),
) -> Result<Infallible, Error> {
    loop {
        for path in &config.paths {
            let controller = path.controller;
            let source = match connect(path, applicant).await {
                Ok(control) => {
                    welcomed.send_replace(Some(control.welcome()));
                    tell(News::Connected(controller));
                    control.serve(guest).await
                }
                Err(error) => error,
            };
            tell(News::NotConnected { controller, source });
            sleep(AGAIN).await;
        }
    }
}

async fn connect(
    path: &ControlPath,
    applicant: &Applicant,
) -> Result<crate::Control<TcpStream>, Error> {
    let socket = TcpSocket::new_v4()?;
    socket.bind_device(Some(path.device().as_bytes()))?;
    socket.bind((path.address.addr(), 0).into())?;
    let connecting = timeout(CONNECT, socket.connect(path.controller)).await;
    let stream = connecting.map_err(|_| Error::Silent { limit: CONNECT })??;
    stream.set_nodelay(true)?;
    let mut nonce = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
    applicant.apply(stream, nonce).await
}
