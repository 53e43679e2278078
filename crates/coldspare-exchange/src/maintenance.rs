//! Taking a member out of service, and back.
//!
//! Source: Microsoft's page on managing database availability groups, and what
//! `StartDagServerMaintenance.ps1` and `StopDagServerMaintenance.ps1` are documented to do.

use serde::{Deserialize, Serialize};

use crate::{
    Action, ActivationPolicy, Answer, Component, ComponentState, CopyState, CopyStatus, Dag,
    DagControl, DialOverride, Error, MailboxServices, MemberName, MemberPolicy, Move, NodeState,
    Refusal, Requester, Service, Version,
};

/// A step of maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceStep {
    /// What to do.
    pub action: Action,
    /// What takes it back when a later step fails; a move is never taken back.
    pub undo: Option<Action>,
}

impl MaintenanceStep {
    const fn without_undo(action: Action) -> Self {
        Self { action, undo: None }
    }
}

/// Sets a component as maintenance wants it, with its undo.
fn component(member: &MemberName, component: Component, state: ComponentState) -> MaintenanceStep {
    let set = |state| Action::SetComponent {
        member: member.clone(),
        component,
        requester: Requester::Maintenance,
        state,
    };
    MaintenanceStep {
        action: set(state),
        undo: Some(set(ComponentState::Active)),
    }
}

fn restart_transport(member: &MemberName) -> MaintenanceStep {
    MaintenanceStep::without_undo(Action::RestartService {
        member: member.clone(),
        service: Service::MSExchangeTransport,
    })
}

/// The steps that take a member out of service, in their order; mail in its queues goes to
/// `target`.
///
/// Refused when a database would be left with fewer than two copies that can serve, unless
/// `with_fewer_copies` (`overrideMinimumTwoCopies`, needed in a group of two): then its remaining
/// copy is all there is while the member is away.
pub fn start(
    dag: &Dag,
    copies: &[CopyState],
    member: &MemberName,
    target: &MemberName,
    with_fewer_copies: bool,
) -> Result<Vec<MaintenanceStep>, Refusal> {
    let Some(of) = dag.members.get(member) else {
        return Err(Refusal::NoCopy(member.clone()));
    };
    if !with_fewer_copies {
        enough_copies(dag, copies, member)?;
    }
    let managed = dag.version.has_managed_availability();
    let mut steps = Vec::new();
    if managed {
        steps.push(component(
            member,
            Component::HubTransport,
            ComponentState::Draining,
        ));
        steps.push(restart_transport(member));
    }
    if has_call_router(dag.version) {
        steps.push(component(
            member,
            Component::UMCallRouter,
            ComponentState::Draining,
        ));
    }
    let set_policy = |policy| Action::SetPolicy {
        member: member.clone(),
        policy,
    };
    let activation = ActivationPolicy::Blocked;
    steps.push(MaintenanceStep {
        action: set_policy(MemberPolicy {
            activation,
            ..of.policy
        }),
        undo: Some(set_policy(of.policy)),
    });
    let set_paused = |paused| Action::SetPaused {
        member: member.clone(),
        paused,
    };
    steps.push(MaintenanceStep {
        action: set_paused(true),
        undo: Some(set_paused(false)),
    });
    steps.extend(dag.active_on(member).map(|database| {
        MaintenanceStep::without_undo(Action::Move(Move {
            database: database.clone(),
            target: None,
            dial: DialOverride::default(),
            skip: [].into(),
        }))
    }));
    if dag.primary_active_manager.as_ref() == Some(member) {
        let others = dag
            .members
            .iter()
            .filter(|(name, of)| *name != member && of.node == NodeState::Up);
        let next = others.map(|(name, _)| name).next().cloned();
        let to = next.ok_or_else(|| Refusal::NodeNotUp(target.clone()))?;
        steps.push(MaintenanceStep {
            action: Action::MovePrimary { to },
            undo: Some(Action::MovePrimary { to: member.clone() }),
        });
    }
    if managed {
        let (member, target) = (member.clone(), target.clone());
        let redirect = Action::RedirectMessages {
            member: member.clone(),
            target,
        };
        steps.push(MaintenanceStep::without_undo(redirect));
        steps.push(component(
            &member,
            Component::ServerWideOffline,
            ComponentState::Inactive,
        ));
    }
    Ok(steps)
}

/// 2013 and 2016 have telephone calls to route.
fn has_call_router(version: Version) -> bool {
    matches!(version, Version::V2013Cu1 | Version::V2013 | Version::V2016)
}

/// Whether every database of a member has two copies that can serve without it.
fn enough_copies(dag: &Dag, copies: &[CopyState], member: &MemberName) -> Result<(), Refusal> {
    let here = dag
        .databases
        .iter()
        .filter(|(_, database)| database.copies.contains_key(member));
    for (name, _) in here {
        let others = copies.iter().filter(|state| {
            state.copy.database == *name
                && state.copy.member != *member
                && (state.status == CopyStatus::Mounted || state.status.permits().automatic_target)
        });
        let left = others.count();
        if left < 2 {
            let database = name.clone();
            return Err(Refusal::TooFewCopies { database, left });
        }
    }
    Ok(())
}

/// The actions that bring a member back into service, in their order.
///
/// Its policy becomes *Unrestricted*, whatever it was before, as the original does it. Databases
/// do not come back by themselves: redistribute afterwards.
pub fn stop(dag: &Dag, member: &MemberName) -> Vec<Action> {
    let policy = dag
        .members
        .get(member)
        .map(|of| of.policy)
        .unwrap_or_default();
    let managed = dag.version.has_managed_availability();
    let active = |of| component(member, of, ComponentState::Active).action;
    let mut actions = Vec::new();
    if managed {
        actions.push(active(Component::ServerWideOffline));
    }
    if has_call_router(dag.version) {
        actions.push(active(Component::UMCallRouter));
    }
    let paused = false;
    actions.push(Action::SetPaused {
        member: member.clone(),
        paused,
    });
    let activation = ActivationPolicy::Unrestricted;
    let policy = MemberPolicy {
        activation,
        ..policy
    };
    actions.push(Action::SetPolicy {
        member: member.clone(),
        policy,
    });
    let passive = dag
        .copy_ids()
        .filter(|copy| copy.member == *member && dag.databases[&copy.database].active != *member);
    actions.extend(passive.map(|copy| Action::Resume {
        copy,
        replication_only: false,
    }));
    if managed {
        actions.push(active(Component::HubTransport));
        actions.push(restart_transport(member).action);
    }
    actions
}

/// What still keeps a member from being in maintenance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InService {
    /// A component works that should not.
    #[error("{0} is active")]
    Component(Component),
    /// Its copies may still be activated.
    #[error("its activation policy is {0:?}")]
    Policy(ActivationPolicy),
    /// Its node is still up.
    #[error("its node is up")]
    NodeUp,
    /// It decides for the group.
    #[error("it is the primary active manager")]
    Primary,
    /// A database is active on it.
    #[error("{0} is active on it")]
    Active(crate::DatabaseName),
    /// Mail waits in its queues.
    #[error("{0} messages are in its queues")]
    Messages(u64),
}

/// What still keeps a member from being in maintenance; empty when it is out of service. Only
/// *Monitoring* and *`RecoveryActionsEnabled`* may work then, and from 2013 on, when mail is handed
/// on to another server, none may wait in its queues.
pub fn in_service(dag: &Dag, services: &MailboxServices, member: &MemberName) -> Vec<InService> {
    let mut left = Vec::new();
    let offline = services.component(Component::ServerWideOffline) != ComponentState::Active;
    if dag.version.has_managed_availability() && !offline {
        let may = [Component::Monitoring, Component::RecoveryActionsEnabled];
        let others = Component::ALL
            .iter()
            .filter(|component| !may.contains(component));
        let active =
            others.filter(|component| services.component(**component) == ComponentState::Active);
        left.extend(active.copied().map(InService::Component));
    }
    if let Some(of) = dag.members.get(member) {
        if of.policy.activation != ActivationPolicy::Blocked {
            left.push(InService::Policy(of.policy.activation));
        }
        if of.node == NodeState::Up {
            left.push(InService::NodeUp);
        }
    }
    if dag.primary_active_manager.as_ref() == Some(member) {
        left.push(InService::Primary);
    }
    left.extend(dag.active_on(member).cloned().map(InService::Active));
    if dag.version.has_managed_availability() && services.queued_messages > 0 {
        left.push(InService::Messages(services.queued_messages));
    }
    left
}

/// How a start of maintenance ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step was done.
    Done,
    /// A step was refused; all before it were taken back, but for moves.
    Undone {
        /// The step.
        action: Action,
        /// Why it was refused.
        refusal: Refusal,
    },
}

/// Does the steps in their order; when one is refused or gets no answer, takes back what was done,
/// last first, but for moves that succeeded.
pub async fn carry_out(
    control: &dyn DagControl,
    steps: &[MaintenanceStep],
) -> Result<Outcome, Error> {
    for (index, step) in steps.iter().enumerate() {
        let answer = control.act(&step.action).await;
        if let Ok(Answer::Done | Answer::Moved(_)) = answer {
            continue;
        }
        let done = steps[..index].iter().rev();
        for undo in done.filter_map(|step| step.undo.as_ref()) {
            control.act(undo).await?;
        }
        if let Answer::Refused(refusal) = answer? {
            let action = step.action.clone();
            return Ok(Outcome::Undone { action, refusal });
        }
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests;
