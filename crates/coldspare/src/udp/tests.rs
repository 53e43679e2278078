//! On loopback, with real sockets and real time: few, and without exact times.

use coldspare_heartbeat::udp::{Clock as AgentClock, Route, Sender};
use coldspare_heartbeat::{Agent, AgentKey, Answer, Pulse, Testimony};
use coldspare_names::{Generation, Time};
use coldspare_san::memory::MemoryArray;
use coldspare_store::MemoryStore;
use tokio::time::{sleep, timeout};

use super::*;
use crate::ask::{Answered, Ask, Lists, answer};
use crate::connect::Echo;
use crate::hearing::Expected;
use crate::shell::Shell;
use crate::test_world::{World, white_paper};

/// So long that no second heartbeat is due during a test.
const PERIOD: Duration = Duration::from_hours(1);

async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.unwrap();
}

#[tokio::test]
async fn an_agent_is_heard_gets_its_echo_and_answers_when_it_is_asked() {
    let any = "127.0.0.1:0".parse().unwrap();
    let clock = Clock::showing(Time::EPOCH);
    let ears = Ears::bind(any, None, clock).unwrap();
    let (prober, to) = (ears.prober(), ears.address(Path::First).unwrap());
    let world = World::idle(white_paper(), MemoryArray::TRAITS);
    let store = Arc::new(MemoryStore::new());
    let (_shell, handle, _told) = Shell::new(world.site, world.devices, store, clock);

    let server: ServerName = "r720-1".parse().unwrap();
    let agent = Agent {
        slot: Slot::new(4).unwrap(),
        generation: Generation::new(7),
        key: AgentKey::from_secret(&"as read from its firmware".into()),
        boot: 1,
    };
    handle.expect(
        server.clone(),
        Expected {
            persona: "exchange-1".parse().unwrap(),
            generation: agent.generation,
            slot: agent.slot,
            key: agent.key.clone(),
            period: PERIOD,
        },
    );
    let listening = tokio::spawn(ears.listen(handle.clone()));
    let agent_clock = AgentClock::start();
    let pulse = Pulse::new(agent, PERIOD, 1, agent_clock.now());
    let route = Route {
        from: any,
        to,
        interface: None,
    };
    let mut sender = Sender::bind(pulse, route, None, agent_clock).await.unwrap();
    let sending = tokio::spawn(async move { sender.next().await });

    until(|| handle.datagrams().accepted == 1).await;
    prober.probe(&server, Path::First);
    until(|| handle.datagrams().accepted == 2).await;
    sending.abort();
    listening.abort();
}

/// Who may not ping tests nothing here; `coldspare_heartbeat::ping` says so in its own tests.
#[tokio::test]
async fn a_health_monitor_is_pinged_and_only_its_answer_is_a_sign_of_life() {
    let clock = Clock::showing(Time::EPOCH);
    let mut world = World::idle(white_paper(), MemoryArray::TRAITS);
    if coldspare_heartbeat::ping::is_allowed().is_err() {
        return;
    }
    world.devices.pinger = Arc::new(Echo);
    let server: ServerName = "r720-1".parse().unwrap();
    for (address, answered) in [("127.0.0.1", true), ("203.0.113.1", false)] {
        let ask = Ask::HealthMonitor {
            server: server.clone(),
            address: address.parse().unwrap(),
            asked: Time::EPOCH,
        };
        let told = answer(&world.devices, &world.site, clock, &Lists::default(), ask).await;
        let path = Path::First;
        let testimony = Testimony {
            asked: Time::EPOCH,
            answer: Answer::Probe { path, answered },
        };
        let server = server.clone();
        assert_eq!(told, Answered::Witness { server, testimony }, "{address}");
    }
}
