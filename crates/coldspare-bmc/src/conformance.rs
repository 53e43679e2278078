//! The contract of [`Bmc`] as an executable suite.
//!
//! Whoever implements the seam writes a [`Rig`] around a device and asserts that [`check`] finds
//! nothing. What the machine really does is always taken from the rig, never from the controller.

mod power;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::{Bmc, Error, Identity};

/// A machine with its controller, and the levers on the world around them. Levers act on the
/// machine that [`fresh`](Self::fresh) gave last.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A machine that is off, has mains and remembers nothing to boot; its controller.
    async fn fresh(&self) -> Arc<dyn Bmc>;

    /// Which machine it is.
    fn identity(&self) -> Identity;

    /// The longest that the machine takes to change its power, unless it is frozen.
    fn patience(&self) -> Duration;

    /// Whether the machine runs: looked up at the machine, not asked of its controller.
    async fn runs(&self) -> bool;

    /// Somebody turns the machine on at its button.
    async fn turn_on_by_hand(&self);

    /// The machine freezes: it runs on, and turning it off takes long, but less than twice
    /// [`patience`](Self::patience).
    async fn freeze(&self);

    /// The mains go, for machine and controller.
    async fn cut_mains(&self);

    /// The mains return.
    async fn return_mains(&self);
}

/// A part of the contract that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// What was expected and what was found.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.reason)
    }
}

/// Runs every check, each on a fresh machine. An implementation passes with an empty list.
pub async fn check(rig: &dyn Rig) -> Vec<Violation> {
    let results = run(rig).await.into_iter();
    let violations = results.filter_map(|(check, result)| {
        let Broken(reason) = result.err()?;
        Some(Violation { check, reason })
    });
    violations.collect()
}

async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        ("identity", power::identity(rig).await),
        ("power-is-read-as-it-is", power::is_read_as_it_is(rig).await),
        ("on-turns-on", power::on_turns_on(rig).await),
        ("off-turns-off", power::off_turns_off(rig).await),
        ("on-may-be-repeated", power::on_may_be_repeated(rig).await),
        ("off-may-be-repeated", power::off_may_be_repeated(rig).await),
        (
            "shut-down-starts-nothing",
            power::shut_down_starts_nothing(rig).await,
        ),
        (
            "off-is-not-told-too-early",
            power::off_is_not_told_too_early(rig).await,
        ),
        (
            "no-answer-is-not-off",
            power::no_answer_is_not_off(rig).await,
        ),
        (
            "inventory-is-of-this-machine",
            power::inventory_is_of_this_machine(rig).await,
        ),
        ("boot-reads-back", settings::boot_reads_back(rig).await),
        (
            "boot-is-replaced-whole",
            settings::boot_is_replaced_whole(rig).await,
        ),
        (
            "boot-can-be-cleared",
            settings::boot_can_be_cleared(rig).await,
        ),
        (
            "boot-needs-a-portal",
            settings::boot_needs_a_portal(rig).await,
        ),
        (
            "boot-outlives-the-mains",
            settings::boot_outlives_the_mains(rig).await,
        ),
        (
            "lack-of-a-setting-is-told",
            settings::lack_is_told(rig).await,
        ),
        (
            "restore-policy-reads-back",
            settings::restore_policy_reads_back(rig).await,
        ),
        (
            "always-off-stays-off",
            settings::always_off_stays_off(rig).await,
        ),
        (
            "settings-leave-the-power-alone",
            settings::leave_the_power_alone(rig).await,
        ),
        (
            "no-answer-is-not-done",
            settings::no_answer_is_not_done(rig).await,
        ),
        (
            "secrets-stay-inside",
            settings::secrets_stay_inside(rig).await,
        ),
    ]
}

/// What a check found wrong.
struct Broken(String);

type Checked = Result<(), Broken>;

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Broken(otherwise()))
    }
}

/// Whether the machine comes to run, or to stand still, in the time that it may take.
async fn comes_to(rig: &dyn Rig, running: bool) -> bool {
    let reach = async {
        while rig.runs().await != running {
            sleep(rig.patience() / 20).await;
        }
    };
    timeout(rig.patience(), reach).await.is_ok()
}

/// Whether the machine goes on running, or standing still.
async fn stays(rig: &dyn Rig, running: bool) -> bool {
    sleep(rig.patience()).await;
    rig.runs().await == running
}

#[cfg(test)]
mod tests;
