//! What the machine does by itself.

use std::time::Duration;

use coldspare_names::{Generation, IscsiName};
use secrecy::SecretString;
use tokio::time::timeout;

use super::{Broken, Checked, Rig, comes_to, ensure, stays};
use crate::{ArmedBoot, Bmc, BootSource, Chap, Error, IscsiBoot, PowerCommand, RestorePolicy};

/// A secret that can be searched for.
const SECRET: &str = "open-sesame-42";

pub(super) async fn boot_reads_back(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if has_boot(&*bmc).await? {
        let mut boot = sample()?;
        boot.lun = 3;
        boot.chap = chap();
        set_and_read(&*bmc, &BootSource::Iscsi(boot)).await?;
    }
    Ok(())
}

pub(super) async fn boot_is_replaced_whole(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if has_boot(&*bmc).await? {
        let mut first = sample()?;
        first.chap = chap();
        first.initiator_addresses.clear();
        bmc.set_boot(&BootSource::Iscsi(first)).await?;
        set_and_read(&*bmc, &BootSource::Iscsi(sample()?)).await?;
    }
    Ok(())
}

pub(super) async fn boot_can_be_cleared(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if has_boot(&*bmc).await? {
        bmc.set_boot(&BootSource::Iscsi(sample()?)).await?;
        set_and_read(&*bmc, &BootSource::Nothing).await?;
    }
    Ok(())
}

pub(super) async fn boot_needs_a_portal(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if has_boot(&*bmc).await? {
        let mut boot = sample()?;
        boot.portals.clear();
        let taken = bmc.set_boot(&BootSource::Iscsi(boot)).await.is_ok();
        ensure(!taken, || "a source without a portal is taken".to_owned())?;
        reads(&*bmc, &ArmedBoot::Nothing).await?;
    }
    Ok(())
}

pub(super) async fn boot_outlives_the_mains(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if has_boot(&*bmc).await? {
        let source = BootSource::Iscsi(sample()?);
        bmc.set_boot(&source).await?;
        rig.cut_mains().await;
        rig.return_mains().await;
        reads(&*bmc, &source.armed()).await?;
    }
    Ok(())
}

pub(super) async fn lack_is_told(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let settings = bmc.settings().await?;
    let boot =
        settings.boot.is_none() && !is_unsupported(&bmc.set_boot(&BootSource::Nothing).await);
    ensure(!boot, || {
        "it takes boot settings, and reads none".to_owned()
    })?;
    let policy = RestorePolicy::AlwaysOff;
    let restore =
        settings.restore.is_none() && !is_unsupported(&bmc.set_restore_policy(policy).await);
    ensure(!restore, || {
        "it takes a restore policy, and reads none".to_owned()
    })
}

pub(super) async fn restore_policy_reads_back(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if bmc.settings().await?.restore.is_none() {
        return Ok(());
    }
    for policy in [
        RestorePolicy::AlwaysOn,
        RestorePolicy::AlwaysOff,
        RestorePolicy::LastState,
    ] {
        let before = bmc.settings().await?.restore;
        let set = bmc.set_restore_policy(policy).await;
        let fixed = is_unsupported(&set) && before != Some(policy);
        if !fixed {
            set?;
        }
        let wanted = if fixed { before } else { Some(policy) };
        let found = bmc.settings().await?.restore;
        ensure(found == wanted, || {
            format!("{policy:?} was set: expected {wanted:?}, found {found:?}")
        })?;
    }
    Ok(())
}

pub(super) async fn always_off_stays_off(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if bmc.settings().await?.restore.is_none() {
        return Ok(());
    }
    let set = bmc.set_restore_policy(RestorePolicy::AlwaysOff).await;
    if is_unsupported(&set) {
        return Ok(());
    }
    set?;
    rig.turn_on_by_hand().await;
    comes_to(rig, true).await;
    rig.cut_mains().await;
    rig.return_mains().await;
    ensure(stays(rig, false).await, || {
        "the machine starts when its mains return".to_owned()
    })
}

pub(super) async fn leave_the_power_alone(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    if has_boot(&*bmc).await? {
        bmc.set_boot(&BootSource::Iscsi(sample()?)).await?;
    }
    if bmc.settings().await?.restore.is_some() {
        let set = bmc.set_restore_policy(RestorePolicy::AlwaysOn).await;
        if !is_unsupported(&set) {
            set?;
        }
    }
    ensure(stays(rig, false).await, || {
        "setting something starts the machine".to_owned()
    })
}

pub(super) async fn no_answer_is_not_done(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    rig.cut_mains().await;
    let limit = rig.patience();
    let boot = BootSource::Iscsi(sample()?);
    let done = [
        ("settings are told", is_done(limit, bmc.settings()).await),
        (
            "boot settings are taken",
            is_done(limit, bmc.set_boot(&boot)).await,
        ),
        (
            "a restore policy is taken",
            is_done(limit, bmc.set_restore_policy(RestorePolicy::AlwaysOff)).await,
        ),
        (
            "a command is taken",
            is_done(limit, bmc.set_power(PowerCommand::On)).await,
        ),
    ];
    match done.into_iter().find(|(_, done)| *done) {
        Some((what, _)) => Err(Broken(format!("{what} by a controller without mains"))),
        None => Ok(()),
    }
}

async fn is_done<T>(limit: Duration, call: impl Future<Output = Result<T, Error>>) -> bool {
    timeout(limit, call)
        .await
        .is_ok_and(|answer| answer.is_ok())
}

pub(super) async fn secrets_stay_inside(rig: &dyn Rig) -> Checked {
    let bmc = rig.fresh().await;
    let mut boot = sample()?;
    boot.chap = chap();
    let taken = bmc.set_boot(&BootSource::Iscsi(boot.clone())).await;
    boot.portals.clear();
    let refused = bmc.set_boot(&BootSource::Iscsi(boot)).await;
    let mut printed = format!("{bmc:?} {:?}", bmc.settings().await?);
    for error in [taken, refused].into_iter().filter_map(Result::err) {
        printed = format!("{printed} {error} {error:?}");
    }
    ensure(!printed.contains(SECRET), || {
        "a secret is printed".to_owned()
    })
}

fn is_unsupported(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Unsupported { .. }))
}

async fn has_boot(bmc: &dyn Bmc) -> Result<bool, Error> {
    Ok(bmc.settings().await?.boot.is_some())
}

async fn set_and_read(bmc: &dyn Bmc, source: &BootSource) -> Checked {
    bmc.set_boot(source).await?;
    reads(bmc, &source.armed()).await
}

async fn reads(bmc: &dyn Bmc, wanted: &ArmedBoot) -> Checked {
    let found = bmc.settings().await?.boot;
    ensure(found.as_ref() == Some(wanted), || {
        format!("expected {wanted:?}, found {found:?}")
    })
}

/// A boot source without CHAP, on LUN 0, with one portal.
fn sample() -> Result<IscsiBoot, Broken> {
    let name = |text| IscsiName::new(text).map_err(|error| Broken(error.to_string()));
    Ok(IscsiBoot {
        initiator: name("iqn.2012-08.com.example:persona")?,
        initiator_addresses: vec![ipnet::Ipv4Net::new_assert([10, 0, 0, 11].into(), 24).into()],
        target: name("iqn.2012-08.com.example:boot")?,
        portals: vec![([10, 0, 0, 1], 3260).into()],
        lun: 0,
        chap: None,
        generation: Generation::NONE.next(),
    })
}

fn chap() -> Option<Chap> {
    Chap::new("persona-1", SecretString::from(SECRET)).ok()
}
