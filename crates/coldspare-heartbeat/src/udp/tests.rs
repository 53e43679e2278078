//! The shells on loopback, with real sockets and real time: few, short, and without exact times.

use std::net::SocketAddr;
use std::slice;
use std::time::Duration;

use coldspare_names::Generation;
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    Agent, AgentKey, Enrolment, Error, Finding, Keyring, Path, Profile, Pulse, Question, Slot,
    Start, Watch, wire,
};

const PERIOD: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(10);

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn slot() -> Slot {
    Slot::new(3).unwrap()
}

fn key() -> AgentKey {
    AgentKey::new([9; 32]).unwrap()
}

/// A profile for a machine that may be busy: ten periods of silence.
fn profile() -> Profile {
    Profile {
        period: PERIOD,
        path_silence: PERIOD * 20,
        silence: PERIOD * 10,
        ..Profile::default()
    }
}

fn monitor(clock: Clock) -> Monitor {
    let mut monitor = Monitor::bind(profile(), any(), Some(any()), clock).unwrap();
    let intake = monitor.intake_mut();
    intake.enrol(slot(), &enrolment(), key(), clock.now());
    monitor
}

fn enrolment() -> Enrolment {
    Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Booting,
        labels: [].into(),
        arrays: [].into(),
    }
}

fn agent() -> Agent {
    Agent {
        slot: slot(),
        generation: Generation::new(1),
        key: key(),
        boot: 1,
    }
}

async fn sender(monitor: &Monitor, boot: u64, clock: Clock) -> Sender {
    let agent = Agent { boot, ..agent() };
    let pulse = Pulse::new(agent, PERIOD, boot, clock.now());
    let route = |path| Route {
        interface: None,
        from: any(),
        to: monitor.sockets().address(path).unwrap(),
    };
    let second = Some(route(Path::Second));
    Sender::bind(pulse, route(Path::First), second, clock)
        .await
        .unwrap()
}

/// Listens until something is found, while the sender sends.
async fn find(
    monitor: &mut Monitor,
    sender: Option<&mut Sender>,
    wanted: impl Fn(&Finding) -> bool,
) {
    let listen = async { while !monitor.next().await.iter().any(&wanted) {} };
    let send = async {
        match sender {
            Some(sender) => loop {
                sender.next().await;
            },
            None => std::future::pending::<()>().await,
        }
    };
    let found = async {
        tokio::select! {
            () = listen => {}
            () = send => {}
        }
    };
    timeout(LONG, found).await.unwrap();
}

#[tokio::test]
async fn an_agent_is_heard_missed_and_heard_again_after_its_restart() {
    let clock = Clock::start();
    let mut monitor = monitor(clock);
    let mut first = sender(&monitor, 1, clock).await;
    let started = |boot| Finding::Started { slot: slot(), boot };
    find(&mut monitor, Some(&mut first), |found| *found == started(1)).await;
    drop(first);
    let suspected = |found: &Finding| matches!(found, Finding::Suspected { .. });
    find(&mut monitor, None, suspected).await;
    let mut second = sender(&monitor, 2, clock).await;
    find(&mut monitor, Some(&mut second), |found| {
        *found == started(2)
    })
    .await;
    assert!(monitor.intake().counters().accepted >= 2);
}

#[tokio::test]
async fn one_that_says_farewell_is_not_missed() {
    let clock = Clock::start();
    let mut monitor = monitor(clock);
    let sender = sender(&monitor, 1, clock).await;
    let announced = |found: &Finding| matches!(found, Finding::Announced { .. });
    let ((), ()) = tokio::join!(find(&mut monitor, None, announced), sender.shut_down());
    let suspected = |found: &Finding| matches!(found, Finding::Suspected { .. });
    let missed = timeout(PERIOD * 20, find(&mut monitor, None, suspected)).await;
    assert!(missed.is_err(), "it is not missed");
}

#[tokio::test]
async fn a_probe_is_answered_although_no_beat_is_due() {
    let clock = Clock::start();
    let mut monitor = monitor(clock);
    let mut sender = sender(&monitor, 1, clock).await;
    let started = |found: &Finding| matches!(found, Finding::Started { .. });
    find(&mut monitor, Some(&mut sender), started).await;
    let asked = |found: &Finding| {
        matches!(
            found,
            Finding::Ask {
                question: Question::Probe(_),
                ..
            }
        )
    };
    find(&mut monitor, None, asked).await;
    let agent = sender.address(Path::First).unwrap();
    monitor.probe(slot(), Path::First, agent);
    let recovered = |found: &Finding| matches!(found, Finding::Recovered { .. });
    find(&mut monitor, Some(&mut sender), recovered).await;
}

/// What is found first when a beat waits behind so many other datagrams, and its server has been
/// silent for too long; nothing, if the system did not keep them all.
async fn found_first(before: u64) -> Option<Vec<Finding>> {
    let clock = Clock::start();
    // It takes its time: to be late is not what it is about.
    let patient = Profile {
        lateness: LONG,
        ..profile()
    };
    let mut monitor = Monitor::bind(patient, any(), None, clock).unwrap();
    let running = Enrolment {
        start: Start::Running,
        watch: Watch::AgentOnOnePath,
        ..enrolment()
    };
    let intake = monitor.intake_mut();
    intake.enrol(slot(), &running, key(), clock.now());
    let [beat, _] = Pulse::new(agent(), PERIOD, 1, clock.now()).beat(clock.now());
    let (socket, to) = (
        std::net::UdpSocket::bind(any()).unwrap(),
        monitor.sockets().address(Path::First).unwrap(),
    );
    for _ in 0..before {
        socket.send_to(b"nothing", to).unwrap();
    }
    socket.send_to(&beat, to).unwrap();
    sleep(profile().silence + PERIOD).await;
    let found = timeout(LONG, monitor.next()).await.unwrap();
    // Whatever it left unread.
    monitor.receive();
    let kept = monitor.sockets().traffic().received;
    (kept == before + 1).then_some(found)
}

#[tokio::test]
async fn a_monitor_judges_nobody_whose_beat_it_has_not_read_yet() {
    let started = Finding::Started {
        slot: slot(),
        boot: 1,
    };
    // The last are more than are taken at once: for so many, one must have the right to a large
    // buffer.
    for before in [0, 100, 6_000] {
        let Some(found) = found_first(before).await else {
            let told = format!("a socket keeps fewer than {before} datagrams here");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{told}");
            eprintln!("{told}");
            return;
        };
        assert_eq!(found, slice::from_ref(&started), "{before} came before");
    }
}

/// A good datagram, and one byte more.
fn over_long(datagram: &[u8]) -> Vec<u8> {
    [datagram, &[0]].concat()
}

#[tokio::test]
async fn a_monitor_does_not_take_the_beginning_of_a_longer_datagram_for_a_beat() {
    let clock = Clock::start();
    let mut monitor = monitor(clock);
    let [beat, _] = Pulse::new(agent(), PERIOD, 1, clock.now()).beat(clock.now());
    let socket = std::net::UdpSocket::bind(any()).unwrap();
    let to = monitor.sockets().address(Path::First).unwrap();
    socket.send_to(&over_long(&beat), to).unwrap();
    let received = async {
        while monitor.sockets().traffic().received == 0 {
            sleep(PERIOD).await;
            monitor.receive();
        }
    };
    timeout(LONG, received).await.unwrap();
    let counters = monitor.intake().counters();
    assert_eq!((counters.malformed, counters.accepted), (1, 0));
}

#[tokio::test]
async fn a_sender_does_not_answer_a_probe_that_is_too_long() {
    let clock = Clock::start();
    let socket = tokio::net::UdpSocket::bind(any()).await.unwrap();
    let route = Route {
        interface: None,
        from: any(),
        to: socket.local_addr().unwrap(),
    };
    // The first beat is due at once, and the second one long after the test.
    let pulse = Pulse::new(agent(), LONG * 10, 1, clock.now());
    let mut sender = Sender::bind(pulse, route, None, clock).await.unwrap();
    let agent = sender.address(Path::First).unwrap();
    let mut keyring = Keyring::new();
    keyring.enrol(slot(), key());
    let probe = keyring.probe(slot(), Generation::new(1), Path::First, clock.now());
    let probe = probe.unwrap();
    let sends = async |sender: &mut Sender| {
        let heard = async {
            let mut beat = [0; 100];
            socket.recv(&mut beat).await.unwrap()
        };
        tokio::select! {
            length = timeout(PERIOD * 20, heard) => length.ok(),
            _ = sender.next() => None,
        }
    };
    assert_eq!(sends(&mut sender).await, Some(wire::LENGTH));
    socket.send_to(&over_long(&probe), agent).await.unwrap();
    assert_eq!(sends(&mut sender).await, None);
    socket.send_to(&probe, agent).await.unwrap();
    assert_eq!(sends(&mut sender).await, Some(wire::LENGTH));
}

#[tokio::test]
async fn a_sender_notices_that_its_monitor_is_gone() {
    let clock = Clock::start();
    let monitor = monitor(clock);
    let mut sender = sender(&monitor, 1, clock).await;
    drop(monitor);
    let (_, echoed) = timeout(LONG, sender.next()).await.unwrap();
    assert!(!echoed);
}

#[tokio::test]
async fn a_path_tied_to_an_interface_is_heard_over_it_and_its_link_is_seen() {
    let clock = Clock::start();
    let mut monitor = monitor(clock);
    monitor.sockets_mut().tie(Path::First, "lo").unwrap();
    // The loopback has a carrier as long as it is up.
    let links = monitor.sockets_mut().links(clock.now(), Duration::ZERO);
    assert_eq!(links, [(Path::First, true)]);
    let links = monitor.sockets_mut().links(clock.now(), Duration::ZERO);
    assert_eq!(links, [], "nothing new");
    let mut first = sender(&monitor, 1, clock).await;
    let started = |found: &Finding| matches!(found, Finding::Started { .. });
    find(&mut monitor, Some(&mut first), started).await;
    let error = monitor.sockets_mut().tie(Path::Second, "none-such");
    assert!(matches!(error, Err(Error::Interface { interface, .. }) if interface == "none-such"));
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let clock = Clock::start();
    let monitor = monitor(clock);
    let taken = monitor.sockets().address(Path::First).unwrap();
    let error = Monitor::bind(profile(), taken, None, clock).unwrap_err();
    assert!(matches!(error, Error::Bind { address, .. } if address == taken));
}
