//! The walls of the laboratory: kernel namespaces that hold every process, device and file of it.
//!
//! What is inside ends with the first process inside, and that one ends with us, however we end:
//! the kernel sees to it. Nothing can be left behind, not even after `kill -9`.

use std::env;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use coldspare_examples::parts;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// Where everything of the laboratory is, inside: a file system in memory that nobody else sees.
pub(crate) const ROOT: &str = "/mnt";

/// What asks the program inside to end in order, on its standard input. An end of that input asks
/// for nothing: it comes when we are killed, and then the kernel ends what is inside.
pub(crate) const STOP: &[u8] = b"stop\n";

/// The first process inside: it makes the place and ends the children that lost their parents.
const FIRST: &str = r#"
mount -t tmpfs -o mode=0755 coldspare-lab /mnt || exit 2
mount -t tmpfs coldspare-lab /dev/shm || exit 2
mount -t sysfs coldspare-lab /sys || exit 2
exec 3<&0
"$@" <&3 3<&- &
exec 3<&-
wait $!
"#;

/// How long an orderly end may take.
const ORDERLY: Duration = Duration::from_secs(20);

/// Runs this very program inside with these arguments, to its end.
pub(crate) async fn enter(arguments: &[String]) -> io::Result<ExitStatus> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let mut inside = start(arguments)?;
    // Held: whoever waits for a child would close it.
    let mut input = inside.stdin.take();
    tokio::select! {
        ended = inside.wait() => return ended,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    if let Some(input) = &mut input {
        input.write_all(STOP).await?;
    }
    if let Ok(ended) = timeout(ORDERLY, inside.wait()).await {
        return ended;
    }
    inside.kill().await?;
    inside.wait().await
}

fn start(arguments: &[String]) -> io::Result<Child> {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(["--pid", "--net", "--mount", "--ipc", "--mount-proc"])
        .args(["--fork", "--kill-child"])
        .args(["sh", "-c", FIRST, "lab"])
        .arg(env::current_exe()?)
        .args(arguments)
        .env("PATH", parts::path())
        .stdin(Stdio::piped())
        // A terminal's Ctrl-C is for us alone.
        .process_group(0)
        .kill_on_drop(true);
    command.spawn()
}
