//! Many senders simulated by one task.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use coldspare_heartbeat::udp::Clock;
use coldspare_heartbeat::wire::{self, Claim};
use coldspare_heartbeat::{Agent, AgentKey, Path, Pulse, Reply, Slot};
use coldspare_names::{Generation, Time};

/// How long beats gather before they are sent together.
const GATHER: Duration = Duration::from_millis(2);

/// Sends everybody's beats, each when it is due. Ends only with an error.
pub(crate) async fn send(
    crowd: Vec<(u32, AgentKey)>,
    monitor: [SocketAddr; 2],
    period: Duration,
    clock: Clock,
) -> Box<dyn std::error::Error> {
    match try_send(crowd, monitor, period, clock).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn try_send(
    crowd: Vec<(u32, AgentKey)>,
    monitor: [SocketAddr; 2],
    period: Duration,
    clock: Clock,
) -> Result<std::convert::Infallible, Box<dyn std::error::Error>> {
    let mut sockets = Vec::new();
    for to in monitor {
        let socket = UdpSocket::bind(SocketAddr::new(to.ip(), 0))?;
        socket.set_nonblocking(true)?;
        sockets.push((socket, to));
    }
    let mut pulses = BTreeMap::new();
    let mut due: BinaryHeap<Reverse<(Time, Slot)>> = BinaryHeap::new();
    let size = u32::try_from(crowd.len())?.max(1);
    for (place, (number, key)) in (0u32..).zip(crowd) {
        let slot = Slot::new(number)?;
        let agent = Agent {
            slot,
            generation: Generation::NONE.next(),
            key,
            boot: 1,
        };
        // They did not all start at once.
        let start = clock.now() + period * place / size;
        let pulse = Pulse::new(agent, period, number.into(), start);
        due.push(Reverse((pulse.due(), slot)));
        pulses.insert(slot, pulse);
    }
    let ends = || Path::BOTH.into_iter().zip(&sockets);
    loop {
        let now = clock.now();
        for (path, (socket, to)) in ends() {
            hear(&mut pulses, path, socket, *to, now);
        }
        while let Some(&Reverse((at, slot))) = due.peek()
            && at <= now
            && let Some(pulse) = pulses.get_mut(&slot)
        {
            due.pop();
            pulse.wrote(now);
            for ((socket, to), beat) in sockets.iter().zip(pulse.beat(now)) {
                let _lost = socket.send_to(&beat, to);
            }
            due.push(Reverse((pulse.due(), slot)));
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// Hands on what the monitor sent back: without its echoes they would report that nobody hears them.
fn hear(
    pulses: &mut BTreeMap<Slot, Pulse>,
    path: Path,
    socket: &UdpSocket,
    monitor: SocketAddr,
    now: Time,
) {
    let mut datagram = [0; wire::LENGTH];
    while let Ok(length) = socket.recv(&mut datagram) {
        let Ok(claim) = Claim::read(&datagram[..length]) else {
            continue;
        };
        let pulse = pulses.get_mut(&claim.slot());
        let reply = pulse.map(|pulse| pulse.received(path, &datagram[..length], now));
        if let Some(Reply::Beat(beat)) = reply {
            let _lost = socket.send_to(&beat, monitor);
        }
    }
}
