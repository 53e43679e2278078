//! Many senders simulated by one task.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use coldspare_heartbeat::udp::Clock;
use coldspare_heartbeat::{Agent, AgentKey, Pulse, Slot};
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
    let mut pulses = Vec::new();
    let mut due: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    let size = u32::try_from(crowd.len())?.max(1);
    for (place, (number, key)) in (0u32..).zip(crowd) {
        let agent = Agent {
            slot: Slot::new(number)?,
            generation: Generation::NONE.next(),
            key,
            boot: 1,
        };
        // They did not all start at once.
        let start = clock.now() + period * place / size;
        let pulse = Pulse::new(agent, period, number.into(), start);
        due.push(Reverse((pulse.due(), pulses.len())));
        pulses.push(pulse);
    }
    loop {
        let now = clock.now();
        while let Some(&Reverse((at, index))) = due.peek()
            && at <= now
        {
            due.pop();
            let pulse = &mut pulses[index];
            pulse.wrote(now);
            for ((socket, to), beat) in sockets.iter().zip(pulse.beat(now)) {
                let _lost = socket.send_to(&beat, to);
            }
            due.push(Reverse((pulse.due(), index)));
        }
        tokio::time::sleep(GATHER).await;
    }
}
