//! An Open vSwitch of our own, in a network namespace of our own, gone when it is dropped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coldspare_names::PortName;
use coldspare_network::ovs::{Endpoint, OvsSwitch, Settings, Settling};

/// The bridge.
pub(crate) const BRIDGE: &str = "lan";
/// Its ports with a server's NIC at the other end, whose host end has an `h` before its name.
pub(crate) const MANAGED: [&str; 2] = ["p1", "p2"];
/// An uplink that nobody configured.
pub(crate) const UPLINK: &str = "u1";
/// VLANs that each have a port of their own, so that the rest of the world can speak and listen in
/// them; the last is what a careless switch might use.
pub(crate) const VLANS: [u16; 5] = [101, 102, 103, 4004, 1];

static COUNT: AtomicU32 = AtomicU32::new(0);
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// The daemons, the cables, and the directory with their sockets and logs.
pub(crate) struct World {
    pub(crate) namespace: String,
    directory: PathBuf,
    database: Option<Child>,
    daemon: Option<Child>,
}

impl World {
    /// The world, or, where a real part is missing, none and a word about it. In CI that is a
    /// failure.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if let Some(missing) = missing() {
            let told = format!("{test} did not run, since there is no {missing}");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{told}");
            eprintln!("{told} (apt-get install openvswitch-switch iproute2 tcpdump; as root)");
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("coldspare-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(&namespace);
        std::fs::create_dir_all(&directory).unwrap();
        let mut world = Self {
            namespace,
            directory,
            database: None,
            daemon: None,
        };
        world.run("ip", &["netns", "add", &world.namespace]);
        let file = world.file("conf.db");
        world.run("ovsdb-tool", &["create", &file, SCHEMA]);
        world.start_database();
        world.vsctl(&["--no-wait", "init"]);
        world.start_daemon();
        world.vsctl(&[
            "add-br",
            BRIDGE,
            "--",
            "set",
            "bridge",
            BRIDGE,
            "datapath_type=netdev",
        ]);
        for port in MANAGED.into_iter().chain([UPLINK]) {
            world.plug(port, &[]);
        }
        for vlan in VLANS {
            world.plug(&format!("v{vlan}"), &[&format!("tag={vlan}")]);
        }
        Some(world)
    }

    /// The switch, as whoever controls it has it.
    pub(crate) fn switch(&self) -> OvsSwitch {
        let settings = Settings {
            endpoint: Endpoint::Unix(self.file("db.sock").into()),
            bridge: BRIDGE.to_owned(),
            settling: Settling::Purge(self.file("vswitchd.ctl").into()),
            time_limit: Duration::from_secs(3),
        };
        OvsSwitch::new("lan-1".parse().unwrap(), settings, MANAGED.map(port))
    }

    pub(crate) fn start_database(&mut self) {
        let remote = format!("--remote=punix:{}", self.file("db.sock"));
        let (log, control) = (self.file("ovsdb.log"), self.file("ovsdb.ctl"));
        let arguments = [
            &self.file("conf.db"),
            &remote,
            &format!("--unixctl={control}"),
            &format!("--log-file={log}"),
        ];
        self.database = Some(self.daemon("ovsdb-server", &arguments));
    }

    pub(crate) fn start_daemon(&mut self) {
        let (log, control) = (self.file("vswitchd.log"), self.file("vswitchd.ctl"));
        let arguments = [
            &format!("unix:{}", self.file("db.sock")),
            &format!("--unixctl={control}"),
            &format!("--log-file={log}"),
        ];
        self.daemon = Some(self.daemon("ovs-vswitchd", &arguments));
    }

    /// Kills the database server.
    pub(crate) fn kill_database(&mut self) {
        end(&mut self.database);
    }

    /// Kills the daemon that forwards frames.
    pub(crate) fn kill_daemon(&mut self) {
        end(&mut self.daemon);
    }

    /// Somebody else's hand on the database; returns when the daemon has followed.
    pub(crate) fn vsctl(&self, arguments: &[&str]) {
        let database = format!("--db=unix:{}", self.file("db.sock"));
        let limits = [&database, "--retry", "--timeout=20"];
        self.run("ovs-vsctl", &[&limits, arguments].concat());
    }

    /// Somebody else's hand on the daemon.
    pub(crate) fn appctl(&self, command: &str) {
        let target = format!("--target={}", self.file("vswitchd.ctl"));
        self.run("ovs-appctl", &[&target, "--timeout=20", command]);
    }

    /// Somebody's hand on the namespace's devices.
    pub(crate) fn ip(&self, arguments: &[&str]) {
        self.run("ip", &[&["-n", &self.namespace], arguments].concat());
    }

    /// What a process sees that runs in the namespace, and ends with this thread at the latest.
    pub(crate) fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]);
        command.args(["setpriv", "--pdeathsig", "KILL", program]);
        for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            command.env(variable, &self.directory);
        }
        command.stdin(Stdio::null());
        command
    }

    fn plug(&self, name: &str, columns: &[&str]) {
        self.ip(&[
            "link",
            "add",
            name,
            "type",
            "veth",
            "peer",
            "name",
            &format!("h{name}"),
        ]);
        self.ip(&["link", "set", name, "up"]);
        self.ip(&["link", "set", &format!("h{name}"), "up"]);
        self.vsctl(&[&["add-port", BRIDGE, name], columns].concat());
    }

    fn daemon(&self, program: &str, arguments: &[&String]) -> Child {
        let mut command = self.inside(program);
        command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    fn file(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(arguments).env("OVS_RUNDIR", &self.directory);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        end(&mut self.daemon);
        end(&mut self.database);
        let gone = Command::new("ip")
            .args(["netns", "delete", &self.namespace])
            .status();
        if std::thread::panicking() {
            eprintln!("logs are in {}", self.directory.display());
        } else {
            gone.unwrap();
            std::fs::remove_dir_all(&self.directory).unwrap();
        }
    }
}

pub(crate) fn port(name: &str) -> PortName {
    name.parse().unwrap()
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn missing() -> Option<&'static str> {
    let programs = [
        "ip",
        "setpriv",
        "ovsdb-tool",
        "ovsdb-server",
        "ovs-vswitchd",
        "tcpdump",
    ];
    let works = |program: &&str| {
        let version = if *program == "ip" { "-V" } else { "--version" };
        let mut command = Command::new(program);
        let output = command.arg(version).output();
        output.is_ok_and(|output| output.status.success())
    };
    // Tests run side by side: each needs a probe of its own.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let probe = format!("coldspare-probe-{}-{number}", std::process::id());
    let namespace = |verb| Command::new("ip").args(["netns", verb, &probe]).output();
    let may = |output: std::io::Result<std::process::Output>| {
        output.is_ok_and(|output| output.status.success())
    };
    match programs.into_iter().find(|program| !works(program)) {
        Some(program) => Some(program),
        None if !may(namespace("add")) => Some("right to make a network namespace"),
        None if !may(namespace("delete")) => Some("right to delete a network namespace"),
        None => None,
    }
}
