//! Carrying out one step. Whoever calls chooses; here it is only done, and read back.
//!
//! Giving (admit, power on) needs a [`crate::fence::Seat`], and a seat needs that every server the persona was
//! taken from is looked at again, here and now: see [`crate::fence`].

use std::future::Future;
use std::time::Duration;

use coldspare_names::ArrayName;
use coldspare_network as network;
use coldspare_san as san;
use tokio::time::{sleep, timeout};

use crate::devices::Devices;
use crate::fence::{Demand, Evidence, Piece};
use crate::holding::Grant;
use crate::site::Site;
use crate::step::Step;
use crate::workload::Progress;

mod hand;
use hand::Hand;

/// How often a thing that takes its time is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// So many questions in a row may fail before an application counts as one that cannot be asked.
const HICCUP: u32 = 60;

/// A step to carry out.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The step.
    pub step: Step,
    /// How long it may take.
    pub limit: Duration,
    /// For a step that gives: to whom, and what must be looked at again before.
    pub give: Option<Give>,
}

impl Order {
    /// Whether a late one could do harm: it gives, or it arms where arrays do not bind. A NIC that
    /// is armed late boots, when it is powered on for another persona, one that lives elsewhere; and
    /// no such array refuses it.
    pub fn gives(&self, binds: bool) -> bool {
        self.give.is_some() || (!binds && matches!(self.step, Step::Arm { .. }))
    }
}

/// What giving needs. Only the [`Core`](crate::Core) makes one, from its record.
#[derive(Debug, Clone, PartialEq)]
pub struct Give {
    /// The one holder.
    pub(crate) holder: Grant,
    /// Every server that the persona was taken from and that was not scrubbed since, with the
    /// evidence that was journalled.
    pub(crate) taken_from: Vec<(LookAgain, Evidence)>,
}

/// Where to look again for the proof that a server is fenced.
#[derive(Debug, Clone, PartialEq)]
pub struct LookAgain {
    /// What has to be seen.
    pub demand: Demand,
    /// What each array was asked.
    pub shut_out: Vec<(ArrayName, san::ShutOut)>,
}

/// Why a step was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not {step}: {reason}")]
pub struct StepError {
    /// The step, in words.
    pub step: String,
    /// What stood in the way.
    pub obstacle: Obstacle,
    /// Why, as the device said.
    pub reason: String,
}

/// What stood in the way of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The device that it was for.
    Device,
    /// A server that the persona was taken from could not be shown to be fenced still.
    Unproven,
    /// A volume whose stamp is newer than the record: the record is not the newest one.
    Stamp,
}

/// The same, before it is known which step it was.
#[derive(Debug)]
struct Hindrance(Obstacle, String);

impl From<String> for Hindrance {
    fn from(reason: String) -> Self {
        Self(Obstacle::Device, reason)
    }
}

/// What was seen when a step was done.
pub type Done = Option<Piece>;

/// Carries out one step within its limit.
pub async fn act(devices: &Devices, site: &Site, order: &Order) -> Result<Done, StepError> {
    let step = &order.step;
    let failed = |Hindrance(obstacle, reason)| StepError {
        step: step.to_string(),
        obstacle,
        reason,
    };
    let done = timeout(order.limit, carry_out(devices, site, order)).await;
    done.unwrap_or_else(|_| Err("no answer in time".to_owned().into()))
        .map_err(failed)
}

async fn carry_out(devices: &Devices, site: &Site, order: &Order) -> Result<Done, Hindrance> {
    let hand = Hand { devices, site };
    match &order.step {
        Step::Drain { persona } => until_done(order.limit, || hand.leave(persona)).await?,
        Step::ShutDown {
            persona,
            server,
            agent,
        } => {
            let limit = order.limit;
            hand.shut_down(persona, server, *agent, limit).await?;
        }
        Step::PowerOff { server } => return Ok(Some(hand.power_off(server).await?)),
        Step::Disarm { server } => return Ok(Some(hand.disarm(server).await?)),
        Step::ShutOut { array, request } => {
            return Ok(Some(hand.shut_out(array, request, order.limit).await?));
        }
        Step::Park {
            server,
            switch,
            ports,
        } => {
            return Ok(Some(hand.park(server, switch, ports).await?));
        }
        Step::Wire { switch, ports, .. } => {
            network::wire(hand.switch(switch)?, ports)
                .await
                .map_err(in_full)?;
        }
        Step::Arm { server, boot } => hand.arm(server, boot).await?,
        Step::Admit { volume, admission } => {
            let seat = hand.seat(order).await?;
            seat.is_for(&admission.server, admission.generation)?;
            let array = hand.array(&volume.array)?;
            let admitted = san::admit(array, &volume.volume, admission).await;
            admitted.map_err(refused)?;
        }
        Step::PowerOn { server, generation } => {
            let seat = hand.seat(order).await?;
            seat.is_for(server, *generation)?;
            hand.power_on(server).await?;
        }
        Step::AwaitAgent { .. } => {
            return Err("only the detector can tell".to_owned().into());
        }
        Step::ConfigureGuest { persona, plan } => hand.configure(persona, plan).await?,
        Step::AwaitServices { persona } => until_done(order.limit, || hand.ready(persona)).await?,
        Step::Rejoin { persona } => until_done(order.limit, || hand.rejoin(persona)).await?,
        Step::Redistribute { persona } => {
            until_done(order.limit, || hand.rebalance(persona)).await?;
        }
    }
    Ok(None)
}

/// Why an array does not admit.
fn refused(error: san::Error) -> Hindrance {
    let stale = matches!(
        &error,
        san::Error::Refused {
            refusal: san::Refusal::Stale { .. },
            ..
        }
    );
    let obstacle = if stale {
        Obstacle::Stamp
    } else {
        Obstacle::Device
    };
    Hindrance(obstacle, in_full(error))
}

/// An error and all its causes in one line.
fn in_full(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Asks an application again and again. One that only waits is waited for until the limit; one
/// that cannot be asked, no longer than a network's or a service's hiccup takes.
async fn until_done<F>(limit: Duration, ask: impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = Result<Progress, String>>,
{
    let mut last = String::new();
    let asking = async {
        let mut in_vain = 0;
        loop {
            (last, in_vain) = match ask().await {
                Ok(Progress::Done) => return Ok(()),
                Ok(Progress::Waiting(reason)) => (reason, 0),
                Err(reason) if in_vain == HICCUP => return Err(reason),
                Err(reason) => (reason, in_vain + 1),
            };
            sleep(PAUSE).await;
        }
    };
    let asked = timeout(limit, asking).await;
    asked.unwrap_or_else(|_| Err(format!("still waiting after {limit:?}: {last}")))
}

#[cfg(test)]
mod tests;
