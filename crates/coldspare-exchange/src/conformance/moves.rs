//! Moves of the active copy, mounts and dismounts.

use std::collections::BTreeSet;

use super::{Checked, Group, Rig, ensure};
use crate::{Action, Answer, Check, CopyStatus, MemberPolicy, Moved, Refusal};

pub(super) async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        ("move-reads-back", move_reads_back(rig).await),
        ("move-is-told", move_is_told(rig).await),
        ("move-may-be-repeated", move_may_be_repeated(rig).await),
        (
            "dismounted-stays-dismounted",
            dismounted_stays_dismounted(rig).await,
        ),
        ("mount-reads-back", mount_reads_back(rig).await),
        (
            "dismount-may-be-repeated",
            dismount_may_be_repeated(rig).await,
        ),
        (
            "suspended-copy-is-no-target",
            suspended_copy_is_no_target(rig).await,
        ),
        (
            "refusal-changes-nothing",
            refusal_changes_nothing(rig).await,
        ),
        (
            "switch-leaves-its-check-out",
            switch_leaves_its_check_out(rig).await,
        ),
        (
            "blocked-copy-is-not-chosen",
            blocked_copy_is_not_chosen(rig).await,
        ),
        ("hard-maximum-holds", hard_maximum_holds(rig).await),
        (
            "busy-member-takes-nothing",
            busy_member_takes_nothing(rig).await,
        ),
        (
            "processor-check-can-be-left-out",
            processor_check_can_be_left_out(rig).await,
        ),
        (
            "move-suppression-can-be-left-out",
            move_suppression_can_be_left_out(rig).await,
        ),
        (
            "switch-of-a-later-version-is-refused",
            switch_of_a_later_version_is_refused(rig).await,
        ),
        (
            "move-without-target-finds-one",
            move_without_target_finds_one(rig).await,
        ),
    ]
}

async fn move_reads_back(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.moves(group.away()).await?;
    let database = group.dag().await?.databases[&group.databases[0]].clone();
    ensure(
        database.active == group.members[1] && database.mounted,
        || format!("after a move the database is {database:?}"),
    )?;
    rig.settle().await;
    for state in group.copies().await? {
        ensure(state.status.is_well(), || {
            format!("after a move {} ends {}", state.copy, state.status)
        })?;
    }
    Ok(())
}

async fn move_is_told(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let [from, to] = group.members.clone();
    let expected = Answer::Moved(Moved {
        from,
        to,
        logs_lost: 0,
        mounted_before: true,
        mounted_after: true,
    });
    let answer = group.act(Action::Move(group.away())).await?;
    ensure(answer == expected, || {
        format!("expected {expected:?}, found {answer:?}")
    })
}

async fn move_may_be_repeated(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.moves(group.away()).await?;
    group.moves(group.away()).await
}

fn dismount(group: &Group) -> Action {
    let database = group.databases[0].clone();
    Action::Dismount { database }
}

async fn dismounted_stays_dismounted(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.done(dismount(&group)).await?;
    group.moves(group.away()).await?;
    rig.settle().await;
    let database = group.dag().await?.databases[&group.databases[0]].clone();
    ensure(
        database.active == group.members[1] && !database.mounted,
        || format!("a dismounted database was moved and is {database:?}"),
    )
}

async fn mount_reads_back(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.done(dismount(&group)).await?;
    let database = group.databases[0].clone();
    group.done(Action::Mount { database }).await?;
    let database = &group.dag().await?.databases[&group.databases[0]];
    ensure(database.mounted, || {
        "a mounted database is told to be dismounted".to_owned()
    })
}

async fn dismount_may_be_repeated(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.done(dismount(&group)).await?;
    group.done(dismount(&group)).await
}

fn is_suspended(refusal: &Refusal) -> bool {
    *refusal == Refusal::Status(CopyStatus::Suspended)
}

async fn suspended_copy_is_no_target(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    group
        .refused(Action::Move(group.away()), is_suspended)
        .await
}

async fn refusal_changes_nothing(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    let before = (group.dag().await?, group.copies().await?);
    // Whether it is refused is another check's concern.
    let answer = group.act(Action::Move(group.away())).await?;
    let after = (group.dag().await?, group.copies().await?);
    let refused = matches!(answer, Answer::Refused(_));
    ensure(!refused || before == after, || {
        format!("a refused move changed {before:?} to {after:?}")
    })
}

async fn switch_leaves_its_check_out(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.suspend(&group.passive()).await?;
    let skip = BTreeSet::from([Check::Health]);
    group
        .moves(crate::Move {
            skip,
            ..group.away()
        })
        .await
}

async fn blocked_copy_is_not_chosen(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let (copy, comment) = (group.passive(), String::new());
    group
        .done(Action::SuspendActivation { copy, comment })
        .await?;
    let anywhere = Action::Move(group.anywhere());
    group
        .refused(anywhere, |refusal| *refusal == Refusal::NoTarget)
        .await
}

async fn hard_maximum_holds(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let member = group.members[1].clone();
    let maximum_active = Some(1);
    let policy = MemberPolicy {
        maximum_active,
        ..MemberPolicy::default()
    };
    group.done(Action::SetPolicy { member, policy }).await?;
    let version = group.dag().await?.version;
    let soft = Check::MaximumActiveDatabases;
    let skip = (soft.since() <= version).then_some(soft);
    let away = Action::Move(crate::Move {
        skip: skip.into_iter().collect(),
        ..group.away()
    });
    group
        .refused(away, |refusal| {
            matches!(refusal, Refusal::MaximumActive { .. })
        })
        .await
}

/// A group whose second member is busy, and whether its version looks at that.
async fn busy(rig: &dyn Rig) -> Result<(Group, bool), super::Broken> {
    let group = Group::fresh(rig).await;
    rig.burden(&group.members[1]).await;
    let looks = group.dag().await?.version >= Check::Cpu.since();
    Ok((group, looks))
}

async fn busy_member_takes_nothing(rig: &dyn Rig) -> Checked {
    let (group, looks) = busy(rig).await?;
    if !looks {
        return group.moves(group.away()).await;
    }
    let reason = |refusal: &Refusal| matches!(refusal, Refusal::Busy { .. });
    group.refused(Action::Move(group.away()), reason).await
}

fn without(check: Check, wanted: crate::Move) -> crate::Move {
    let skip = BTreeSet::from([check]);
    crate::Move { skip, ..wanted }
}

async fn processor_check_can_be_left_out(rig: &dyn Rig) -> Checked {
    let (group, looks) = busy(rig).await?;
    if looks {
        group.moves(without(Check::Cpu, group.away())).await?;
    }
    Ok(())
}

/// So many moves to and fro, one soon after the other, as a group may well suppress.
const TO_AND_FRO: usize = 6;

async fn move_suppression_can_be_left_out(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    if group.dag().await?.version < Check::MoveSuppression.since() {
        return Ok(());
    }
    for step in 1..=TO_AND_FRO {
        let target = Some(group.members[step % 2].clone());
        let wanted = crate::Move {
            target,
            ..group.away()
        };
        group.moves(without(Check::MoveSuppression, wanted)).await?;
        rig.settle().await;
    }
    Ok(())
}

async fn switch_of_a_later_version_is_refused(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let version = group.dag().await?.version;
    let reason = |refusal: &Refusal| matches!(refusal, Refusal::NotInVersion(_));
    let switches = [
        Check::MaximumActiveDatabases,
        Check::Cpu,
        Check::MoveSuppression,
    ];
    for check in switches.into_iter().filter(|check| check.since() > version) {
        let wanted = Action::Move(without(check, group.away()));
        group.refused(wanted, reason).await?;
    }
    Ok(())
}

async fn move_without_target_finds_one(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    group.moves(group.anywhere()).await?;
    let active = group.dag().await?.databases[&group.databases[0]]
        .active
        .clone();
    ensure(active == group.members[1], || {
        format!("the best copy but the active one is on {active}")
    })
}
