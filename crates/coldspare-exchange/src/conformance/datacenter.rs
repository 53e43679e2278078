//! The group's own settings, and members that are stopped, started and left behind.

use super::{Checked, Group, Rig, ensure};
use crate::{Action, ActivationMode, GroupSettings, MemberName, NodeState, Refusal};

pub(super) async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        (
            "group-settings-read-back",
            group_settings_read_back(rig).await,
        ),
        (
            "stop-needs-coordination",
            stop_needs_coordination(rig).await,
        ),
        (
            "start-needs-coordination",
            start_needs_coordination(rig).await,
        ),
        (
            "restore-needs-coordination",
            restore_needs_coordination(rig).await,
        ),
        ("restore-needs-a-stop", restore_needs_a_stop(rig).await),
        (
            "stopped-member-serves-nothing",
            stopped_member_serves_nothing(rig).await,
        ),
        (
            "started-member-comes-back",
            started_member_comes_back(rig).await,
        ),
        ("restored-group-goes-on", restored_group_goes_on(rig).await),
    ]
}

/// A fresh group in that mode.
async fn group_in(rig: &dyn Rig, activation_mode: ActivationMode) -> Result<Group, super::Broken> {
    let group = Group::fresh(rig).await;
    let settings = GroupSettings {
        activation_mode,
        ..group.dag().await?.settings()
    };
    group.done(Action::SetGroup { settings }).await?;
    Ok(group)
}

fn stop(member: &MemberName) -> Action {
    let member = member.clone();
    Action::StopMember { member }
}

fn start(member: &MemberName) -> Action {
    let member = member.clone();
    Action::StartMember { member }
}

async fn group_settings_read_back(rig: &dyn Rig) -> Checked {
    for mode in [ActivationMode::DagOnly, ActivationMode::Off] {
        let found = group_in(rig, mode).await?.dag().await?.activation_mode;
        ensure(found == mode, || {
            format!("expected {mode:?}, found {found:?}")
        })?;
    }
    Ok(())
}

async fn needs_coordination(rig: &dyn Rig, action: fn(&MemberName) -> Action) -> Checked {
    let group = group_in(rig, ActivationMode::Off).await?;
    let action = action(&group.members[0]);
    group
        .refused(action, |refusal| *refusal == Refusal::NoCoordination)
        .await
}

async fn stop_needs_coordination(rig: &dyn Rig) -> Checked {
    needs_coordination(rig, stop).await
}

async fn start_needs_coordination(rig: &dyn Rig) -> Checked {
    needs_coordination(rig, start).await
}

async fn restore_needs_coordination(rig: &dyn Rig) -> Checked {
    needs_coordination(rig, |_| Action::RestoreGroup).await
}

async fn restore_needs_a_stop(rig: &dyn Rig) -> Checked {
    let group = group_in(rig, ActivationMode::DagOnly).await?;
    let reason = |refusal: &Refusal| *refusal == Refusal::NothingStopped;
    group.refused(Action::RestoreGroup, reason).await
}

/// Whether everything is served by the second member.
async fn served_by_the_other(group: &Group) -> Checked {
    let dag = group.dag().await?;
    for (name, database) in &dag.databases {
        let served = database.active == group.members[1] && database.mounted;
        ensure(served, || format!("{name} is left as {database:?}"))?;
    }
    let node = dag.members[&group.members[0]].node;
    ensure(node == NodeState::Down, || {
        format!("the node of a stopped member is {node:?}")
    })
}

async fn stopped_member_serves_nothing(rig: &dyn Rig) -> Checked {
    let group = group_in(rig, ActivationMode::DagOnly).await?;
    group.done(stop(&group.members[0])).await?;
    rig.settle().await;
    served_by_the_other(&group).await
}

async fn started_member_comes_back(rig: &dyn Rig) -> Checked {
    let group = group_in(rig, ActivationMode::DagOnly).await?;
    group.done(stop(&group.members[0])).await?;
    rig.settle().await;
    group.done(start(&group.members[0])).await?;
    rig.settle().await;
    let node = group.dag().await?.members[&group.members[0]].node;
    ensure(node == NodeState::Up, || {
        format!("the node of a started member is {node:?}")
    })?;
    for state in group.copies().await? {
        ensure(state.status.is_well(), || {
            format!("after the start {} is {}", state.copy, state.status)
        })?;
    }
    Ok(())
}

async fn restored_group_goes_on(rig: &dyn Rig) -> Checked {
    let group = group_in(rig, ActivationMode::DagOnly).await?;
    rig.lose(&group.members[0]).await;
    group.done(stop(&group.members[0])).await?;
    group.done(Action::RestoreGroup).await?;
    rig.restore(&group.members[0]).await;
    rig.settle().await;
    served_by_the_other(&group).await
}
