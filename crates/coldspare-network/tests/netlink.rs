//! The host half of a guest on the real kernel, in network namespaces of its own.
//!
//! Access mode runs on any kernel. Trunk mode, and with it the conformance suite, needs tagged
//! sub-interfaces (module `8021q`): `cargo test --test netlink -- --ignored`, where there is one.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "these are tests, and their helpers")]

use std::fs::File;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::{Channel, NetworkName, PersonaName};
use coldspare_network::conformance::guest::{Rig, check};
use coldspare_network::netlink::NetlinkHost;
use coldspare_network::{
    ChannelPair, Error, Guest, GuestNetwork, GuestPlan, Interfaces, Link, Mtu,
};
use macaddr::MacAddr6;
use nix::sched::{CloneFlags, setns};

/// A network namespace, gone when it is dropped.
struct Namespace(String);

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Namespace {
    fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("coldspare-host-{}-{number}", std::process::id());
        ip(&["netns", "add", &name]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        let no_ipv6 = ["all", "default"]
            .map(|scope| format!("echo 1 > /proc/sys/net/ipv6/conf/{scope}/disable_ipv6"))
            .join("; ");
        ip(&["netns", "exec", &name, "sh", "-c", &no_ipv6]);
        Self(name)
    }

    /// Moves this thread, and what it starts, to the namespace.
    fn enter(&self) {
        let file = File::open(format!("/run/netns/{}", self.0)).unwrap();
        setns(file, CloneFlags::CLONE_NEWNET).unwrap();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.0]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

#[track_caller]
fn ip(arguments: &[&str]) -> String {
    let output = run("ip", arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a test inside a namespace, where that may be made; elsewhere it says that it did not run,
/// and in CI it fails.
fn inside(test: &str, body: impl AsyncFnOnce()) {
    let probe = format!("coldspare-probe-{}-{test}", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &probe]).status();
    if !made.is_ok_and(|status| status.success()) {
        let told = format!("{test} did not run: no right to make a network namespace");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{told}");
        eprintln!("{told} (apt-get install iproute2 iputils-ping; as root)");
        return;
    }
    ip(&["netns", "delete", &probe]);
    let namespace = Namespace::new();
    namespace.enter();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(body());
}

fn mac(number: u8) -> MacAddr6 {
    MacAddr6::new(2, 0, 0, 0, 0x7e, number)
}

/// Waits for what must come about, however busy the machine is.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within ten seconds: {what}");
}

/// A NIC with a cable, whose other end is `w` and the number. The kernel has told all about it:
/// without IPv6 nothing more follows by itself.
async fn add_nic(number: u8) {
    let (nic, end, mac) = (
        format!("n{number}"),
        format!("w{number}"),
        mac(number).to_string(),
    );
    ip(&[
        "link", "add", &nic, "address", &mac, "type", "veth", "peer", "name", &end,
    ]);
    ip(&["link", "set", &nic, "up"]);
    ip(&["link", "set", &end, "up"]);
    let is_up = |link| ip(&["link", "show", "dev", link]).contains("state UP");
    until("both ends are up", || is_up(&nic) && is_up(&end)).await;
}

fn channel(number: u8) -> Channel {
    Channel::new(number).unwrap()
}

fn network(text: &str) -> NetworkName {
    text.parse().unwrap()
}

fn host() -> NetlinkHost {
    NetlinkHost::new("exchange-1".parse().unwrap()).unwrap()
}

/// MAPI and replication in access mode.
fn plain() -> GuestPlan {
    let network_on = |number: u8, address: &str| GuestNetwork {
        tag: None,
        channels: ChannelPair::new(channel(number), None).unwrap(),
        address: Some(address.parse().unwrap()),
        mtu: Mtu::new(1400).unwrap(),
    };
    GuestPlan {
        nics: [1, 2].map(|number| (channel(number), mac(number))).into(),
        networks: [
            (network("mapi"), network_on(1, "10.101.0.11/24")),
            (network("replication"), network_on(2, "10.102.0.11/24")),
        ]
        .into(),
        gateway: Some([10, 101, 0, 1].into()),
    }
}

/// What the kernel tells about changes while something happens: between two changes that are known.
async fn changes_during(happens: impl Future<Output = ()>) -> String {
    let heard = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("ip");
    command.args(["monitor", "link", "address", "route"]);
    command.stdout(Stdio::from(heard.reopen().unwrap()));
    let mut monitor: Child = command.spawn().unwrap();
    let told = || std::fs::read_to_string(heard.path()).unwrap();
    let mark = |mtu: u32| drop(ip(&["link", "set", "lo", "mtu", &mtu.to_string()]));
    // It may take a while until the monitor listens.
    let mtu = AtomicU32::new(40_000);
    until("the monitor listens", || {
        mark(mtu.fetch_add(1, Ordering::Relaxed));
        told().contains("lo")
    })
    .await;
    happens.await;
    mark(30_000);
    until("the monitor tells", || told().contains("mtu 30000")).await;
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    let about = told();
    let mut lines = Vec::new();
    let mut is_mark = false;
    for line in about.lines() {
        is_mark = if line.starts_with(' ') {
            is_mark
        } else {
            line.contains(": lo:")
        };
        if !is_mark {
            lines.push(line);
        }
    }
    lines.join("\n")
}

#[test]
fn a_plan_in_access_mode_is_reached_whole_repeated_without_a_stir_and_taken_back() {
    inside("access mode on the real kernel", async || {
        for number in 1..=3 {
            add_nic(number).await;
        }
        ip(&["address", "add", "192.0.2.9/24", "dev", "n3"]);
        let foreign = || ip(&["-o", "address", "show", "dev", "n3"]);
        let (before, host, plan) = (foreign(), host(), plain());
        assert_eq!(
            host.interfaces().await.unwrap().configured,
            GuestPlan::default()
        );
        host.set_plan(&plan).await.unwrap();
        let Interfaces {
            configured,
            carriers,
            ..
        } = host.interfaces().await.unwrap();
        assert_eq!(configured, plan);
        let both = [
            (network("mapi"), channel(1)),
            (network("replication"), channel(2)),
        ];
        assert_eq!(carriers, both.into());
        assert!(ip(&["route"]).contains("default via 10.101.0.1 dev n1"));
        let again = async || host.set_plan(&plan).await.unwrap();
        assert_eq!(changes_during(again()).await, "", "it was as planned");
        let told = changes_during(async { drop(ip(&["link", "set", "n3", "mtu", "1300"])) }).await;
        assert!(told.contains("n3"), "the monitor would have told");
        host.set_plan(&GuestPlan::default()).await.unwrap();
        assert_eq!(
            host.interfaces().await.unwrap().configured,
            GuestPlan::default()
        );
        assert!(!ip(&["address"]).contains("10.101.0.11"));
        assert_eq!(foreign(), before);
    });
}

#[test]
fn a_refused_plan_changes_nothing() {
    inside("refusals on the real kernel", async || {
        add_nic(1).await;
        let refused = async || {
            let outcome = host().set_plan(&plain()).await;
            assert!(
                matches!(outcome, Err(Error::GuestRefused { .. })),
                "{outcome:?}"
            );
        };
        assert_eq!(changes_during(refused()).await, "");
    });
}

#[test]
fn whoever_follows_the_links_leaves_a_plan_alone_that_is_being_made() {
    inside("changes of links and of plans together", async || {
        add_nic(1).await;
        add_nic(2).await;
        let host = host();
        let plans = async {
            for _ in 0..50 {
                for plan in [plain(), GuestPlan::default()] {
                    host.set_plan(&plan).await.unwrap();
                    assert_eq!(host.interfaces().await.unwrap().configured, plan);
                }
            }
        };
        tokio::select! {
            () = plans => {}
            error = host.follow_links() => panic!("{error:?}"),
        }
    });
}

#[test]
fn neighbours_learn_at_once_where_an_address_has_moved() {
    inside("gratuitous ARP on the real kernel", async || {
        add_nic(1).await;
        add_nic(2).await;
        let other = Namespace::new();
        ip(&["link", "set", "w1", "netns", &other.0]);
        let there = |arguments: &[&str]| ip(&[&["-n", &other.0], arguments].concat());
        there(&["address", "add", "10.101.0.1/24", "dev", "w1"]);
        there(&["link", "set", "w1", "up"]);
        // So the neighbour learns by an announcement alone; by default it learns anew what it knew.
        let accept = "echo 1 > /proc/sys/net/ipv4/conf/w1/arp_accept";
        ip(&["netns", "exec", &other.0, "sh", "-c", accept]);
        host().set_plan(&plain()).await.unwrap();
        let learnt = || there(&["neighbour", "show", "to", "10.101.0.11"]);
        let address = mac(1).to_string().to_lowercase();
        until("it has learnt the address", || learnt().contains(&address)).await;
        let ping = [
            "netns",
            "exec",
            &other.0,
            "ping",
            "-c",
            "1",
            "-W",
            "3",
            "10.101.0.11",
        ];
        ip(&ping);
    });
}

/// A persona whose agent is this test.
#[derive(Debug)]
struct Persona {
    name: PersonaName,
    host: Arc<NetlinkHost>,
    follower: tokio::task::JoinHandle<Error>,
    shutting_down: Arc<AtomicBool>,
}

impl Drop for Persona {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

#[async_trait]
impl Guest for Persona {
    fn persona(&self) -> &PersonaName {
        &self.name
    }

    async fn interfaces(&self) -> Result<Interfaces, Error> {
        self.host.interfaces().await
    }

    async fn set_plan(&self, plan: &GuestPlan) -> Result<(), Error> {
        self.host.set_plan(plan).await
    }

    async fn shut_down(&self) -> Result<(), Error> {
        self.shutting_down.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[derive(Default)]
struct KernelRig {
    shutting_down: Arc<AtomicBool>,
}

#[async_trait]
impl Rig for KernelRig {
    async fn fresh(&self) -> Box<dyn Guest> {
        for number in [1, 2] {
            // There is none yet, the first time.
            run("ip", &["link", "delete", &format!("n{number}")]);
            add_nic(number).await;
        }
        self.shutting_down.store(false, Ordering::Relaxed);
        let host = Arc::new(host());
        let following = host.clone();
        Box::new(Persona {
            name: "exchange-1".parse().unwrap(),
            host,
            follower: tokio::spawn(async move { following.follow_links().await }),
            shutting_down: self.shutting_down.clone(),
        })
    }

    fn nics(&self) -> [MacAddr6; 2] {
        [1, 2].map(mac)
    }

    async fn set_link(&self, nic: MacAddr6, link: Link) {
        let end = if nic == mac(1) { "w1" } else { "w2" };
        let state = if link == Link::Up { "up" } else { "down" };
        ip(&["link", "set", end, state]);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    async fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Relaxed)
    }
}

#[test]
#[ignore = "needs a kernel with tagged sub-interfaces (8021q): examples/lab/guest_suite.rs boots one for it"]
fn the_kernel_passes_the_suite() {
    inside("the conformance suite on the real kernel", async || {
        let violations = check(&KernelRig::default()).await;
        assert!(violations.is_empty(), "{violations:#?}");
    });
}
