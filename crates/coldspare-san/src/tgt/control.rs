//! The way to tgtd: one process of `tgtadm` for each call, and one message of our own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::UNIT;
use super::plan::Call;
use super::shown::{self, Target};
use crate::Chap;

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// tgtd is not there, hangs, or fell over while it was asked.
    #[error("tgtd does not answer")]
    Silent,
    /// tgtd answered, and did nothing.
    #[error("tgtd says: {0}")]
    Refused(String),
    /// `tgtadm` or `setpriv` cannot be run.
    #[error("{program} cannot be run (Debian packages tgt, util-linux)")]
    NoProgram {
        program: &'static str,
        source: std::io::Error,
    },
}

/// The control socket of one tgtd.
#[derive(Debug)]
pub(super) struct Control {
    socket: PathBuf,
    limit: Duration,
}

impl Control {
    /// Control port 0 of the tgtd that was started with `TGT_IPC_SOCKET=socket`.
    pub(super) fn new(socket: PathBuf, limit: Duration) -> Self {
        Self { socket, limit }
    }

    /// Where it listens: tgtd puts the number of its control port behind the name.
    pub(super) fn path(&self) -> PathBuf {
        let mut path = self.socket.clone().into_os_string();
        path.push(".0");
        path.into()
    }

    /// Every target with all that belongs to it.
    pub(super) async fn show(&self) -> Result<Vec<Target>, Trouble> {
        let text = self.run("show", "target", &[]).await?;
        shown::targets(&text).map_err(|error| Trouble::Refused(error.to_string()))
    }

    /// Every account, bound or not.
    pub(super) async fn accounts(&self) -> Result<Vec<String>, Trouble> {
        let text = self.run("show", "account", &[]).await?;
        Ok(shown::accounts(&text))
    }

    /// One change.
    pub(super) async fn make(&self, call: &Call) -> Result<(), Trouble> {
        let unit = UNIT.to_string();
        match call {
            Call::NewTarget { number, name } => {
                let target = [("--tid", &*number.to_string()), ("--targetname", name)];
                self.run("new", "target", &target).await
            }
            Call::DeleteTarget { number } => {
                let target = [("--tid", &*number.to_string())];
                self.run("delete", "target", &target).await
            }
            Call::NewUnit { number, image } => {
                let unit = [
                    ("--tid", &*number.to_string()),
                    ("--lun", &unit),
                    ("--bstype", "rdwr"),
                    ("--backing-store", image),
                ];
                self.run("new", "logicalunit", &unit).await
            }
            Call::NameUnit { number, identity } => {
                let number = number.to_string();
                let names = format!("scsi_id={identity},scsi_sn={identity},thin_provisioning=1");
                let unit = [("--tid", &*number), ("--lun", &unit), ("--params", &names)];
                self.run("update", "logicalunit", &unit).await
            }
            Call::NewAccount(account) => return self.new_account(account).await,
            Call::DeleteAccount { user } => {
                self.run("delete", "account", &[("--user", user)]).await
            }
            Call::BindAccount { number, user } => {
                let account = [("--tid", &*number.to_string()), ("--user", user)];
                self.run("bind", "account", &account).await
            }
            Call::UnbindAccount { number, user } => {
                let account = [("--tid", &*number.to_string()), ("--user", user)];
                self.run("unbind", "account", &account).await
            }
            Call::BindInitiator { number, name } => {
                let rule = [("--tid", &*number.to_string()), ("--initiator-name", name)];
                self.run("bind", "target", &rule).await
            }
            Call::UnbindRule { number, rule } => {
                let number = number.to_string();
                let name = [("--tid", &*number), ("--initiator-name", rule)];
                match self.run("unbind", "target", &name).await {
                    Err(Trouble::Refused(_)) => {
                        let address = [("--tid", &*number), ("--initiator-address", rule)];
                        self.run("unbind", "target", &address).await
                    }
                    answer => answer,
                }
            }
            Call::EndConnection {
                number,
                session,
                connection,
            } => {
                let connection = [
                    ("--tid", &*number.to_string()),
                    ("--sid", &session.to_string()),
                    ("--cid", &connection.to_string()),
                ];
                self.run("delete", "conn", &connection).await
            }
        }
        .map(drop)
    }

    /// A process that ends with us: a call that was given up can do nothing later.
    async fn run(
        &self,
        operation: &str,
        mode: &str,
        options: &[(&str, &str)],
    ) -> Result<String, Trouble> {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "tgtadm", "--lld", "iscsi"])
            .args(["--control-port", "0", "--op", operation, "--mode", mode])
            .args(options.iter().flat_map(|(option, value)| [option, value]))
            .env("TGT_IPC_SOCKET", &self.socket)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = match timeout(self.limit, command.output()).await {
            Err(_) => return Err(Trouble::Silent),
            Ok(Err(source)) => return Err(no_program("setpriv", source)),
            Ok(Ok(output)) => output,
        };
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            // It ends well, too, when tgtd fell over in the middle of its answer.
            Some(0) if said.is_empty() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Some(22) => Err(Trouble::Refused(said.trim().to_owned())),
            Some(126 | 127) => Err(no_program(
                "tgtadm",
                std::io::Error::other(said.into_owned()),
            )),
            _ => Err(Trouble::Silent),
        }
    }

    /// Makes an account as `tgtadm --op new --mode account` does, and past it: tgtadm takes the
    /// secret on its command line only, where every user of the machine can read it.
    async fn new_account(&self, account: &Chap) -> Result<(), Trouble> {
        let asked = async {
            let mut stream = UnixStream::connect(self.path()).await?;
            stream.write_all(&request(account)).await?;
            // tgtadm_rsp: an error number, or 0; the length of what follows.
            let mut answer = [0; 8];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        match timeout(self.limit, asked).await {
            // Refused only if it exists already: its name is as unique as its secret.
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Trouble::Silent),
        }
    }
}

/// tgt's `struct tgtadm_req` in the byte order of this machine, and what follows it.
fn request(account: &Chap) -> Vec<u8> {
    const LENGTH: usize = 120;
    const ACCOUNT: u32 = 7;
    let secret = account.secret.expose_secret();
    let follows = format!("user={},password={secret}\0", account.user);
    let length = u32::try_from(LENGTH + follows.len()).unwrap_or(u32::MAX);
    let mut request = Vec::with_capacity(LENGTH + follows.len());
    request.extend(ACCOUNT.to_ne_bytes());
    request.extend(0_u32.to_ne_bytes()); // operation: new
    request.extend(b"iscsi");
    request.resize(72, 0);
    request.extend(length.to_ne_bytes());
    request.extend((-1_i32).to_ne_bytes()); // no target
    request.extend(0_u64.to_ne_bytes()); // no session
    request.extend(u64::MAX.to_ne_bytes()); // no unit
    request.resize(LENGTH, 0);
    request.extend(follows.as_bytes());
    request
}

fn no_program(program: &'static str, source: std::io::Error) -> Trouble {
    Trouble::NoProgram { program, source }
}
