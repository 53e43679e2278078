//! What becomes of controllers when nodes of etcd go, while commands stream in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::member::{Member, leader};
use super::process::within;
use super::streams;

/// Longer than etcd needs to elect a leader, and a controller to turn to another node.
const LEASE: Duration = Duration::from_secs(6);
/// So long may nobody be answered when etcd loses the node that leads it.
const PATIENCE: Duration = Duration::from_secs(12);
/// A follower that finds the store silent, or a leader whose lease has run out, says this.
const SILENT: &str = "the store does not say who leads";

#[test]
fn whichever_node_of_etcd_goes_the_controllers_go_on_or_wait_and_lose_nothing() {
    let Some(mut engine) = Engine::start() else {
        return;
    };
    let mut members = ["a", "b"].map(|name| Member::new(&engine, name, LEASE));
    members.iter_mut().for_each(Member::begin);
    let sockets = members.each_ref().map(Member::socket);
    let (ledgers, ()) = streams::stream(&sockets, |acknowledged| {
        goes_on("at first", acknowledged);

        let node = engine.wait(engine.nodes.leader());
        engine.nodes.kill(node);
        goes_on("etcd's leader is killed", acknowledged);
        engine.nodes.begin(node);
        engine.wait(engine.nodes.is_ready());

        let node = engine.wait(engine.nodes.leader());
        engine.nodes.pause(node);
        goes_on("etcd's leader is stopped", acknowledged);
        engine.nodes.resume(node);
        engine.wait(engine.nodes.is_ready());

        let node = engine.wait(engine.nodes.leader());
        engine.wait(engine.nodes.isolate(node));
        goes_on("etcd's leader is cut off", acknowledged);
        engine.nodes.rejoin();
        engine.wait(engine.nodes.is_ready());

        without_quorum(&mut engine, &mut members, acknowledged);
    });
    println!("{}", streams::none_lost(&ledgers, &engine.journal()));
}

/// Two of three nodes are gone: nobody leads, nothing is done, and that is said.
fn without_quorum(engine: &mut Engine, members: &mut [Member; 2], acknowledged: &AtomicUsize) {
    let led = leader(members);
    let node = engine.wait(engine.nodes.leader());
    let lost = [node, (node + 1) % 3];
    for node in lost {
        engine.nodes.kill(node);
    }
    let began = Instant::now();
    for member in &*members {
        member.follows(SILENT);
    }
    println!(
        "without a quorum: both say so after {:.2?}",
        began.elapsed()
    );
    within("its log says why", || {
        let log = members[led].process().log();
        let why = [
            "its lease is over: it stops at once",
            "the store does not tell who leads",
        ];
        why.iter().all(|why| log.contains(why)).then_some(())
    });
    let before = (acknowledged.load(Ordering::Relaxed), told(members));
    sleep(Duration::from_secs(2));
    let after = (acknowledged.load(Ordering::Relaxed), told(members));
    assert_eq!(before, after, "nothing is done that cannot be recorded");
    for node in lost {
        engine.nodes.begin(node);
    }
    goes_on("the quorum is back", acknowledged);
}

/// Everything that the controllers say they did.
fn told(members: &mut [Member; 2]) -> Vec<String> {
    let logs = members.iter_mut().map(|member| member.process().log());
    let logs: Vec<_> = logs.collect();
    let lines = logs.iter().flat_map(|log| log.lines());
    let events = lines.filter(|line| line.contains(" event="));
    events.map(str::to_owned).collect()
}

/// Waits until commands are acknowledged again, one after the other.
fn goes_on(what: &str, acknowledged: &AtomicUsize) {
    let (began, before) = (Instant::now(), acknowledged.load(Ordering::Relaxed));
    within("commands are acknowledged", || {
        let now = acknowledged.load(Ordering::Relaxed);
        (now >= before + 20).then_some(())
    });
    let took = began.elapsed();
    assert!(took <= PATIENCE, "{what}: {took:?}");
    println!("{what}: 20 commands after {took:.2?}");
}
