//! What an authenticated heartbeat costs from the socket to the record, beside the bare sockets.

mod bare;
mod measure;

use std::cell::RefCell;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use bare::{LeastTable, bare_socket, receive_batches};
use coldspare_heartbeat::udp::{Clock, Monitor};
use coldspare_heartbeat::wire::{Kind, LENGTH, seal};
use coldspare_heartbeat::{
    AgentKey, Beat, Enrolment, Flags, Health, Intake, Path, Profile, Slot, Start, Watch,
};
use coldspare_names::{Generation, Time};
use measure::{Contender, Dice, compare, floor, is_test, target};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
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
    taken("in one of sixteen slots the key is being changed", 16);
    taken("in all slots the key is being changed", 1);
    end_to_end();
    at_scale();
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
        // Sequences that no echo is due for: those are measured at scale.
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
fn taken(changes: &str, changing: usize) {
    let now = Time::EPOCH;
    let detector = must(coldspare_heartbeat::Detector::new(Profile::default(), now));
    let intake = RefCell::new(Intake::new(detector));
    enrol(&mut intake.borrow_mut(), now);
    for number in (0..servers()).step_by(changing) {
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
    target("of tokio's recv_from", times[0] / times[4], 0.9);
}

/// Time on the processor, of this thread, in the kernel and outside.
fn cpu_time() -> (Duration, Duration) {
    let usage = must(getrusage(UsageWho::RUSAGE_THREAD));
    let (kernel, outside) = (usage.system_time(), usage.user_time());
    let micros = |time: nix::sys::time::TimeVal| {
        let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(micros.unsigned_abs())
    };
    (micros(kernel), micros(outside))
}

/// All servers over both paths once a second, sent by another thread: what the monitor's thread
/// costs; and what one costs that only receives, in the same rhythm, and does nothing (the floor).
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, which rests"
)]
fn at_scale() {
    let seconds = if is_test() { 1 } else { 8 };
    println!(
        "\n{} servers over 2 paths at 1 Hz for {seconds} s",
        servers()
    );
    let bare = measure_at_scale(
        "the bare batched receive (the floor)",
        seconds,
        |until, clock| {
            let sockets = [bare_socket(), bare_socket()];
            let addresses = sockets.each_ref().map(|socket| socket.local_addr().ok());
            (addresses, move || {
                let mut received = 0;
                while clock.now() < until {
                    std::thread::sleep(Duration::from_millis(2));
                    received += sockets
                        .iter()
                        .map(|socket| receive_batches(socket, |_| {}))
                        .sum::<usize>();
                }
                received
            })
        },
    );
    let ours = measure_at_scale("coldspare-heartbeat", seconds, |until, clock| {
        let runtime = runtime();
        let mut monitor = monitor(true);
        (
            Path::BOTH.map(|path| monitor.sockets().address(path)),
            move || {
                runtime.block_on(async {
                    let mut found = 0;
                    while clock.now() < until {
                        let next = tokio::time::timeout(until.since(clock.now()), monitor.next());
                        found += next.await.map_or(0, |findings| findings.len());
                    }
                    println!("  {found} findings, {:?}", monitor.sockets().traffic());
                });
                usize::try_from(monitor.sockets().traffic().received).unwrap_or_default()
            },
        )
    });
    match (bare, ours) {
        (Some(bare), Some(ours)) => {
            target("of one core", ours, 0.25);
            floor(ours, bare);
        }
        _ => {
            println!(
                "  -> the machine is too busy: what was lost cost nothing, so nothing is said"
            );
        }
    }
}

/// Runs a receiver, made for a time until which it receives, while another thread sends to it. The
/// share of a core that this took, unless datagrams were lost.
fn measure_at_scale<R: FnOnce() -> usize>(
    name: &str,
    seconds: u32,
    make: impl FnOnce(Time, Clock) -> ([Option<SocketAddr>; 2], R),
) -> Option<f64> {
    let clock = Clock::start();
    let wall = Duration::from_secs(u64::from(seconds));
    // The time to enrol everybody.
    let started = clock.now() + Duration::from_secs(1);
    let (addresses, receive) = make(started + wall, clock);
    let sending = std::thread::spawn(move || send_at_scale(addresses, seconds, clock, started));
    let before = cpu_time();
    let received = receive();
    let after = cpu_time();
    let sent = sending.join().unwrap_or_default();
    let (kernel, outside) = (
        after.0.saturating_sub(before.0),
        after.1.saturating_sub(before.1),
    );
    let share = (kernel + outside).as_secs_f64() / wall.as_secs_f64();
    println!(
        "  {name}: {:.1} % of a core ({:.1} % in the kernel), received {received} of {sent}",
        share * 100.0,
        kernel.as_secs_f64() / wall.as_secs_f64() * 100.0,
    );
    (received >= sent / 100 * 99).then_some(share)
}

/// Sends everybody's beats, evenly over each second.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, which rests"
)]
fn send_at_scale(
    addresses: [Option<SocketAddr>; 2],
    seconds: u32,
    clock: Clock,
    started: Time,
) -> usize {
    let socket = must(StdSocket::bind("127.0.0.1:0"));
    let keys: Vec<AgentKey> = (0..servers()).map(key).collect();
    let order = Dice(3).shuffled(servers());
    let slice = servers() as usize / 200;
    let mut sent = 0;
    for second in 0..seconds {
        for (number, part) in order.chunks(slice).enumerate() {
            let number = u32::try_from(number).unwrap_or_default();
            let due =
                started + Duration::from_secs(second.into()) + Duration::from_millis(5) * number;
            std::thread::sleep(due.since(clock.now()));
            for (path, address) in Path::BOTH.into_iter().zip(addresses) {
                let Some(SocketAddr::V4(to)) = address else {
                    continue;
                };
                let to = Some(SockaddrIn::from(to));
                let datagrams: Vec<Datagram> = part
                    .iter()
                    .map(|&number| datagram(number, path, second + 2, &keys[number as usize]))
                    .collect();
                for batch in datagrams.chunks(BATCH) {
                    let mut headers = MultiHeaders::preallocate(batch.len(), None);
                    let slices: Vec<_> = batch
                        .iter()
                        .map(|datagram| [std::io::IoSlice::new(datagram)])
                        .collect();
                    let to = vec![to; batch.len()];
                    let flags = MsgFlags::empty();
                    let results =
                        sendmmsg(socket.as_raw_fd(), &mut headers, &slices, &to, [], flags);
                    sent += must(results).count();
                }
            }
        }
    }
    sent
}
