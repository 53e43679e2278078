//! A persona's image boots from its volume alone: firmware, iPXE, boot table, root, agent,
//! heartbeats over both paths, records on the data volume; and it shuts down when it is asked to.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "these are tests, and their helpers")]

#[path = "mod.rs"]
mod image;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coldspare_agent::remote::{Agents, Expected};
use coldspare_agent::witness::{Acknowledgement, BLOCK, Record, check};
use coldspare_agent::{Identity, Welcome};
use coldspare_examples::parts::{IMAGE, MACHINE, missing};
use coldspare_heartbeat::wire::Claim;
use coldspare_heartbeat::{Beat, Slot};
use coldspare_names::PersonaName;
use coldspare_network::Guest;
use image::{Binaries, Data, Kit, Persona};
use nix::sched::{CloneFlags, setns};
use secrecy::SecretString;
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

const USER: &str = "g5-00112233445566aa";
const SECRET: &str = "AbcdefAbcdef1234";
const INITIATOR: &str = "iqn.2026-11.lab:persona-1";
const BOOT: &str = "iqn.2026-11.lab:boot";
const DATA: &str = "iqn.2026-11.lab:data";
const AGENT: &str = r#"
persona = "exchange-1"
network = "scn"
mark = "/var/lib/coldspare/mark"
shut-down = ["/sbin/persona-off"]
[[paths]]
controller = "10.4.1.1:7404"
channel = 1
interface = "eth1"
address = "10.4.1.11/24"
[[paths]]
controller = "10.4.2.1:7404"
channel = 2
interface = "eth2"
address = "10.4.2.11/24"
"#;
const NICS: [&str; 3] = ["10.20.0.1/24", "10.4.1.1/24", "10.4.2.1/24"];
const LONG: Duration = Duration::from_secs(90);

/// A network namespace with a tap for each NIC, gone when it is dropped.
struct Namespace(String);

impl Namespace {
    fn enter() -> Option<Self> {
        let name = format!("coldspare-boot-{}", std::process::id());
        run("ip", &["netns", "add", &name])?;
        let namespace = Self(name);
        let file = File::open(format!("/run/netns/{}", namespace.0)).ok()?;
        setns(file, CloneFlags::CLONE_NEWNET).ok()?;
        for (number, address) in NICS.iter().enumerate() {
            let tap = format!("t{number}");
            run("ip", &["tuntap", "add", "mode", "tap", "name", &tap])?;
            run("ip", &["address", "add", address, "dev", &tap])?;
            run("ip", &["link", "set", &tap, "up"])?;
        }
        Some(namespace)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run("ip", &["netns", "delete", &self.0]);
    }
}

/// A daemon, ended when it is dropped.
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn run(program: &str, arguments: &[&str]) -> Option<()> {
    let mut command = Command::new(program);
    let status = command
        .args(arguments)
        .stderr(Stdio::null())
        .status()
        .ok()?;
    status.success().then_some(())
}

/// Two targets, each with the one account.
fn target(folder: &Path) -> Daemon {
    let socket = folder.join("tgt.sock");
    let mut tgtd = Command::new("tgtd");
    tgtd.args(["-f", "-C", "0", "--iscsi", "portal=10.20.0.1:3260"]);
    let daemon = Daemon::start(tgtd.env("TGT_IPC_SOCKET", &socket));
    let admin = |line: String| {
        let mut command = Command::new("tgtadm");
        command
            .args(["--lld", "iscsi", "--op"])
            .args(line.split(' '));
        let output = command.env("TGT_IPC_SOCKET", &socket).output().unwrap();
        output.status.success()
    };
    while !admin("show --mode sys".to_owned()) {
        pause(50);
    }
    assert!(admin(format!(
        "new --mode account --user {USER} --password {SECRET}"
    )));
    for (number, name, file) in [(1, BOOT, "boot.img"), (2, DATA, "data.img")] {
        let (tid, file) = (format!("--tid {number}"), folder.join(file));
        let file = file.display();
        for line in [
            format!("new --mode target {tid} -T {name}"),
            format!("new --mode logicalunit {tid} --lun 1 -b {file}"),
            format!("bind --mode target {tid} --initiator-name {INITIATOR}"),
            format!("bind --mode account {tid} --user {USER}"),
        ] {
            assert!(admin(line.clone()), "{line}");
        }
    }
    daemon
}

fn machine(folder: &Path) -> Daemon {
    let script = folder.join("nic.ipxe");
    let text = format!(
        "#!ipxe\nifopen net0\nset net0/ip 10.20.0.11\nset net0/netmask 255.255.255.0\n\
         set initiator-iqn {INITIATOR}\nset username {USER}\nset password {SECRET}\n\
         sanboot --keep iscsi:10.20.0.1::3260:1:{BOOT} || shell\n"
    );
    fs::write(&script, text).unwrap();
    let mut qemu = Command::new("qemu-system-x86_64");
    let console = format!("file:{}", folder.join("console.log").display());
    qemu.args(["-M", "q35,graphics=off", "-accel", "tcg", "-cpu", "qemu64"]);
    qemu.args(["-m", "160", "-nodefaults", "-display", "none", "-serial"]);
    qemu.arg(console)
        .args(["-kernel", "/usr/lib/ipxe/ipxe.lkrn"]);
    qemu.arg("-initrd").arg(script);
    for number in 0..NICS.len() {
        // With virtio's headers, UDP would leave without checksums.
        let tap = format!("tap,id=n{number},ifname=t{number},script=no,downscript=no,vnet_hdr=off");
        let nic = format!("virtio-net-pci,netdev=n{number},mac=52:54:00:00:01:0{number},romfile=");
        qemu.args(["-netdev", &tap, "-device", &nic]);
    }
    Daemon::start(&mut qemu)
}

#[expect(clippy::disallowed_methods, reason = "a test of real machines")]
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// The next heartbeat over a path that fits.
async fn beat(ear: &UdpSocket, identity: &Identity, fits: impl Fn(&Beat) -> bool) -> Beat {
    let mut datagram = [0; 100];
    let heard = async {
        loop {
            let length = ear.recv(&mut datagram).await.unwrap();
            let claim = Claim::read(&datagram[..length]).unwrap();
            let beat = claim.prove(&identity.key).filter(&fits);
            if let Some(beat) = beat {
                return beat;
            }
        }
    };
    timeout(LONG, heard).await.unwrap()
}

async fn acknowledged(ear: &UdpSocket, records: &mut BTreeSet<Record>) {
    let mut datagram = [0; Acknowledgement::LENGTH];
    while let Ok(length) = ear.try_recv(&mut datagram) {
        let Acknowledgement(record) = Acknowledgement::read(&datagram[..length]).unwrap();
        records.insert(record);
    }
    tokio::task::yield_now().await;
}

#[expect(clippy::disallowed_methods, reason = "a test of real machines")]
async fn boots(folder: &Path) {
    let identity = Identity::of(USER, &SecretString::from(SECRET)).unwrap();
    let persona: PersonaName = "exchange-1".parse().unwrap();
    let agents = Agents::new();
    let welcome = Welcome {
        slot: Slot::new(0).unwrap(),
        period: Duration::from_millis(250),
    };
    let expected = Expected {
        generation: identity.generation,
        key: identity.key.clone(),
        slot: welcome.slot,
        period: welcome.period,
        machine: None,
    };
    agents.expect([(persona.clone(), expected)]);
    let paths: [SocketAddr; 2] =
        ["10.4.1.1:7404", "10.4.2.1:7404"].map(|path| path.parse().unwrap());
    let mut ears = Vec::new();
    for path in paths {
        let (listener, agents) = (TcpListener::bind(path).await.unwrap(), agents.clone());
        tokio::spawn(async move { agents.serve(listener).await });
        ears.push(UdpSocket::bind(path).await.unwrap());
    }
    let witnessed = UdpSocket::bind("10.4.1.1:7405").await.unwrap();

    let _target = target(folder);
    let begun = Instant::now();
    let mut machine = machine(folder);
    let first = beat(&ears[0], &identity, |_| true).await;
    assert_eq!(first.generation, identity.generation);
    eprintln!(
        "first heartbeat {:.1} s after the power",
        begun.elapsed().as_secs_f32()
    );
    for ear in &ears {
        let written = beat(ear, &identity, |beat| beat.wrote.is_some()).await;
        assert!(written.health.san && written.wrote.unwrap() < Duration::from_secs(5));
    }
    eprintln!(
        "both paths, disk written {:.1} s",
        begun.elapsed().as_secs_f32()
    );

    let guest = agents.guest(persona);
    let configured = guest.interfaces().await.unwrap().configured;
    assert_eq!(configured.networks.len(), 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    guest.shut_down().await.unwrap();
    beat(&ears[1], &identity, |beat| beat.flags.shutting_down).await;
    let mut records = BTreeSet::new();
    while machine.0.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LONG, "it does not go off");
        acknowledged(&witnessed, &mut records).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    acknowledged(&witnessed, &mut records).await;
    eprintln!("off {:.1} s after the power", begun.elapsed().as_secs_f32());

    let volume = fs::read(folder.join("data.img")).unwrap();
    let blocks = volume
        .chunks_exact(BLOCK)
        .map(|block| block.try_into().unwrap());
    let report = check(blocks, &records);
    eprintln!("{} records acknowledged", report.acknowledged);
    assert!(
        report.acknowledged > 10 && report.findings.is_empty(),
        "{report:?}"
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test of real machines")]
fn a_persona_boots_from_its_volume_and_is_heard() {
    let begun = Instant::now();
    let made = match missing(&[IMAGE, MACHINE]) {
        None => Binaries::build()
            .and_then(|binaries| {
                let folder = binaries.folder().join("persona-image");
                Kit::prepare(&folder, binaries)
            })
            .map_err(|error| error.to_string()),
        Some(missing) => Err(missing.to_string()),
    };
    let namespace = || Namespace::enter().ok_or_else(|| "no right to make a network".to_owned());
    let (kit, namespace) = match made.and_then(|kit| Ok((kit, namespace()?))) {
        Ok(made) => made,
        Err(why) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
            eprintln!("no persona booted, because it needs: {why}");
            return;
        }
    };
    eprintln!("kit ready {:.1} s", begun.elapsed().as_secs_f32());
    let folder = tempfile::tempdir().unwrap();
    let data = Data {
        target: DATA.to_owned(),
        acknowledge: "10.4.1.1:7405".parse().unwrap(),
    };
    let persona = Persona {
        agent: AGENT.to_owned(),
        data: Some(data),
    };
    let begun = Instant::now();
    kit.build(&persona, &folder.path().join("boot.img"))
        .unwrap();
    eprintln!("image built {:.1} s", begun.elapsed().as_secs_f32());
    let volume = File::create(folder.path().join("data.img")).unwrap();
    volume.set_len(16 << 20).unwrap();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_all()
        .build()
        .unwrap()
        .block_on(boots(folder.path()));
    drop(namespace);
}
