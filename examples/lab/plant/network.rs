//! The network: an Open vSwitch with two managed bridges and one for the SAN, and the cables.

use tokio::process::Command;

use super::process::{Process, is_there, run, until};
use crate::Failure;
use crate::enclosure::ROOT;

/// NICs of a server that are cabled to the managed switches: odd ones to the first, even ones to
/// the second.
pub(crate) const CHANNELS: u8 = 4;

const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// The daemons of the switches.
#[derive(Debug)]
pub(crate) struct Network {
    _database: Process,
    _daemon: Process,
}

impl Network {
    /// Switches, cables, and the controller's and the array's own links.
    pub(crate) async fn start(servers: &[&str]) -> Result<Self, Failure> {
        let folder = format!("{ROOT}/ovs");
        std::fs::create_dir_all(&folder)?;
        let (database, socket) = (format!("{folder}/conf.db"), format!("{folder}/db.sock"));
        run("ovsdb-tool", &["create", &database, SCHEMA])?;
        let remote = format!("punix:{socket}");
        let arguments = [&database, "--remote", &remote];
        let database = daemon("ovsdb-server", &folder, "ovsdb", &arguments)?;
        until("the switches' database", || is_there(&socket)).await?;
        let at = format!("unix:{socket}");
        run("ovs-vsctl", &["--db", &at, "--no-wait", "init"])?;
        let daemon = daemon("ovs-vswitchd", &folder, "vswitchd", &[&at])?;

        run("ip", &["link", "set", "lo", "up"])?;
        for server in servers {
            for port in ports(server) {
                run("ip", &["tuntap", "add", "mode", "tap", "name", &port])?;
                run("ip", &["link", "set", &port, "up"])?;
            }
        }
        let wanted = bridges(servers);
        let mut arguments = vec!["--db", &*at, "--timeout=20"];
        arguments.extend(wanted.iter().map(String::as_str));
        run("ovs-vsctl", &arguments)?;
        for (device, address) in [
            ("scn-1", "10.4.0.1/24"),
            ("scn-2", "10.4.0.2/24"),
            ("san-0", "10.20.0.1/24"),
        ] {
            run("ip", &["address", "add", address, "dev", device])?;
            run("ip", &["link", "set", device, "up"])?;
        }
        two_paths()?;
        Ok(Self {
            _database: database,
            _daemon: daemon,
        })
    }
}

/// The devices at a server's end of its cables: the SAN's first.
fn ports(server: &str) -> Vec<String> {
    let san = format!("{server}-san");
    let channels = (1..=CHANNELS).map(|channel| format!("{server}-{channel}"));
    [san].into_iter().chain(channels).collect()
}

/// Everything that `ovs-vsctl` is asked for, in one transaction.
fn bridges(servers: &[&str]) -> Vec<String> {
    let mut wanted = Vec::new();
    let mut ask = |words: String| {
        wanted.push("--".to_owned());
        wanted.extend(words.split(' ').map(str::to_owned));
    };
    for bridge in ["lan-1", "lan-2", "san"] {
        ask(format!("add-br {bridge}"));
        ask(format!(
            "set bridge {bridge} datapath_type=netdev fail_mode=standalone"
        ));
    }
    for (bridge, port, tag) in [
        ("lan-1", "scn-1", " tag=4004"),
        ("lan-2", "scn-2", " tag=4004"),
        ("san", "san-0", ""),
    ] {
        ask(format!("add-port {bridge} {port}{tag}"));
        ask(format!("set interface {port} type=internal"));
    }
    for server in servers {
        ask(format!("add-port san {server}-san"));
        for channel in 1..=CHANNELS {
            let bridge = if channel % 2 == 1 { "lan-1" } else { "lan-2" };
            ask(format!("add-port {bridge} {server}-{channel}"));
        }
    }
    wanted
}

/// Both paths lie in one subnet: each answers on its own link only, and sends over it.
fn two_paths() -> Result<(), Failure> {
    for setting in ["arp_ignore=1", "arp_announce=2", "rp_filter=0"] {
        let setting = format!("net.ipv4.conf.all.{setting}");
        run("sysctl", &["-q", "-w", &setting])?;
    }
    for (table, device, address) in [("101", "scn-1", "10.4.0.1"), ("102", "scn-2", "10.4.0.2")] {
        let route = [
            "route",
            "add",
            "10.4.0.0/24",
            "dev",
            device,
            "src",
            address,
            "table",
            table,
        ];
        run("ip", &route)?;
        run("ip", &["rule", "add", "from", address, "table", table])?;
    }
    Ok(())
}

fn daemon(program: &str, folder: &str, name: &str, arguments: &[&str]) -> Result<Process, Failure> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(format!("--unixctl={folder}/{name}.ctl"));
    for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
        command.env(variable, folder);
    }
    Ok(Process::start(program, command)?)
}
