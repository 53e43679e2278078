//! A machine of the tests: OpenIPMI's simulator as its management controller, and a process that
//! stands for what runs.

use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coldspare_bmc::{CipherSuite, GuidOrder, Identity, Ipmi, IpmiAccess, IpmiUser};
use coldspare_names::ServerName;
use tokio::time::{sleep, timeout};
use uuid::{Uuid, uuid};

/// Searched for where it must not be.
pub(crate) const PASSWORD: &str = "ipmi-sesame";
const MACHINE: Uuid = uuid!("4c4c4544-0035-5810-8051-b5c04f335231");
const SOON: Duration = Duration::from_secs(10);
const TOOLS: [&str; 3] = ["ipmi_sim", "ipmitool", "setpriv"];

/// Whether the real parts are here. What is missing is said; in CI it is a failure.
pub(crate) fn is_here() -> bool {
    use std::io::Write;
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &&str| std::env::split_paths(&paths).any(|path| path.join(tool).exists());
    let missing: Vec<_> = TOOLS.into_iter().filter(|tool| !is_there(tool)).collect();
    if missing.is_empty() {
        return true;
    }
    let told = format!(
        "IPMI is NOT tested: {} missing; to install: apt-get install ipmitool openipmi",
        missing.join(", ")
    );
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{told}");
    // Past the test harness, which hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "{told}");
    false
}

pub(crate) fn server() -> ServerName {
    ServerName::new("r1").unwrap()
}

/// A machine and its controller. The kernel ends both when the thread that began it ends.
pub(crate) struct Simulator {
    folder: PathBuf,
    port: u16,
    controller: Mutex<Child>,
}

impl Simulator {
    /// A machine that is off, with a controller that tells its GUID in that order.
    pub(crate) async fn start(order: GuidOrder) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let port = free_udp_port();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ipmi-{}-{count}-{port}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(folder.join("state")).unwrap();
        write_files(&folder, port, order);
        let controller = Mutex::new(launch(&folder));
        let this = Self {
            folder,
            port,
            controller,
        };
        this.listens().await;
        this
    }

    pub(crate) fn identity() -> Identity {
        Identity::of_uuid(MACHINE)
    }

    pub(crate) fn access(&self) -> IpmiAccess {
        access(self.port)
    }

    pub(crate) fn ipmi(&self) -> Ipmi {
        Self::ipmi_at(self.port)
    }

    /// The way to a simulator that another process has started.
    pub(crate) fn ipmi_at(port: u16) -> Ipmi {
        Ipmi::new(server(), access(port))
    }

    /// Where a NIC may keep its memory.
    pub(crate) fn nic(&self) -> PathBuf {
        self.folder.join("nic.ipxe")
    }

    /// Whether the process that stands for the machine is there, frozen or not.
    pub(crate) fn runs(&self) -> bool {
        self.machine().is_some()
    }

    /// The simulator has no button: another administrator presses it.
    pub(crate) async fn turn_on_by_hand(&self) {
        let done = tokio::process::Command::new("ipmitool")
            .args(["-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-U", "admin"])
            .args(["-p", &self.port.to_string(), "-E", "chassis", "power", "on"])
            .env("IPMITOOL_PASSWORD", PASSWORD)
            .output();
        let done = done.await.unwrap();
        assert!(done.status.success(), "{done:?}");
        self.comes_to(true).await;
    }

    pub(crate) fn freeze(&self) {
        signal("STOP", self.machine().unwrap());
    }

    /// The controller freezes: it is there, and says nothing.
    pub(crate) fn freeze_controller(&self) {
        signal("STOP", self.controller.lock().unwrap().id());
    }

    /// Controller and machine lose their mains.
    pub(crate) async fn cut_mains(&self) {
        end(&mut self.controller.lock().unwrap());
        if let Some(machine) = self.machine() {
            signal("KILL", machine);
        }
        self.comes_to(false).await;
    }

    pub(crate) async fn return_mains(&self) {
        *self.controller.lock().unwrap() = launch(&self.folder);
        self.listens().await;
    }

    async fn comes_to(&self, running: bool) {
        let reached = async {
            while self.runs() != running {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, reached).await.expect("the machine obeys");
    }

    fn machine(&self) -> Option<u32> {
        let id = fs::read_to_string(self.folder.join("machine.pid")).ok()?;
        let id = id.trim().parse().ok()?;
        // Empty once the process has ended; another's if its number was given again.
        let command = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
        command.contains(&self.port.to_string()).then_some(id)
    }

    async fn listens(&self) {
        let local = format!("0100007F:{:04X}", self.port);
        let bound = async {
            while !fs::read_to_string("/proc/net/udp")
                .unwrap()
                .contains(&local)
            {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(SOON, bound).await.expect("the simulator listens");
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        end(self.controller.get_mut().unwrap());
        if let Some(machine) = self.machine() {
            signal("KILL", machine);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn access(port: u16) -> IpmiAccess {
    IpmiAccess {
        address: (Ipv4Addr::LOCALHOST, port).into(),
        user: IpmiUser::new("admin", PASSWORD.into()).unwrap(),
        cipher_suite: CipherSuite::Sha1,
        guid_order: GuidOrder::Smbios,
        limit: Duration::from_secs(5),
    }
}

fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

fn free_tcp_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

fn launch(folder: &Path) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "ipmi_sim", "-n"])
        .arg("-c")
        .arg(folder.join("lan.conf"))
        .arg("-f")
        .arg(folder.join("commands"))
        .arg("-s")
        .arg(folder.join("state"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

fn signal(name: &str, process: u32) {
    let kill = format!("kill -{name} {process}");
    let _ = Command::new("sh").args(["-c", &kill]).status();
}

fn write_files(folder: &Path, port: u16, order: GuidOrder) {
    let guid = match order {
        GuidOrder::Rfc => MACHINE.into_bytes(),
        GuidOrder::Smbios => MACHINE.to_bytes_le(),
        GuidOrder::Ipmi => MACHINE.as_u128().to_le_bytes(),
    };
    let guid = guid.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let machine = folder.join("machine");
    let lan = format!(
        r#"name "machine"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid {guid}
  endlan
  serial 15 127.0.0.1 {serial} codec VM
  startcmd "sh {machine}"
  startnow false
  poweroff_wait 1
  kill_wait 1
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "admin" "{PASSWORD}" admin 10 none md2 md5 straight
"#,
        // Without a line to the machine the simulator starts none, though nothing listens there.
        serial = free_tcp_port(),
        machine = machine.display()
    );
    fs::write(folder.join("lan.conf"), lan).unwrap();
    let commands = "mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
";
    fs::write(folder.join("commands"), commands).unwrap();
    // Told apart from any other process by its last argument, and never longer there than that.
    let script = format!(
        "echo $$ > {machine}.pid\nexec setpriv --pdeathsig KILL sleep 600.{port}\n",
        machine = machine.display()
    );
    fs::write(machine, script).unwrap();
}
