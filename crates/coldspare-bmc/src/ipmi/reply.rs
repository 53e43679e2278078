//! What `ipmitool` prints, and what it means. Pure, and strict: power hangs on it.

use crate::{Cause, PowerState, RestorePolicy};

/// The controller does not know the command. (IPMI 2.0 table 5-2.)
pub(super) const NO_SUCH_COMMAND: u8 = 0xc1;
/// The controller does not know the value.
pub(super) const NO_SUCH_VALUE: u8 = 0xcc;

/// Why there are no answers.
#[derive(Debug)]
pub(super) enum Failure {
    /// A tool cannot be run.
    NoTool(&'static str, Option<Cause>),
    /// Nothing came back.
    NoAnswer(Option<Cause>),
    /// It does not accept the user, or knows another password than we.
    Denied(Option<Cause>),
    /// It answered that it will not, with a completion code if a session came about.
    Refused {
        code: Option<u8>,
        reason: String,
        retry: bool,
    },
    /// It, or the tool, said something unknown.
    Unreadable(String),
}

/// The answers to raw requests: a line each, a byte as two digits after a blank. No request here
/// has an answer of more than 16 bytes, so none takes two lines.
pub(super) fn answers<const N: usize>(printed: &[u8]) -> Result<[Vec<u8>; N], Failure> {
    let lines = std::str::from_utf8(printed).ok().map(str::lines);
    let answers: Option<Vec<_>> = lines.and_then(|lines| lines.map(bytes).collect());
    answers
        .and_then(|answers| answers.try_into().ok())
        .ok_or_else(|| Failure::Unreadable(format!("{} bytes of other text", printed.len())))
}

fn bytes(line: &str) -> Option<Vec<u8>> {
    let byte = |text: &[u8]| match text {
        [b' ', high, low] => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
        _ => None,
    };
    line.as_bytes().chunks(3).map(byte).collect()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

/// Get Chassis Status (table 28-3): three bytes, or four where front panel buttons are told.
fn current_power_state(status: &[u8]) -> Option<u8> {
    matches!(status.len(), 3 | 4).then(|| status[0])
}

/// The power, if this is a chassis status.
pub(super) fn power(status: &[u8]) -> Option<PowerState> {
    Some(match current_power_state(status)? & 1 {
        0 => PowerState::Off,
        _ => PowerState::On,
    })
}

/// The restore policy, if this is a chassis status and the controller knows it.
#[expect(
    clippy::option_option,
    reason = "an unreadable status is not an unknown policy"
)]
pub(super) fn restore_policy(status: &[u8]) -> Option<Option<RestorePolicy>> {
    Some(match current_power_state(status)? >> 5 & 3 {
        0 => Some(RestorePolicy::AlwaysOff),
        1 => Some(RestorePolicy::LastState),
        2 => Some(RestorePolicy::AlwaysOn),
        _ => None,
    })
}

/// What a failed run means, by what the tool wrote. The texts are those of ipmitool 1.8.19.
pub(super) fn complaint(printed: &str) -> Failure {
    const DENIED: [&str; 6] = [
        "RAKP 2 HMAC is invalid",
        "unauthorized name",
        "unauthorized role requested",
        "invalid role",
        "invalid integrity check value",
        "Set Session Privilege Level to",
    ];
    const SILENT: [&str; 2] = ["Unable to establish", "Unable to send RAW command"];

    let line = |part: &str| printed.lines().find(|line| line.contains(part));
    if let Some(code) = line(" rsp=0x").and_then(completion_code) {
        return refusal(code);
    }
    if let Some(why) = DENIED.into_iter().find_map(line) {
        return Failure::Denied(Some(why.trim().into()));
    }
    if let Some(why) = line("message indicates an error : ").or(line("session response message : "))
    {
        return Failure::Refused {
            code: None,
            reason: why.trim().to_owned(),
            retry: why.contains("insufficient resources"),
        };
    }
    match SILENT.into_iter().find_map(line) {
        Some(why) => Failure::NoAnswer(Some(why.trim().into())),
        None => Failure::Unreadable(printed.trim().to_owned()),
    }
}

/// The completion code in `(… rsp=0xd5): Command not supported in present state`.
fn completion_code(line: &str) -> Option<u8> {
    let (_, rest) = line.split_once(" rsp=0x")?;
    let (code, _) = rest.split_once(')')?;
    u8::from_str_radix(code, 16).ok()
}

fn refusal(code: u8) -> Failure {
    const INSUFFICIENT_PRIVILEGE: u8 = 0xd4;
    // Busy, timeout, no space, being updated (twice), not yet ready, out of reach.
    const PASSES: [u8; 7] = [0xc0, 0xc3, 0xc4, 0xd0, 0xd1, 0xd2, 0xd3];

    if code == INSUFFICIENT_PRIVILEGE {
        return Failure::Denied(Some("its user may not do this".into()));
    }
    Failure::Refused {
        code: Some(code),
        reason: format!("completion code {code:#04x}"),
        retry: PASSES.contains(&code),
    }
}

#[cfg(test)]
mod tests;
