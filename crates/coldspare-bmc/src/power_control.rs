//! Turning a machine off and on so that the outcome is known: identity first, then the command,
//! then readings.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::unmet::same_machine;
use crate::{Bmc, Identity, NotOff, NotOn, PowerCommand, PowerState, Unmet};

/// The first pause until a machine is looked at again that was told to change; each is twice the
/// one before.
const SOON: Duration = Duration::from_millis(20);
/// A poll of zero would never let the limit pass.
pub(crate) const SHORTEST_POLL: Duration = Duration::from_millis(1);

/// How long to wait, and how often to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between the two readings of *off*. What a controller tells once may be what it was told,
    /// not what it measured.
    pub pause: Duration,
    /// Between two readings while waiting for a change, at most: the first ones follow each other
    /// sooner.
    pub poll: Duration,
    /// For everything together.
    pub limit: Duration,
}

/// A pause of two seconds; five looks a second in the end; twenty seconds in all (the power timeout
/// of the fence-agents project).
impl Default for Timing {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(2),
            poll: Duration::from_millis(200),
            limit: Duration::from_secs(20),
        }
    }
}

/// Evidence that a machine was off: the expected identity and exactly `Off`, read over one
/// connection, twice, with a pause between. Only this crate makes one, and it cannot be read back
/// from a file: a machine that was off once may be on now, so the evidence is read again
/// ([`read_off`]) before anything rests on it.
///
/// ```compile_fail
/// fn read_back<T: serde::de::DeserializeOwned>() {}
/// read_back::<coldspare_bmc::ProvenOff>();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ProvenOff {
    identity: Identity,
    pause: Duration,
}

impl ProvenOff {
    fn new(identity: &Identity, timing: &Timing) -> Self {
        Self {
            identity: identity.clone(),
            pause: timing.pause,
        }
    }

    /// Which machine was off.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How far the two readings were apart, at least.
    pub const fn pause(&self) -> Duration {
        self.pause
    }
}

/// Turns the machine off, whatever it does, and proves that it is.
///
/// A machine that is off already is sent nothing. The controller's answer to the command counts
/// for nothing in either direction: some call it an error when the machine is off already, some
/// call it done before it is.
pub async fn prove_off(
    bmc: &dyn Bmc,
    expected: &Identity,
    timing: &Timing,
) -> Result<ProvenOff, NotOff> {
    reach_off(bmc, expected, timing, PowerCommand::ForceOff).await
}

/// Asks the operating system to end, and proves that the machine is off. It may refuse: then the
/// limit passes.
pub async fn shut_down(
    bmc: &dyn Bmc,
    expected: &Identity,
    timing: &Timing,
) -> Result<ProvenOff, NotOff> {
    reach_off(bmc, expected, timing, PowerCommand::ShutDown).await
}

/// Looks whether the machine is off, twice, and sends nothing.
pub async fn read_off(
    bmc: &dyn Bmc,
    expected: &Identity,
    timing: &Timing,
) -> Result<ProvenOff, NotOff> {
    let look_twice = async {
        look_off(bmc, expected).await?;
        sleep(timing.pause).await;
        look_off(bmc, expected).await
    };
    let looked = timeout(timing.limit, look_twice).await;
    looked.unwrap_or(Err(Unmet::TooSlow))?;
    Ok(ProvenOff::new(expected, timing))
}

/// Turns the machine on, and reads that it is. One that is on already is sent nothing.
///
/// The command is sent until it is accepted: some controllers refuse it for a while after *off*.
pub async fn power_on(bmc: &dyn Bmc, expected: &Identity, timing: &Timing) -> Result<(), NotOn> {
    let mut last = Unmet::TooSlow;
    let on = bring(bmc, expected, PowerCommand::On, timing.poll, &mut last);
    let reached = timeout(timing.limit, on).await;
    reached.unwrap_or(Err(last))
}

async fn reach_off(
    bmc: &dyn Bmc,
    expected: &Identity,
    timing: &Timing,
    command: PowerCommand,
) -> Result<ProvenOff, NotOff> {
    let mut last = Unmet::TooSlow;
    let off_twice = async {
        loop {
            bring(bmc, expected, command, timing.poll, &mut last).await?;
            sleep(timing.pause).await;
            match look_off(bmc, expected).await {
                Err(other @ Unmet::OtherMachine { .. }) => return Err(other),
                Err(not_yet) => last = not_yet,
                Ok(()) => return Ok(()),
            }
        }
    };
    let reached = timeout(timing.limit, off_twice).await;
    reached.unwrap_or(Err(last))?;
    Ok(ProvenOff::new(expected, timing))
}

/// Reads until the power is what the command leads to; sends the command until it is accepted.
/// What stands in the way is left in `last`, for the time when the limit has passed.
async fn bring(
    bmc: &dyn Bmc,
    expected: &Identity,
    command: PowerCommand,
    poll: Duration,
    last: &mut Unmet<PowerState>,
) -> Result<(), Unmet<PowerState>> {
    let wanted = match command {
        PowerCommand::On => PowerState::On,
        PowerCommand::ForceOff | PowerCommand::ShutDown => PowerState::Off,
    };
    let (mut accepted, mut pause) = (false, SOON);
    loop {
        match bmc.read().await {
            Ok(reading) => {
                same_machine(&reading.identity, expected)?;
                *last = Unmet::Reads(reading.power);
                if reading.power == wanted {
                    return Ok(());
                }
                if !accepted {
                    match bmc.set_power(command).await {
                        Ok(()) => accepted = true,
                        Err(error) => *last = Unmet::Failed(error),
                    }
                }
            }
            Err(error) if error.may_retry() => *last = Unmet::Failed(error),
            Err(error) => return Err(Unmet::Failed(error)),
        }
        pause = pause.min(poll).max(SHORTEST_POLL);
        sleep(pause).await;
        pause *= 2;
    }
}

/// One reading that must be exactly *off*.
async fn look_off(bmc: &dyn Bmc, expected: &Identity) -> Result<(), NotOff> {
    let reading = bmc.read().await?;
    same_machine(&reading.identity, expected)?;
    match reading.power {
        PowerState::Off => Ok(()),
        other => Err(Unmet::Reads(other)),
    }
}

#[cfg(test)]
mod tests;
