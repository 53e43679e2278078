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

/// What giving needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Give {
    /// The one holder.
    pub holder: Grant,
    /// Every server that the persona was taken from and that was not scrubbed since, with the
    /// evidence that was journalled.
    pub taken_from: Vec<(LookAgain, Evidence)>,
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
    /// Why, as the device said.
    pub reason: String,
}

/// What was seen when a step was done.
pub type Done = Option<Piece>;

/// Carries out one step within its limit.
pub async fn act(devices: &Devices, site: &Site, order: &Order) -> Result<Done, StepError> {
    let step = &order.step;
    let failed = |reason: String| StepError {
        step: step.to_string(),
        reason,
    };
    let done = timeout(order.limit, carry_out(devices, site, order)).await;
    done.unwrap_or_else(|_| Err("no answer in time".to_owned()))
        .map_err(failed)
}

async fn carry_out(devices: &Devices, site: &Site, order: &Order) -> Result<Done, String> {
    let hand = Hand { devices, site };
    match &order.step {
        Step::Drain { persona } => until_done(|| hand.leave(persona)).await?,
        Step::ShutDown {
            persona,
            server,
            agent,
        } => {
            hand.shut_down(persona, server, *agent).await?;
        }
        Step::PowerOff { server } => return hand.power_off(server).await.map(Some),
        Step::Disarm { server } => return hand.disarm(server).await.map(Some),
        Step::ShutOut { array, request } => {
            return hand.shut_out(array, request, order.limit).await.map(Some);
        }
        Step::Park {
            server,
            switch,
            ports,
        } => {
            return hand.park(server, switch, ports).await.map(Some);
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
            san::admit(array, &volume.volume, admission)
                .await
                .map_err(in_full)?;
        }
        Step::PowerOn { server, generation } => {
            let seat = hand.seat(order).await?;
            seat.is_for(server, *generation)?;
            hand.power_on(server).await?;
        }
        Step::AwaitAgent { .. } => return Err("only the detector can tell".to_owned()),
        Step::ConfigureGuest { persona, plan } => hand.configure(persona, plan).await?,
        Step::AwaitServices { persona } => until_done(|| hand.ready(persona)).await?,
        Step::Rejoin { persona } => until_done(|| hand.rejoin(persona)).await?,
        Step::Redistribute { persona } => until_done(|| hand.rebalance(persona)).await?,
    }
    Ok(None)
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

async fn until_done<F>(ask: impl Fn() -> F) -> Result<(), String>
where
    F: Future<Output = Result<Progress, String>>,
{
    while ask().await? != Progress::Done {
        sleep(PAUSE).await;
    }
    Ok(())
}
