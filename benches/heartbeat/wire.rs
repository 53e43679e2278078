//! What an authenticated heartbeat costs from the socket to the record, beside the bare sockets.

mod bare;
mod measure;
mod scale;

use std::cell::RefCell;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::time::Duration;

use bare::{LeastTable, bare_socket, receive_batches};
use coldspare_heartbeat::udp::{Clock, Monitor};
use coldspare_heartbeat::wire::{Kind, LENGTH, seal};
use coldspare_heartbeat::{
    AgentKey, Beat, Enrolment, Flags, Health, Intake, Path, Profile, Slot, Start, Watch,
};
use coldspare_names::{Generation, Time};
use measure::{Contender, Dice, compare, floor, is_test, target};
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};

type Datagram = [u8; LENGTH];

/// Datagrams that wait in a socket when the measuring begins.
const WAITING: usize = 256;
const BATCH: usize = 64;

fn servers() -> u32 {
    if is_test() { 1_000 } else { 100_000 }
}

fn main() {
    println!(
        "heartbeat-wire: {} servers, each with its own key",
        servers()
    );
    taken("no key is being changed", None);
    taken("in one of sixteen slots the key is being changed", Some(16));
    taken("in all slots the key is being changed", Some(1));
    end_to_end();
    scale::at_scale();
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    must(builder.enable_all().build())
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn slot(number: u32) -> Slot {
    must(Slot::new(number))
}

fn key(number: u32) -> AgentKey {
    let mut bytes = [1; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    must(AgentKey::new(bytes))
}

fn datagram(number: u32, path: Path, sequence: u32, key: &AgentKey) -> Datagram {
    let beat = Beat {
        boot: 1,
        sequence,
        generation: Generation::new(1),
        flags: Flags::default(),
        health: Health::default(),
        wrote: Some(Duration::ZERO),
        sent: Time::EPOCH,
        period: Duration::from_secs(1),
    };
    seal(Kind::Beat, slot(number), path, &beat, key)
}

fn enrol(intake: &mut Intake, now: Time) {
    let enrolment = Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Running,
        labels: [].into(),
        arrays: [].into(),
    };
    intake.reserve(servers() as usize);
    for number in 0..servers() {
        let key = key(number);
        intake.enrol(slot(number), &enrolment, key.clone(), now);
        // The first beat of a boot is news, and costs more than those that follow.
        for path in Path::BOTH {
            let first = datagram(number, path, 1, &key);
            assert!(intake.take(path, &first, now).is_ok());
        }
    }
    intake.poll(now);
}

fn monitor(two_paths: bool) -> Monitor {
    let any: SocketAddr = must("127.0.0.1:0".parse());
    let clock = Clock::start();
    let second = two_paths.then_some(any);
    let mut monitor = must(Monitor::bind(Profile::default(), any, second, clock));
    enrol(monitor.intake_mut(), clock.now());
    monitor
}

/// Datagrams of random servers: good ones, and such as are refused.
struct Senders {
    dice: Dice,
    sequence: u32,
}

impl Senders {
    fn good(&mut self) -> Vec<Datagram> {
        // No echo is due for these: what that costs is measured at scale.
        self.sequence += if self.sequence % 16 == 15 { 2 } else { 1 };
        let sequence = self.sequence;
        let mut numbers: Vec<u32> = Vec::new();
        while numbers.len() < WAITING {
            numbers.push(self.dice.below(servers()));
            numbers.sort_unstable();
            numbers.dedup();
        }
        let order = self
            .dice
            .shuffled(u32::try_from(WAITING).unwrap_or_default());
        let shuffled = order.iter().map(|&index| numbers[index as usize]);
        shuffled
            .map(|number| datagram(number, Path::First, sequence, &key(number)))
            .collect()
    }

    fn forged(&mut self) -> Vec<Datagram> {
        let mut all = self.good();
        for datagram in &mut all {
            datagram[63] ^= 1;
        }
        all
    }
}

/// Without sockets: read, prove, check, record; and the same for what is refused. In some slots a
/// key follows that is not used yet: what is forged is held against both.
fn taken(changes: &str, one_in: Option<usize>) {
    let now = Time::EPOCH;
    let detector = must(coldspare_heartbeat::Detector::new(Profile::default(), now));
    let intake = RefCell::new(Intake::new(detector));
    enrol(&mut intake.borrow_mut(), now);
    let changing = one_in.map(|step| (0..servers()).step_by(step));
    for number in changing.into_iter().flatten() {
        let next = key(servers() + number);
        intake.borrow_mut().change_key(slot(number), next);
    }
    let senders = RefCell::new(Senders {
        dice: Dice(42),
        sequence: 1,
    });
    let waiting = RefCell::new(Vec::<Datagram>::new());
    let take = || {
        let mut intake = intake.borrow_mut();
        for batch in waiting.borrow().chunks(BATCH) {
            let datagrams = batch.iter().map(|datagram| &datagram[..]);
            intake.take_all(Path::First, datagrams, now, |_, taken| {
                std::hint::black_box(&taken);
            });
        }
        waiting.borrow().len()
    };
    let one_key = key(1);
    let times = compare(
        &format!("take one datagram, without the socket; {changes}"),
        "each",
        300,
        &mut [
            Contender::prepared(
                "a good one",
                || *waiting.borrow_mut() = senders.borrow_mut().good(),
                take,
            ),
            Contender::new("the same again: replayed", take),
            Contender::prepared(
                "forged",
                || *waiting.borrow_mut() = senders.borrow_mut().forged(),
                take,
            ),
            Contender::prepared(
                "a good one, taken by itself and not with others",
                || *waiting.borrow_mut() = senders.borrow_mut().good(),
                || {
                    let mut intake = intake.borrow_mut();
                    for datagram in waiting.borrow().iter() {
                        assert!(intake.take(Path::First, datagram, now).is_ok());
                    }
                    waiting.borrow().len()
                },
            ),
            Contender::new("sealing one, for comparison: one keyed hash", || {
                for number in 0..100 {
                    std::hint::black_box(datagram(number, Path::First, 1, &one_key));
                }
                100
            }),
        ],
    );
    target("replayed, of a good one", times[1] / times[0], 1.0);
    target("forged, of a good one", times[2] / times[0], 1.0);
    let info = allocation_counter::measure(|| {
        take();
    });
    #[expect(clippy::cast_precision_loss, reason = "for a person to read")]
    target(
        "allocations for refused datagrams",
        info.count_total as f64,
        0.0,
    );
}

fn fill(sender: &StdSocket, to: SocketAddr, datagrams: &[Datagram]) {
    for datagram in datagrams {
        must(sender.send_to(datagram, to));
    }
}

fn end_to_end() {
    let runtime = runtime();
    let senders = RefCell::new(Senders {
        dice: Dice(7),
        sequence: 1,
    });
    let sender = must(StdSocket::bind("127.0.0.1:0"));
    let monitor = RefCell::new(monitor(false));
    let our_address = monitor.borrow().sockets().address(Path::First);
    let our_address = our_address.unwrap_or_else(|| panic!("the monitor is bound"));
    let bare = bare_socket();
    let bare_address = must(bare.local_addr());
    let tokio_socket = runtime.block_on(async {
        let socket = bare_socket();
        must(UdpSocket::from_std(socket))
    });
    let tokio_address = must(tokio_socket.local_addr());
    let mut least = LeastTable::new((0..servers()).map(|number| *key(number).expose()));
    let fill_all = |to: SocketAddr| {
        let datagrams = senders.borrow_mut().good();
        fill(&sender, to, &datagrams);
    };
    let times = compare(
        "one heartbeat end to end: receive, prove, check, record",
        "each",
        400,
        &mut [
            Contender::prepared(
                "coldspare-heartbeat",
                || fill_all(our_address),
                || {
                    let mut monitor = monitor.borrow_mut();
                    let before = monitor.intake().counters().accepted;
                    monitor.receive();
                    let accepted = monitor.intake().counters().accepted - before;
                    assert_eq!(accepted, WAITING as u64, "datagrams were lost");
                    WAITING
                },
            ),
            Contender::prepared(
                "the bare batched receive",
                || fill_all(bare_address),
                || receive_batches(&bare, |_| {}),
            ),
            Contender::prepared(
                "the same with one keyed hash of each, all under one key",
                || fill_all(bare_address),
                || {
                    receive_batches(&bare, |batch| {
                        for datagram in batch {
                            std::hint::black_box(blake3::keyed_hash(&[7; 32], &datagram[..48]));
                        }
                    })
                },
            ),
            Contender::prepared(
                "the same under each one's own key, its sequence kept",
                || fill_all(bare_address),
                || {
                    let mut taken = 0;
                    let received = receive_batches(&bare, |batch| taken += least.take(batch));
                    assert_eq!(taken, received);
                    received
                },
            ),
            Contender::prepared(
                "tokio's recv_from",
                || fill_all(tokio_address),
                || {
                    runtime.block_on(async {
                        let mut buffer = [0; LENGTH + 1];
                        for _ in 0..WAITING {
                            must(tokio_socket.recv_from(&mut buffer).await);
                        }
                    });
                    WAITING
                },
            ),
        ],
    );
    println!("  counters: {:?}", monitor.borrow().intake().counters());
    target("of the bare batched receive", times[0] / times[1], 1.2);
    floor(times[0] / times[1], times[3] / times[1]);
    target("of tokio's recv_from", times[0] / times[4], 0.9);
}
