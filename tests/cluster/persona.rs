//! The persona: wherever it runs, its agent is heard by every controller that listens.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coldspare::Grant;
use coldspare_heartbeat::udp::Clock;
use coldspare_heartbeat::{Agent, AgentKey, Pulse, Slot};
use coldspare_san::{IscsiName, chap};
use secrecy::SecretString;

use super::member::Member;
use super::process::KEY;

const PERIOD: Duration = Duration::from_millis(400);
const INITIATOR: &str = "iqn.2012-08.com.example:exchange1";

/// The persona's agent. It ends with the test.
pub(crate) struct Persona {
    runs: Arc<Mutex<Option<Pulse>>>,
    clock: Clock,
    over: Arc<AtomicBool>,
    beats: Option<JoinHandle<()>>,
}

impl Persona {
    /// It runs nowhere yet.
    pub(crate) fn new(heard_by: &[Member]) -> Self {
        let (runs, over) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let ears: Vec<_> = heard_by.iter().map(Member::ears).collect();
        let (pulse, ended) = (runs.clone(), over.clone());
        let clock = Clock::start();
        let beats = thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            while !ended.load(Ordering::Relaxed) {
                if let Some(pulse) = pulse.lock().unwrap().as_mut() {
                    beat(pulse, clock, &socket, &ears);
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self {
            runs,
            clock,
            over,
            beats: Some(beats),
        }
    }

    /// It runs there from now on, and nowhere else.
    pub(crate) fn runs_on(&self, grant: &Grant) {
        let number = grant.server.as_str().strip_prefix("r720-").unwrap();
        let key = coldspare::san_key(&SecretString::from(KEY));
        let initiator = IscsiName::new(INITIATOR).unwrap();
        let secret = chap(&key, &initiator, &grant.server, grant.generation).secret;
        let now = self.clock.now();
        let agent = Agent {
            slot: Slot::new(number.parse::<u32>().unwrap() - 1).unwrap(),
            generation: grant.generation,
            key: AgentKey::from_secret(&secret),
            boot: u64::try_from(now.since_epoch().as_nanos()).unwrap(),
        };
        let pulse = Pulse::new(agent, PERIOD, 1, now);
        *self.runs.lock().unwrap() = Some(pulse);
    }

    /// Its server dies.
    pub(crate) fn dies(&self) {
        *self.runs.lock().unwrap() = None;
    }
}

impl Drop for Persona {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // It panicked: then the test has failed already.
        let _ = self.beats.take().unwrap().join();
    }
}

fn beat(pulse: &mut Pulse, clock: Clock, socket: &UdpSocket, ears: &[[SocketAddr; 2]]) {
    let now = clock.now();
    if pulse.due() > now {
        return;
    }
    pulse.wrote(now);
    let datagrams = pulse.beat(now);
    for (datagram, ear) in ears.iter().flat_map(|ears| datagrams.iter().zip(ears)) {
        // One that only follows does not listen.
        let _ = socket.send_to(datagram, ear);
    }
}
