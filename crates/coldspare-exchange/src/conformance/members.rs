//! The group as a whole, its members and their policies.

use super::{Broken, Checked, Group, Rig, ensure};
use crate::{
    Action, ActivationPolicy, Component, ComponentState, CopyStatus, DatabaseName, Error,
    MemberName, MemberPolicy, MountDial, NodeState, Refusal, Requester, Service,
};

pub(super) async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    vec![
        ("group-is-described", group_is_described(rig).await),
        (
            "unknown-names-are-errors",
            unknown_names_are_errors(rig).await,
        ),
        ("services-are-told", services_are_told(rig).await),
        ("lost-member-is-seen", lost_member_is_seen(rig).await),
        (
            "databases-survive-a-member",
            databases_survive_a_member(rig).await,
        ),
        (
            "returning-copies-catch-up",
            returning_copies_catch_up(rig).await,
        ),
        ("policy-reads-back", policy_reads_back(rig).await),
        (
            "blocked-member-can-be-named",
            blocked_member_can_be_named(rig).await,
        ),
        (
            "blocked-member-is-not-chosen",
            blocked_member_is_not_chosen(rig).await,
        ),
        (
            "paused-node-takes-nothing",
            paused_node_takes_nothing(rig).await,
        ),
        ("primary-reads-back", primary_reads_back(rig).await),
        ("component-reads-back", component_reads_back(rig).await),
        ("service-is-restarted", service_is_restarted(rig).await),
        (
            "stopped-service-is-not-restarted",
            stopped_service_is_not_restarted(rig).await,
        ),
        ("messages-are-handed-on", messages_are_handed_on(rig).await),
        (
            "lost-member-takes-no-messages",
            lost_member_takes_no_messages(rig).await,
        ),
    ]
}

async fn group_is_described(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let dag = group.dag().await?;
    ensure(dag.members.keys().eq(&group.members), || {
        format!("the members are {:?}", dag.members.keys())
    })?;
    ensure(dag.databases.keys().eq(&group.databases), || {
        format!("the databases are {:?}", dag.databases.keys())
    })?;
    for (name, home) in group.databases.iter().zip(&group.members) {
        let database = &dag.databases[name];
        let preferred = database.most_preferred() == Some(home) && database.active == *home;
        ensure(
            preferred && database.mounted && database.copies.len() == 2,
            || format!("{name} is described as {database:?}"),
        )?;
    }
    let primary = dag.primary_active_manager.as_ref();
    ensure(
        dag.quorum && primary.is_some_and(|name| group.members.contains(name)),
        || format!("at rest there is no quorum, or {primary:?} decides"),
    )
}

async fn unknown_names_are_errors(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let unknown = |_| Broken("the suite's own names are none".to_owned());
    let stranger = MemberName::new("no-such-member").map_err(unknown)?;
    let services = group.control.services(&stranger).await;
    ensure(matches!(services, Err(Error::NotFound { .. })), || {
        format!("the services of a stranger are {services:?}")
    })?;
    let database = DatabaseName::new("no such database").map_err(unknown)?;
    let answer = group.control.act(&Action::Dismount { database }).await;
    ensure(matches!(answer, Err(Error::NotFound { .. })), || {
        format!("dismounting an unknown database is answered {answer:?}")
    })
}

async fn services_are_told(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let version = group.dag().await?.version;
    let missing = group
        .control
        .services(&group.members[0])
        .await?
        .missing(version);
    ensure(missing.is_empty(), || {
        format!("at rest {missing:?} do not run")
    })?;
    rig.stop_services(&group.members[0]).await;
    let missing = group
        .control
        .services(&group.members[0])
        .await?
        .missing(version);
    ensure(missing.contains(&Service::MSExchangeRepl), || {
        "services that stopped are told to run".to_owned()
    })
}

async fn lost_member_is_seen(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    rig.lose(&group.members[0]).await;
    let node = group.dag().await?.members[&group.members[0]].node;
    ensure(node == NodeState::Down, || {
        format!("the node of a lost member is {node:?}")
    })?;
    let copies = group.copies().await?;
    let mut lost = copies
        .iter()
        .filter(|state| state.copy.member == group.members[0]);
    let told = lost.clone().count() == 2;
    ensure(
        told && lost.all(|state| state.status == CopyStatus::ServiceDown),
        || "the copies of a lost member are not all told to be ServiceDown".to_owned(),
    )?;
    let services = group.control.services(&group.members[0]).await;
    ensure(services.is_err(), || {
        "a lost member tells its services".to_owned()
    })
}

async fn databases_survive_a_member(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    rig.lose(&group.members[0]).await;
    rig.settle().await;
    let dag = group.dag().await?;
    for (name, database) in &dag.databases {
        ensure(
            database.active == group.members[1] && database.mounted,
            || format!("{name} is left as {database:?}"),
        )?;
    }
    Ok(())
}

async fn returning_copies_catch_up(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    rig.lose(&group.members[0]).await;
    rig.settle().await;
    rig.restore(&group.members[0]).await;
    rig.settle().await;
    for state in group.copies().await? {
        ensure(state.status.is_well(), || {
            format!(
                "after its member's return {} is {}",
                state.copy, state.status
            )
        })?;
    }
    Ok(())
}

async fn policy_reads_back(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let policy = MemberPolicy {
        activation: ActivationPolicy::IntrasiteOnly,
        maximum_active: Some(7),
        dial: MountDial::BestAvailability,
        ..MemberPolicy::default()
    };
    let member = group.members[1].clone();
    group.done(Action::SetPolicy { member, policy }).await?;
    let found = group.dag().await?.members[&group.members[1]].policy;
    ensure(found == policy, || {
        format!("expected {policy:?}, found {found:?}")
    })
}

async fn block(group: &Group) -> Checked {
    let member = group.members[1].clone();
    let activation = ActivationPolicy::Blocked;
    let policy = MemberPolicy {
        activation,
        ..MemberPolicy::default()
    };
    group.done(Action::SetPolicy { member, policy }).await
}

async fn blocked_member_can_be_named(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    block(&group).await?;
    group.moves(group.away()).await
}

async fn blocked_member_is_not_chosen(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    block(&group).await?;
    let anywhere = Action::Move(group.anywhere());
    group
        .refused(anywhere, |refusal| *refusal == Refusal::NoTarget)
        .await
}

async fn paused_node_takes_nothing(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let pause = |paused| Action::SetPaused {
        member: group.members[1].clone(),
        paused,
    };
    group.done(pause(true)).await?;
    let node = group.dag().await?.members[&group.members[1]].node;
    ensure(node == NodeState::Paused, || {
        format!("a paused node is {node:?}")
    })?;
    let away = Action::Move(group.away());
    group
        .refused(away, |refusal| matches!(refusal, Refusal::NodeNotUp(_)))
        .await?;
    group.done(pause(false)).await?;
    group.moves(group.away()).await
}

async fn primary_reads_back(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    for to in group.members.clone() {
        group.done(Action::MovePrimary { to: to.clone() }).await?;
        let found = group.dag().await?.primary_active_manager;
        ensure(found.as_ref() == Some(&to), || {
            format!("expected {to}, found {found:?}")
        })?;
    }
    Ok(())
}

async fn component_reads_back(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let member = group.members[1].clone();
    let set = Action::SetComponent {
        member: member.clone(),
        component: Component::HubTransport,
        requester: Requester::Maintenance,
        state: ComponentState::Draining,
    };
    if !group.dag().await?.version.has_managed_availability() {
        let reason = |refusal: &Refusal| matches!(refusal, Refusal::NotInVersion(_));
        return group.refused(set, reason).await;
    }
    group.done(set).await?;
    let services = group.control.services(&member).await?;
    let found = services.component(Component::HubTransport);
    ensure(found == ComponentState::Draining, || {
        format!("a component that was set to drain is {found:?}")
    })
}

fn restart(group: &Group) -> Action {
    Action::RestartService {
        member: group.members[1].clone(),
        service: Service::MSExchangeRepl,
    }
}

async fn service_is_restarted(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    let version = group.dag().await?.version;
    group.done(restart(&group)).await?;
    rig.settle().await;
    let missing = group
        .control
        .services(&group.members[1])
        .await?
        .missing(version);
    ensure(missing.is_empty(), || {
        format!("after a restart {missing:?} do not run")
    })?;
    for state in group.copies().await? {
        ensure(state.status.is_well(), || {
            format!("after a restart {} is {}", state.copy, state.status)
        })?;
    }
    Ok(())
}

async fn stopped_service_is_not_restarted(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    rig.stop_services(&group.members[1]).await;
    let reason = |refusal: &Refusal| matches!(refusal, Refusal::ServiceDown(_));
    group.refused(restart(&group), reason).await
}

/// From the first member to the second.
fn redirect(group: &Group) -> Action {
    let [member, target] = group.members.clone();
    Action::RedirectMessages { member, target }
}

async fn messages_are_handed_on(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    if !group.dag().await?.version.has_managed_availability() {
        let reason = |refusal: &Refusal| matches!(refusal, Refusal::NotInVersion(_));
        return group.refused(redirect(&group), reason).await;
    }
    group.done(redirect(&group)).await?;
    rig.settle().await;
    let services = group.control.services(&group.members[0]).await?;
    ensure(services.queued_messages == 0, || {
        let left = services.queued_messages;
        format!("{left} messages are left where all were handed on")
    })
}

async fn lost_member_takes_no_messages(rig: &dyn Rig) -> Checked {
    let group = Group::fresh(rig).await;
    rig.lose(&group.members[1]).await;
    let reason =
        |refusal: &Refusal| matches!(refusal, Refusal::ServiceDown(_) | Refusal::NotInVersion(_));
    group.refused(redirect(&group), reason).await
}
