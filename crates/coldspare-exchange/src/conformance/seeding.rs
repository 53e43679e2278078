//! Copies that are seeded anew, and lagged ones whose lag is switched off.

use std::time::Duration;

use super::{Checked, Group, Rig, ensure};
use crate::{Action, CopyStatus, Refusal, SeedParts, Version};

pub(super) async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        (
            "seeding-needs-suspension",
            seeding_needs_suspension(rig).await,
        ),
        (
            "seeded-copy-becomes-healthy",
            seeded_copy_becomes_healthy(rig).await,
        ),
        (
            "seeded-copy-can-stay-suspended",
            seeded_copy_can_stay_suspended(rig).await,
        ),
        (
            "seeding-source-can-be-named",
            seeding_source_can_be_named(rig).await,
        ),
        (
            "copy-is-no-source-of-its-own",
            copy_is_no_source_of_its_own(rig).await,
        ),
        ("seeding-can-be-ended", seeding_can_be_ended(rig).await),
        (
            "database-can-be-seeded-alone",
            database_can_be_seeded_alone(rig).await,
        ),
        (
            "index-can-be-seeded-alone",
            index_can_be_seeded_alone(rig).await,
        ),
        (
            "replay-lag-can-be-disabled",
            replay_lag_can_be_disabled(rig).await,
        ),
        (
            "replay-lag-can-be-enabled",
            replay_lag_can_be_enabled(rig).await,
        ),
    ]
}

fn reseed(group: &Group, parts: SeedParts, manual_resume: bool) -> Action {
    let (copy, source) = (group.passive(), None);
    Action::Reseed {
        copy,
        parts,
        source,
        manual_resume,
    }
}

async fn seeding_needs_suspension(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let reason = |refusal: &Refusal| matches!(refusal, Refusal::NotSuspended(_));
    group
        .refused(reseed(&group, SeedParts::DatabaseAndIndex, false), reason)
        .await
}

async fn seed(rig: &dyn Rig, parts: SeedParts, manual_resume: bool, wanted: CopyStatus) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    group.done(reseed(&group, parts, manual_resume)).await?;
    rig.settle().await;
    let status = group.status(&group.passive()).await?;
    ensure(status == wanted, || {
        format!("a seeded copy ends {status}, not {wanted}")
    })
}

async fn seeded_copy_becomes_healthy(rig: &dyn Rig) -> Checked {
    seed(rig, SeedParts::DatabaseAndIndex, false, CopyStatus::Healthy).await
}

async fn seeded_copy_can_stay_suspended(rig: &dyn Rig) -> Checked {
    seed(
        rig,
        SeedParts::DatabaseAndIndex,
        true,
        CopyStatus::Suspended,
    )
    .await
}

/// Seeds the passive copy from that member.
fn reseed_from(group: &Group, source: usize) -> Action {
    let (copy, source) = (group.passive(), Some(group.members[source].clone()));
    Action::Reseed {
        copy,
        parts: SeedParts::DatabaseAndIndex,
        source,
        manual_resume: false,
    }
}

async fn seeding_source_can_be_named(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    group.done(reseed_from(&group, 0)).await?;
    rig.settle().await;
    let status = group.status(&group.passive()).await?;
    ensure(status == CopyStatus::Healthy, || {
        format!("a copy that was seeded from a named source ends {status}")
    })
}

async fn copy_is_no_source_of_its_own(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    let reason = |refusal: &Refusal| matches!(refusal, Refusal::Status(_));
    group.refused(reseed_from(&group, 1), reason).await
}

async fn seeding_can_be_ended(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    group
        .done(reseed(&group, SeedParts::DatabaseAndIndex, false))
        .await?;
    let copy = group.passive();
    group.done(Action::CancelSeeding { copy }).await?;
    rig.settle().await;
    let status = group.status(&group.passive()).await?;
    ensure(status.is_suspended(), || {
        format!("a copy whose seeding was ended ends {status}")
    })
}

async fn database_can_be_seeded_alone(rig: &dyn Rig) -> Checked {
    seed(rig, SeedParts::Database, false, CopyStatus::Healthy).await
}

/// A version that keeps no index with each copy has none to seed.
async fn index_can_be_seeded_alone(rig: &dyn Rig) -> Checked {
    let version = Group::fresh(rig).await.dag().await?.version;
    if version.has_content_index_per_copy() {
        seed(rig, SeedParts::Index, false, CopyStatus::Healthy).await?;
    }
    Ok(())
}

/// Makes the passive copy a lagged one and disables its lag; 2010 refuses that. Says whether it
/// was done.
async fn lag_disabled(group: &Group) -> Result<bool, super::Broken> {
    let copy = group.passive();
    let mut settings = group.dag().await?.databases[&copy.database].copies[&copy.member];
    settings.replay_lag = Duration::from_hours(1);
    let lagged = Action::SetCopy {
        copy: copy.clone(),
        settings,
    };
    group.done(lagged).await?;
    let reason = "conformance".to_owned();
    let disable = Action::DisableReplayLag { copy, reason };
    if group.dag().await?.version == Version::V2010 {
        let reason = |refusal: &Refusal| matches!(refusal, Refusal::NotInVersion(_));
        group.refused(disable, reason).await?;
        return Ok(false);
    }
    group.done(disable).await?;
    Ok(true)
}

async fn replay_lag_can_be_disabled(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let disabled = lag_disabled(&group).await?;
    let told = group.copy(&group.passive()).await?.replay_lag_off;
    ensure(told == disabled, || {
        format!("that the replay lag is off is told as {told}")
    })
}

async fn replay_lag_can_be_enabled(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    if lag_disabled(&group).await? {
        let copy = group.passive();
        group.done(Action::EnableReplayLag { copy }).await?;
    }
    let told = group.copy(&group.passive()).await?.replay_lag_off;
    ensure(!told, || {
        "a replay lag that was enabled is told as off".to_owned()
    })
}
