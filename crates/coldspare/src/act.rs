//! Carrying out one step. Whoever calls chooses; here it is only done, and read back.
//!
//! Giving (admit, power on) needs a [`crate::fence::Seat`], and a seat needs that every server the persona was
//! taken from is looked at again, here and now: see [`crate::fence`].

use std::future::Future;
use std::time::Duration;

use coldspare_bmc as bmc;
use coldspare_names::ServerName;
use coldspare_network as network;
use coldspare_san as san;
use tokio::time::{sleep, timeout};

use crate::devices::Devices;
use crate::fence::{Demand, Evidence, Piece, Seen};
use crate::holding::Grant;
use crate::site::Site;
use crate::step::Step;
use crate::workload::{Progress, WorkloadError};

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
    pub shut_out: Vec<(coldspare_names::ArrayName, san::ShutOut)>,
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
        Step::Drain { persona } => {
            let workload = hand.workload(persona)?;
            until_done(|| workload.leave()).await?;
        }
        Step::ShutDown {
            persona,
            server,
            agent,
        } => {
            hand.shut_down(persona, server, *agent).await?;
        }
        Step::PowerOff { server } => {
            let off = bmc::prove_off(
                hand.bmc(server)?,
                &hand.identity(server)?,
                &hand.timing(server),
            )
            .await;
            return seen(server, Seen::Off(off.map_err(in_full)?));
        }
        Step::Disarm { server } => {
            let disarmed = bmc::disarm(
                hand.bmc(server)?,
                &hand.identity(server)?,
                &hand.timing(server),
            )
            .await;
            return seen(server, Seen::Disarmed(disarmed.map_err(in_full)?));
        }
        Step::ShutOut { array, request } => {
            let patience = san::Patience {
                limit: order.limit,
                pause: PAUSE,
            };
            let out = san::shut_out(hand.array(array)?, request, patience).await;
            return seen(&request.server, Seen::ShutOut(out.map_err(in_full)?));
        }
        Step::Park {
            server,
            switch,
            ports,
        } => {
            let parked = network::park(hand.switch(switch)?, ports).await;
            return seen(server, Seen::Parked(parked.map_err(in_full)?));
        }
        Step::Wire { switch, ports, .. } => {
            network::wire(hand.switch(switch)?, ports)
                .await
                .map_err(in_full)?;
        }
        Step::Arm { server, boot } => hand.arm(server, boot).await?,
        Step::Admit { volume, admission } => {
            let seat = hand.seat(order).await?;
            if !seat.is_for(&admission.server, admission.generation) {
                return Err("the seat is another's".to_owned());
            }
            let array = hand.array(&volume.array)?;
            san::admit(array, &volume.volume, admission)
                .await
                .map_err(in_full)?;
        }
        Step::PowerOn { server } => {
            let seat = hand.seat(order).await?;
            if order
                .give
                .as_ref()
                .is_none_or(|give| !seat.is_for(server, give.holder.generation))
            {
                return Err("the seat is another's".to_owned());
            }
            let (identity, timing) = (hand.identity(server)?, hand.timing(server));
            bmc::power_on(hand.bmc(server)?, &identity, &timing)
                .await
                .map_err(in_full)?;
        }
        Step::AwaitAgent { .. } => return Err("only the detector can tell".to_owned()),
        Step::ConfigureGuest { persona, plan } => {
            let guest = devices
                .guests
                .get(persona)
                .ok_or("it has no agent to ask")?;
            guest.set_plan(plan).await.map_err(in_full)?;
            let found = guest.interfaces().await.map_err(in_full)?;
            if found.configured != *plan {
                return Err("the interfaces are not as they were set".to_owned());
            }
        }
        Step::AwaitServices { persona } => {
            let workload = hand.workload(persona)?;
            until_done(|| workload.ready()).await?;
        }
        Step::Rejoin { persona } => {
            let workload = hand.workload(persona)?;
            until_done(|| workload.rejoin()).await?;
        }
        Step::Redistribute { persona } => {
            let workload = hand.workload(persona)?;
            until_done(|| workload.rebalance()).await?;
        }
    }
    Ok(None)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it ends the arms of carry_out that saw something"
)]
fn seen(server: &ServerName, what: Seen) -> Result<Done, String> {
    Ok(Some(Piece::new(server.clone(), what)))
}

/// An error and all its causes in one line.
#[expect(clippy::needless_pass_by_value, reason = "it is mapped over results")]
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
    F: Future<Output = Result<Progress, WorkloadError>>,
{
    loop {
        if ask().await.map_err(in_full)? == Progress::Done {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}
