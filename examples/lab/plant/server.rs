//! A server: a QEMU behind OpenIPMI's simulator, and what can befall both.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use coldspare::site::{BmcDriver, Site};
use coldspare_names::ServerName;
use nix::sys::signal::Signal;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::network::CHANNELS;
use super::process::{Process, log_file, run, send, until};
use crate::Failure;
use crate::enclosure::ROOT;

/// A server and its management controller.
#[derive(Debug)]
pub(crate) struct Server {
    name: ServerName,
    /// None: it has lost its mains, or died.
    controller: Option<Process>,
}

impl Server {
    /// A server that is off, and whose controller answers.
    pub(crate) async fn start(site: &Site, name: &ServerName) -> Result<Self, Failure> {
        fs::create_dir_all(format!("{ROOT}/{name}/state"))?;
        write_files(site, name)?;
        let mut server = Self {
            name: name.clone(),
            controller: None,
        };
        server.start_controller(Mains::Stand).await?;
        Ok(server)
    }

    /// Somebody holds its button: the machine is off, its controller lives and says so.
    pub(crate) fn hold_button(&self) -> Result<(), Failure> {
        send(self.machine()?, Signal::SIGKILL)
    }

    /// The machine hangs: it does nothing, and its controller says *on*.
    pub(crate) fn freeze(&self) -> Result<(), Failure> {
        send(self.machine()?, Signal::SIGSTOP)
    }

    /// It goes on where it stood still.
    pub(crate) fn thaw(&self) -> Result<(), Failure> {
        send(self.machine()?, Signal::SIGCONT)
    }

    /// Its controller is dead; the machine stays as it is.
    pub(crate) async fn lose_controller(&mut self) -> Result<(), Failure> {
        if let Some(mut controller) = self.controller.take() {
            controller.kill().await?;
        }
        Ok(())
    }

    /// Its mains are gone: machine and controller.
    pub(crate) async fn lose_mains(&mut self) -> Result<(), Failure> {
        self.hold_button()?;
        self.lose_controller().await
    }

    /// Its mains are back: the controller starts, and turns the machine on, as it was before.
    pub(crate) async fn regain_mains(&mut self) -> Result<(), Failure> {
        self.start_controller(Mains::Return).await
    }

    /// Its SAN port has no link, or has one again.
    pub(crate) fn san_link(&self, up: bool) -> Result<(), Failure> {
        let device = format!("{}-san", self.name);
        let state = if up { "up" } else { "down" };
        run("ip", &["link", "set", &device, state])
    }

    /// The cable of its NIC on that channel is pulled, or plugged in again: its operating system
    /// sees that.
    pub(crate) async fn cable(&self, channel: u8, plugged: bool) -> Result<(), Failure> {
        // The first NIC is the SAN's.
        let asked = json!([
            { "execute": "qmp_capabilities" },
            { "execute": "set_link", "arguments": { "name": format!("n{channel}"), "up": plugged } },
        ]);
        let pulled = async {
            let mut machine = UnixStream::connect(self.file("qmp")).await?;
            for command in asked.as_array().into_iter().flatten() {
                machine.write_all(command.to_string().as_bytes()).await?;
            }
            let mut said = String::new();
            while said.matches("\"return\"").count() < 2 {
                let mut more = [0; 256];
                match machine.read(&mut more).await? {
                    0 => return Err(Failure::from("it hung up")),
                    length => said += &String::from_utf8_lossy(&more[..length]),
                }
                if said.contains("\"error\"") {
                    return Err(Failure::from(said));
                }
            }
            Ok(())
        };
        timeout(Duration::from_secs(10), pulled).await?
    }

    /// Types a line at its second serial port, where a shell listens, and waits until it is done.
    pub(crate) async fn type_line(&self, line: &str) -> Result<(), Failure> {
        // The line itself comes back as well: only its outcome holds the sum.
        let (line, done) = (format!("{line}; echo $((6 * 7))\n"), b"42");
        let typed = async {
            let mut shell = UnixStream::connect(self.file("shell")).await?;
            shell.write_all(line.as_bytes()).await?;
            let mut said = Vec::new();
            while !said.windows(done.len()).any(|part| part == done) {
                if shell.read_buf(&mut said).await? == 0 {
                    return Err(Failure::from("its shell hung up"));
                }
            }
            Ok(())
        };
        timeout(Duration::from_secs(10), typed).await?
    }

    fn file(&self, name: &str) -> String {
        format!("{ROOT}/{}/{name}", self.name)
    }

    fn machine(&self) -> Result<i32, Failure> {
        Ok(fs::read_to_string(self.file("pid"))?.trim().parse()?)
    }

    async fn start_controller(&mut self, mains: Mains) -> Result<(), Failure> {
        let port = self.file("port");
        let port: u16 = fs::read_to_string(port)?.trim().parse()?;
        let mut command = Command::new("ipmi_sim");
        command
            .arg("-n")
            .args(["-c", &self.file(mains.file())])
            .args(["-f", &self.file("commands")])
            .args(["-s", &self.file("state")]);
        let name = format!("bmc-{}", self.name);
        self.controller = Some(Process::start(&name, command)?);
        let bound = format!("0100007F:{port:04X}");
        until(&name, || {
            fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.contains(&bound))
        })
        .await
    }
}

/// How a controller comes to start.
#[derive(Debug, Clone, Copy)]
enum Mains {
    /// The mains stood all the time; the machine is off.
    Stand,
    /// They return: the machine is turned on, as it was.
    Return,
}

impl Mains {
    fn file(self) -> &'static str {
        match self {
            Self::Stand => "lan.conf",
            Self::Return => "lan-on.conf",
        }
    }
}

fn write_files(site: &Site, name: &ServerName) -> Result<(), Failure> {
    let of = &site.servers[name];
    let BmcDriver::Ipmi(driver) = &of.bmc else {
        return Err(format!("the controller of {name} is no IPMI").into());
    };
    let SocketAddr::V4(address) = driver.address else {
        return Err("a simulated controller listens on IPv4".into());
    };
    let file = |file: &str| format!("{ROOT}/{name}/{file}");
    fs::write(file("port"), address.port().to_string())?;
    fs::write(file("commands"), COMMANDS)?;
    let uuid = of.server.identity.uuid;
    // The order of bytes in which most makers store it: see `GuidOrder::Smbios`.
    let mut guid = String::new();
    for byte in uuid.to_bytes_le() {
        let _ = write!(guid, "{byte:02x}");
    }
    let password = driver.password.read()?;
    for (mains, now) in [(Mains::Stand, false), (Mains::Return, true)] {
        let lan = lan(
            address.port(),
            &guid,
            password.expose_secret(),
            &file("power"),
            now,
        );
        let path = file(mains.file());
        fs::write(&path, lan)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }

    let san = of
        .server
        .san_ports
        .iter()
        .map(|port| ("san".to_owned(), port.mac));
    let nics = of.server.nics.iter();
    let nics = nics.map(|(channel, nic)| (channel.to_string(), nic.mac));
    debug_assert_eq!(of.server.nics.len(), usize::from(CHANNELS));
    let mut machine = String::new();
    for (index, (end, mac)) in san.chain(nics).enumerate() {
        // Without vnet_hdr=off a switch in user space drops every UDP datagram of the guest:
        // nobody computes its checksum.
        let _ = write!(
            machine,
            " \\\n  -netdev tap,id=n{index},ifname={name}-{end},script=no,downscript=no,vnet_hdr=off \
             -device virtio-net-pci,netdev=n{index},mac={mac},romfile="
        );
    }
    let power = format!(
        "#!/bin/sh\n\
         # Turns the server on: its firmware reads what the NIC remembers.\n\
         echo $$ > {pid}\n\
         [ -f {nic} ] || printf '#!ipxe\\nshell\\n' > {nic}\n\
         exec qemu-system-x86_64 -name {name} -machine q35,graphics=off -accel tcg -cpu qemu64 \\\n  \
           -m 128 -nodefaults -display none -no-user-config -uuid {uuid} \\\n  \
           -kernel /usr/lib/ipxe/ipxe.lkrn -initrd {nic} \\\n  \
           -serial file:{console} -serial unix:{shell},server=on,wait=off \\\n  \
           -qmp unix:{qmp},server=on,wait=off{machine} \\\n  \
           >> {log} 2>&1\n",
        pid = file("pid"),
        nic = file("nic.ipxe"),
        shell = file("shell"),
        qmp = file("qmp"),
        console = log_file(&format!("console-{name}")),
        log = log_file(&format!("qemu-{name}")),
    );
    fs::write(file("power"), power)?;
    Ok(())
}

const COMMANDS: &str = "mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
";

fn lan(port: u16, guid: &str, password: &str, power: &str, start_now: bool) -> String {
    // Without a line to the machine the simulator starts none, though nothing listens there.
    let serial = port + 100;
    format!(
        r#"name "server"
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
  startcmd "sh {power}"
  startnow {start_now}
  poweroff_wait 3
  kill_wait 1
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "admin" "{password}" admin 10 none md2 md5 straight
"#
    )
}
