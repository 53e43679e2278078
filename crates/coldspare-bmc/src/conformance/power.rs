//! Identity and power.

use tokio::time::{sleep, timeout};

use super::{Broken, Checked, Rig, comes_to, ensure, stays};
use crate::{PowerCommand, PowerState};

pub(super) async fn identity(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let (found, expected) = (bmc.read().await?.identity, rig.identity());
    ensure(found.matches(&expected), || {
        format!("expected {expected}, found {found}")
    })
}

pub(super) async fn is_read_as_it_is(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let power = bmc.read().await?.power;
    ensure(power == PowerState::Off, || {
        format!("a machine that is off reads {power}")
    })?;
    rig.turn_on_by_hand().await;
    ensure(comes_to(rig, true).await, || {
        "the rig's button does not start the machine".to_owned()
    })?;
    let reads_on = async {
        while bmc.read().await?.power != PowerState::On {
            sleep(rig.patience() / 20).await;
        }
        Ok(())
    };
    let late = Broken("a machine that runs is not read as on".to_owned());
    timeout(rig.patience(), reads_on).await.unwrap_or(Err(late))
}

pub(super) async fn on_turns_on(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    bmc.set_power(PowerCommand::On).await?;
    ensure(comes_to(rig, true).await, || {
        "the machine does not come to run".to_owned()
    })
}

pub(super) async fn off_turns_off(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    rig.turn_on_by_hand().await;
    comes_to(rig, true).await;
    bmc.set_power(PowerCommand::ForceOff).await?;
    ensure(comes_to(rig, false).await, || {
        "the machine runs on".to_owned()
    })
}

pub(super) async fn on_may_be_repeated(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    rig.turn_on_by_hand().await;
    comes_to(rig, true).await;
    // Some makers call it an error: that is allowed, any other power is not.
    let _ = bmc.set_power(PowerCommand::On).await;
    ensure(stays(rig, true).await, || {
        "on turns a machine off that is on".to_owned()
    })
}

pub(super) async fn off_may_be_repeated(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let _ = bmc.set_power(PowerCommand::ForceOff).await;
    ensure(stays(rig, false).await, || {
        "off turns a machine on that is off".to_owned()
    })
}

pub(super) async fn shut_down_starts_nothing(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let _ = bmc.set_power(PowerCommand::ShutDown).await;
    ensure(stays(rig, false).await, || {
        "shut down turns a machine on that is off".to_owned()
    })
}

pub(super) async fn off_is_not_told_too_early(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    rig.turn_on_by_hand().await;
    comes_to(rig, true).await;
    rig.freeze().await;
    bmc.set_power(PowerCommand::ForceOff).await?;
    let reads_off = async {
        while bmc.read().await?.power != PowerState::Off {
            sleep(rig.patience() / 20).await;
        }
        ensure(!rig.runs().await, || {
            "off is read while the machine still runs".to_owned()
        })
    };
    let never = Broken("a frozen machine that was turned off never reads off".to_owned());
    let limit = rig.patience() * 3;
    timeout(limit, reads_off).await.unwrap_or(Err(never))
}

pub(super) async fn no_answer_is_not_off(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    rig.cut_mains().await;
    match timeout(rig.patience(), bmc.read()).await {
        Ok(Ok(reading)) => Err(Broken(format!(
            "a controller without mains reads {}",
            reading.power
        ))),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

pub(super) async fn inventory_is_of_this_machine(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let (found, expected) = (bmc.inventory().await?.identity, rig.identity());
    ensure(found.matches(&expected), || {
        format!("expected {expected}, found {found}")
    })
}
