//! One run of `ipmitool`: several requests through one session.

use std::io;
use std::process::{Output, Stdio};

use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::IpmiAccess;
use super::reply::{Failure, answers, complaint};

const TOOL: &str = "ipmitool";
/// What `setpriv` exits with when it cannot run the tool, as shells do.
const CANNOT_RUN: [i32; 2] = [126, 127];

/// A request: network function, command, data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request(pub(super) &'static [u8]);

/// Sends the requests through one session. Either all are answered, or the call failed.
pub(super) async fn ask<const N: usize>(
    access: &IpmiAccess,
    requests: [Request; N],
) -> Result<[Vec<u8>; N], Failure> {
    let output = timeout(access.limit, run(access, &requests)).await;
    let output = output
        .map_err(|late| Failure::NoAnswer(Some(late.into())))?
        .map_err(|error| Failure::NoTool("setpriv", Some(error.into())))?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => answers(&output.stdout),
        Some(code) if CANNOT_RUN.contains(&code) => {
            Err(Failure::NoTool(TOOL, Some(complaints.trim().into())))
        }
        Some(_) => Err(complaint(&complaints)),
        None => Err(Failure::NoAnswer(Some("ipmitool was killed".into()))),
    }
}

async fn run(access: &IpmiAccess, requests: &[Request]) -> io::Result<Output> {
    let mut child = command(access)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Given up is ended.
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ended early has said why by other means.
        let _ = stdin.write_all(script(requests).as_bytes()).await;
    }
    child.wait_with_output().await
}

/// The password goes by the environment, which only we and root can read; a command line is for
/// everybody, and a file may stay behind. `-v` makes the tool say why a session is refused.
///
/// The kernel ends the tool with the thread that began it: a worker of the runtime, which lives as
/// long as the runtime does.
fn command(access: &IpmiAccess) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", TOOL])
        .args(["-v", "-I", "lanplus", "-N", "1", "-R", "2"])
        .args(["-C", access.cipher_suite.number()])
        .args(["-H", &access.address.ip().to_string()])
        .args(["-p", &access.address.port().to_string()])
        .args(["-U", access.user.name(), "-E"])
        .args(["exec", "/dev/stdin"])
        .env("IPMITOOL_PASSWORD", access.user.password().expose_secret())
        .env("LC_ALL", "C");
    command
}

fn script(requests: &[Request]) -> String {
    let line = |request: &Request| {
        let bytes = request.0.iter().map(|byte| format!("{byte:#04x}"));
        format!("raw {}\n", bytes.collect::<Vec<_>>().join(" "))
    };
    requests.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_of_bytes() {
        let requests = [Request(&[0x06, 0x37]), Request(&[0x00, 0x02, 0])];
        assert_eq!(script(&requests), "raw 0x06 0x37\nraw 0x00 0x02 0x00\n");
    }
}
