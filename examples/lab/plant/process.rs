//! One daemon: its log, and its end by its own id.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command as Blocking, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::enclosure::ROOT;

/// A daemon that was started. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it; what it says goes to its log.
    pub(crate) fn start(name: &str, mut command: Command) -> io::Result<Self> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_file(name))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        child.map(Self)
    }

    /// Kills it (-9), and waits for its end.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        self.0.kill().await
    }
}

/// Where the log of that part is.
pub(crate) fn log_file(name: &str) -> String {
    format!("{ROOT}/log/{name}.log")
}

/// Sends a signal to a process that is not our child, such as a server.
pub(crate) fn send(id: i32, signal: Signal) -> Result<(), Failure> {
    Ok(kill(Pid::from_raw(id), signal)?)
}

/// Runs a tool to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let output = Blocking::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}", arguments.join(" "), said.trim()).into())
}

/// Waits until something is so; after half a minute it is a failure.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), Failure> {
    let look = async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let looked = timeout(Duration::from_secs(30), look).await;
    looked.map_err(|_| format!("{what}: not within 30 s").into())
}

/// Whether a socket is there.
pub(crate) fn is_there(path: &str) -> bool {
    Path::new(path).exists()
}
