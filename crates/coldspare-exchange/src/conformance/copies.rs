//! Copies: reported, suspended, resumed, configured, added and taken away.

use std::num::NonZeroU8;

use super::{Checked, Group, Rig, ensure};
use crate::{Action, CopyId, CopySettings, CopyStatus, Refusal};

pub(super) async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        ("every-copy-is-reported", every_copy_is_reported(rig).await),
        (
            "active-copy-has-no-positions",
            active_copy_has_no_positions(rig).await,
        ),
        ("suspension-reads-back", suspension_reads_back(rig).await),
        (
            "suspension-may-be-repeated",
            suspension_may_be_repeated(rig).await,
        ),
        (
            "long-comment-is-refused",
            long_comment_is_refused(rig).await,
        ),
        (
            "active-copy-is-not-suspended",
            active_copy_is_not_suspended(rig).await,
        ),
        (
            "resumed-copy-becomes-healthy",
            resumed_copy_becomes_healthy(rig).await,
        ),
        ("resume-lifts-the-block", resume_lifts_the_block(rig).await),
        (
            "replication-only-keeps-the-block",
            replication_only_keeps_the_block(rig).await,
        ),
        (
            "preferences-stay-unique",
            preferences_stay_unique(rig).await,
        ),
        ("removed-copy-is-gone", removed_copy_is_gone(rig).await),
        (
            "removal-may-be-repeated",
            removal_may_be_repeated(rig).await,
        ),
        (
            "active-copy-is-not-removed",
            active_copy_is_not_removed(rig).await,
        ),
        (
            "added-copy-becomes-healthy",
            added_copy_becomes_healthy(rig).await,
        ),
        (
            "postponed-seeding-is-waited-for",
            postponed_seeding_is_waited_for(rig).await,
        ),
        (
            "copy-is-not-added-twice",
            copy_is_not_added_twice(rig).await,
        ),
    ]
}

async fn every_copy_is_reported(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let (dag, copies) = (group.dag().await?, group.copies().await?);
    ensure(
        copies
            .iter()
            .map(|state| &state.copy)
            .eq(dag.copy_ids().collect::<Vec<_>>().iter()),
        || format!("the copies are not those of the group in their order: {copies:?}"),
    )?;
    for state in copies {
        let active = dag.databases[&state.copy.database].active == state.copy.member;
        let wanted = if active {
            CopyStatus::Mounted
        } else {
            CopyStatus::Healthy
        };
        ensure(state.active == active && state.status == wanted, || {
            format!("at rest a copy is {state:?}")
        })?;
    }
    Ok(())
}

async fn active_copy_has_no_positions(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    for state in group.copies().await? {
        let told = state.logs.is_some_and(|logs| logs.is_consistent());
        ensure(told != state.active, || {
            format!("the log positions of {} are {:?}", state.copy, state.logs)
        })?;
    }
    Ok(())
}

async fn suspension_reads_back(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    let state = group.copy(&group.passive()).await?;
    let comment = state.suspend_comment.as_deref();
    ensure(
        state.status == CopyStatus::Suspended && comment == Some("conformance"),
        || {
            format!(
                "a suspended copy is {} with comment {comment:?}",
                state.status
            )
        },
    )
}

async fn suspension_may_be_repeated(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    group.suspend(&group.passive()).await
}

async fn long_comment_is_refused(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let (copy, comment) = (group.passive(), "x".repeat(513));
    let suspend = Action::Suspend { copy, comment };
    group
        .refused(suspend, |refusal| {
            matches!(refusal, Refusal::Limit { limit: 512, .. })
        })
        .await
}

async fn active_copy_is_not_suspended(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let copy = CopyId::new(&group.databases[0], &group.members[0]);
    let comment = String::new();
    let suspend = Action::Suspend { copy, comment };
    group
        .refused(suspend, |refusal| *refusal == Refusal::IsActive)
        .await
}

async fn resumed_copy_becomes_healthy(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    group.done(resume(&group, false)).await?;
    rig.settle().await;
    let status = group.status(&group.passive()).await?;
    ensure(status == CopyStatus::Healthy, || {
        format!("a resumed copy ends {status}")
    })
}

fn resume(group: &Group, replication_only: bool) -> Action {
    let copy = group.passive();
    Action::Resume {
        copy,
        replication_only,
    }
}

/// Blocks activation of the passive copy, resumes it, and says whether it is still blocked.
async fn blocked_after_resume(
    group: &Group,
    replication_only: bool,
) -> Result<bool, super::Broken> {
    let (copy, comment) = (group.passive(), String::new());
    group
        .done(Action::SuspendActivation { copy, comment })
        .await?;
    let blocked = group.copy(&group.passive()).await?;
    ensure(
        blocked.activation_suspended && blocked.status == CopyStatus::Healthy,
        || format!("a copy whose activation alone is suspended is {blocked:?}"),
    )?;
    group.done(resume(group, replication_only)).await?;
    Ok(group.copy(&group.passive()).await?.activation_suspended)
}

async fn resume_lifts_the_block(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let blocked = blocked_after_resume(&group, false).await?;
    ensure(!blocked, || "a resumed copy is still blocked".to_owned())
}

async fn replication_only_keeps_the_block(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let blocked = blocked_after_resume(&group, true).await?;
    ensure(blocked, || {
        "resuming replication alone lifted the block".to_owned()
    })
}

async fn preferences_stay_unique(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let copy = group.passive();
    let settings = CopySettings::preferred(NonZeroU8::MIN);
    group.done(Action::SetCopy { copy, settings }).await?;
    let database = &group.dag().await?.databases[&group.databases[0]];
    let preferences = group
        .members
        .clone()
        .map(|member| database.copies[&member].preference.get());
    ensure(preferences == [2, 1], || {
        format!("the preferences are {preferences:?}, not [2, 1]")
    })
}

fn remove(copy: CopyId) -> Action {
    Action::RemoveCopy { copy }
}

fn add(group: &Group, seeding_postponed: bool) -> Action {
    let second = NonZeroU8::MIN.saturating_add(1);
    Action::AddCopy {
        copy: group.passive(),
        settings: CopySettings::preferred(second),
        seeding_postponed,
    }
}

async fn removed_copy_is_gone(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.done(remove(group.passive())).await?;
    let dag = group.dag().await?;
    let copies = group.copies().await?;
    let gone = !dag.databases[&group.databases[0]]
        .copies
        .contains_key(&group.members[1])
        && copies.iter().all(|state| state.copy != group.passive());
    ensure(gone, || {
        "a copy that was removed is still told of".to_owned()
    })
}

async fn removal_may_be_repeated(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.done(remove(group.passive())).await?;
    group.done(remove(group.passive())).await
}

async fn active_copy_is_not_removed(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let active = CopyId::new(&group.databases[0], &group.members[0]);
    group
        .refused(remove(active), |refusal| *refusal == Refusal::IsActive)
        .await
}

/// Removes the passive copy, adds it again, and says what it is in the end.
async fn added(rig: &dyn Rig, seeding_postponed: bool) -> Result<CopyStatus, super::Broken> {
    let group = Group::fresh(rig).await;
    group.done(remove(group.passive())).await?;
    group.done(add(&group, seeding_postponed)).await?;
    rig.settle().await;
    group.status(&group.passive()).await
}

async fn added_copy_becomes_healthy(rig: &dyn Rig) -> Checked {
    let status = added(rig, false).await?;
    ensure(status == CopyStatus::Healthy, || {
        format!("an added copy ends {status}")
    })
}

async fn postponed_seeding_is_waited_for(rig: &dyn Rig) -> Checked {
    let status = added(rig, true).await?;
    ensure(status == CopyStatus::Suspended, || {
        format!("an added copy whose seeding is postponed ends {status}")
    })
}

async fn copy_is_not_added_twice(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let reason = |refusal: &Refusal| matches!(refusal, Refusal::CopyExists(_));
    group.refused(add(&group, true), reason).await
}
