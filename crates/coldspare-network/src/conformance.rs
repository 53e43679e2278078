//! What every implementation of the seams must do, as suites that run against it.
//!
//! A suite takes a *rig*: something that makes the device afresh for each check, and plays the
//! physical world around it. It answers with what it found wrong; nothing means passed.

use std::fmt;

use serde::Serialize;

pub mod guest;
pub mod switch;

/// A check that an implementation did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The check.
    pub check: &'static str,
    /// What was found.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.reason)
    }
}

/// What a check came to: why it did not pass, if it did not.
type Outcome = Result<(), String>;

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(reason()) }
}

/// What a call that must succeed answered.
fn answered<T>(call: &str, answer: Result<T, crate::Error>) -> Result<T, String> {
    answer.map_err(|error| format!("{call} failed: {error}"))
}

#[cfg(test)]
mod tests;
