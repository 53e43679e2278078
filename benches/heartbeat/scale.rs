//! What hearing everybody costs a monitor in service: all servers over both paths once a second.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use coldspare_heartbeat::udp::Clock;
use coldspare_heartbeat::wire::ECHO_EVERY;
use coldspare_heartbeat::{AgentKey, Path};
use coldspare_names::Time;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};

use crate::bare::{bare_socket, receive_batches};
use crate::measure::{Dice, floor, is_test, target};
use crate::{BATCH, Datagram, datagram, key, monitor, must, runtime, servers};

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
/// costs, with the echoes that it sends; and what one costs that only receives, in the same rhythm,
/// and does nothing (the floor).
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, which rests"
)]
pub(crate) fn at_scale() {
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
        let before = monitor.intake().counters().accepted;
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
                let accepted = monitor.intake().counters().accepted - before;
                usize::try_from(accepted).unwrap_or_default()
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
/// share of a core that this took, unless datagrams were lost, or refused.
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
        "  {name}: {:.1} % of a core ({:.1} % in the kernel), took {received} of {sent}",
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
    // It hears the echoes, as agents would.
    let socket = bare_socket();
    let mut echoes = 0;
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
                    .map(|&number| {
                        // In each second an echo is due for one in so many.
                        let sequence = 2 + second + number % ECHO_EVERY;
                        datagram(number, path, sequence, &keys[number as usize])
                    })
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
            echoes += receive_batches(&socket, |_| {});
        }
    }
    println!("  echoes heard by the agents: {echoes}");
    sent
}
