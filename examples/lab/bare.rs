//! The bare boot: the persona's guest on the persona's home, given to it by hand, before there is a
//! controller. Its agent is heard as the controller would hear it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use coldspare::act::{Order, act};
use coldspare::site::{Site, SitePersona};
use coldspare::step::{Boot, Step};
use coldspare::{Devices, connect};
use coldspare_agent::Identity;
use coldspare_agent::remote::{Agents, Expected};
use coldspare_bmc::PowerCommand;
use coldspare_heartbeat::Slot;
use coldspare_heartbeat::wire::Claim;
use coldspare_names::{Generation, ServerName};
use coldspare_network::{port_plan, wire};
use coldspare_san::{Admission, admit, chap};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::Failure;
use crate::controller::{ADDRESSES, PORT};
use crate::lab::{PERSONA, SITE};
use crate::plant::{Plant, lay_out};
use crate::scenario::BOOT;

/// From the power-on until the agent was heard and had written its disk.
pub(crate) async fn boot(image: &Path) -> Result<Duration, Failure> {
    lay_out()?;
    let site = Site::parse(SITE.1, SITE.0)?;
    let plant = Plant::start(&site).await?;
    plant.storage.fill(&PERSONA.parse()?, image)?;
    let devices = connect(&site)?;
    let of = &site.personas[PERSONA];
    let server = of.home.as_ref().ok_or("the persona has no home")?;
    let generation = Generation::NONE.next();

    let expected = give(&site, &devices, of, server, generation).await?;
    let agents = Agents::new();
    agents.expect([(of.persona.name.clone(), expected.clone())]);
    let mut serving = JoinSet::new();
    let mut ears = Vec::new();
    for (ip, _) in ADDRESSES {
        let address = SocketAddr::from((ip, PORT));
        let (agents, listener) = (agents.clone(), TcpListener::bind(address).await?);
        serving.spawn(async move { agents.serve(listener).await });
        ears.push(UdpSocket::bind(address).await?);
    }
    #[expect(clippy::disallowed_methods, reason = "this is what is measured")]
    let power_on = Instant::now();
    devices.bmcs[server].set_power(PowerCommand::On).await?;
    let heard = hear(&ears[0], &expected);
    timeout(BOOT, heard)
        .await
        .map_err(|_| "nothing is heard of the bare guest")??;
    Ok(power_on.elapsed())
}

/// Wires, arms and admits as a plan of the controller's would.
async fn give(
    site: &Site,
    devices: &Devices,
    of: &SitePersona,
    server: &ServerName,
    generation: Generation,
) -> Result<Expected, Failure> {
    let ports = port_plan(&of.connections, &site.networks, &site.cabling(server))?;
    for (switch, ports) in ports.switches() {
        wire(&*devices.switches[switch], ports).await?;
    }
    let initiator = of.persona.initiator.clone();
    let boot = Boot {
        initiator: initiator.clone(),
        initiator_addresses: site.san_networks(server),
        image: of.persona.image.clone(),
        generation,
    };
    let arm = Order {
        step: Step::Arm {
            server: server.clone(),
            boot,
        },
        limit: BOOT,
        give: None,
    };
    act(devices, site, &arm).await?;
    let secret = chap(&devices.san_key, &initiator, server, generation);
    let admission = Admission {
        initiator,
        server: server.clone(),
        generation,
        addresses: site.san_addresses(server),
    };
    for volume in site.volumes_of(&of.persona.name) {
        admit(&*devices.arrays[&volume.array], &volume.volume, &admission).await?;
    }
    let identity = Identity::of(&secret.user, &secret.secret)?;
    Ok(Expected {
        generation,
        key: identity.key,
        slot: Slot::new(0)?,
        period: site.heartbeat.period,
        machine: None,
    })
}

/// Returns when a heartbeat says that the disk was written.
async fn hear(ear: &UdpSocket, expected: &Expected) -> Result<(), Failure> {
    let mut datagram = [0; 256];
    loop {
        let length = ear.recv(&mut datagram).await?;
        let claim = Claim::read(&datagram[..length])?;
        if claim
            .prove(&expected.key)
            .is_some_and(|beat| beat.wrote.is_some())
        {
            return Ok(());
        }
    }
}
