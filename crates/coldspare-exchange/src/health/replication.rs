//! The checks of `Test-ReplicationHealth` and `Test-ServiceHealth`, by their Microsoft names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::named::named;
use crate::quorum::QuorumModel;
use crate::{
    CopyState, CopyStatus, Dag, Database, MailboxServices, MemberName, NodeState, Role, Service,
    Version, required,
};

named! {
    /// A check of `Test-ReplicationHealth`, by Microsoft's name for it.
    #[expect(missing_docs, reason = "the names are Microsoft's own")]
    ReplicationCheck = "replication check" {
        ClusterService,
        ReplayService,
        ActiveManager,
        TasksRpcListener,
        TcpListener,
        ServerLocatorService,
        DagMembersUp,
        ClusterNetwork,
        QuorumGroup,
        FileShareQuorum,
        DatabaseRedundancy,
        DatabaseAvailability,
        DBCopySuspended,
        DBCopyFailed,
        DBInitializing,
        DBDisconnected,
        DBLogCopyKeepingUp,
        DBLogReplayKeepingUp,
    }
}

/// One row of the result: a check and everything that fails it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckResult {
    /// The server.
    pub server: MemberName,
    /// The check.
    pub check: ReplicationCheck,
    /// What fails it; empty when it is passed.
    pub failures: Vec<String>,
}

impl CheckResult {
    /// Whether the server passes.
    pub fn is_passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// From here on a queue no longer keeps up. Documentation names no figure: these are those of the
/// criteria of selection.
const COPY_QUEUE: u64 = 10;
const REPLAY_QUEUE: u64 = 50;

/// What `Test-ReplicationHealth` would say about a member; `services` is `None` when it does not
/// answer. *`ClusterNetwork`* is judged by whether the node is in the cluster, and the listeners by
/// whether the Replication service runs, for nothing else is known of them here.
pub fn replication_health(
    dag: &Dag,
    copies: &[CopyState],
    services: Option<&MailboxServices>,
    member: &MemberName,
) -> Vec<CheckResult> {
    let of = Of {
        dag,
        copies,
        services,
        member,
    };
    let check = |check: &ReplicationCheck| CheckResult {
        server: member.clone(),
        check: *check,
        failures: of.failures(*check),
    };
    ReplicationCheck::ALL.iter().map(check).collect()
}

struct Of<'a> {
    dag: &'a Dag,
    copies: &'a [CopyState],
    services: Option<&'a MailboxServices>,
    member: &'a MemberName,
}

impl Of<'_> {
    fn failures(&self, check: ReplicationCheck) -> Vec<String> {
        use ReplicationCheck as C;
        match check {
            C::ClusterService => self.service(Service::ClusSvc),
            C::ReplayService | C::TasksRpcListener | C::TcpListener | C::ServerLocatorService => {
                self.service(Service::MSExchangeRepl)
            }
            C::ActiveManager => unless(
                self.dag.primary_active_manager.is_some(),
                "no member decides",
            ),
            C::DagMembersUp => {
                let down = self
                    .dag
                    .members
                    .iter()
                    .filter(|(_, of)| of.node != NodeState::Up);
                down.map(|(name, of)| format!("the node {name} is {:?}", of.node))
                    .collect()
            }
            C::ClusterNetwork => {
                let node = self.dag.members.get(self.member).map(|of| of.node);
                unless(
                    node.is_some_and(NodeState::votes),
                    "the node is not in the cluster",
                )
            }
            C::QuorumGroup => unless(self.dag.quorum, "the cluster has no quorum"),
            C::FileShareQuorum => {
                let needed = QuorumModel::of(self.dag.started().count()).witness;
                let reached = self
                    .dag
                    .witness_in_use()
                    .is_some_and(|witness| witness.reachable);
                unless(!needed || reached, "the witness is not reachable")
            }
            C::DatabaseRedundancy => self.with_copies(2),
            C::DatabaseAvailability => self.with_copies(1),
            C::DBCopySuspended => {
                self.statuses(&[CopyStatus::Suspended, CopyStatus::FailedAndSuspended])
            }
            C::DBCopyFailed => self.statuses(&[CopyStatus::Failed, CopyStatus::FailedAndSuspended]),
            C::DBInitializing => self.statuses(&[CopyStatus::Initializing]),
            C::DBDisconnected => self.statuses(&[
                CopyStatus::DisconnectedAndHealthy,
                CopyStatus::DisconnectedAndResynchronizing,
            ]),
            C::DBLogCopyKeepingUp => self.told(
                |state| !state.copy_queue.is_below(COPY_QUEUE),
                "has logs to copy",
            ),
            C::DBLogReplayKeepingUp => self.told(
                |state| !state.replay_queue.is_below(REPLAY_QUEUE) && !self.is_lagged(state),
                "has logs to replay",
            ),
        }
    }

    fn service(&self, service: Service) -> Vec<String> {
        let runs = self
            .services
            .is_some_and(|services| services.running.contains(&service));
        unless(runs, &format!("{service} does not run"))
    }

    fn here(&self) -> impl Iterator<Item = &CopyState> {
        self.copies
            .iter()
            .filter(|state| state.copy.member == *self.member)
    }

    fn statuses(&self, statuses: &[CopyStatus]) -> Vec<String> {
        let such = self.here().filter(|state| statuses.contains(&state.status));
        such.map(|state| format!("{} is {}", state.copy, state.status))
            .collect()
    }

    /// Passive copies of which something must not be.
    fn told(&self, wrong: impl Fn(&CopyState) -> bool, what: &str) -> Vec<String> {
        let passive = self.here().filter(|state| !state.active);
        let wrong = passive.filter(|state| wrong(state));
        wrong
            .map(|state| format!("{} {what}", state.copy))
            .collect()
    }

    fn is_lagged(&self, state: &CopyState) -> bool {
        let database = self.dag.databases.get(&state.copy.database);
        let copy = database.and_then(|of| of.copies.get(&state.copy.member));
        copy.is_some_and(crate::CopySettings::is_lagged)
    }

    /// Databases of this member with fewer well copies, lagged ones not counted.
    fn with_copies(&self, least: usize) -> Vec<String> {
        let kept = |(_, of): &(_, &Database)| of.copies.contains_key(self.member);
        let here = self.dag.databases.iter().filter(kept);
        let few = here.filter_map(|(name, _)| {
            let copies = self.copies.iter().filter(|state| {
                state.copy.database == *name && state.status.is_well() && !self.is_lagged(state)
            });
            let count = copies.count();
            (count < least).then(|| format!("{name} has {count} healthy copies, not {least}"))
        });
        few.collect()
    }
}

fn unless(passed: bool, failure: &str) -> Vec<String> {
    if passed {
        Vec::new()
    } else {
        vec![failure.to_owned()]
    }
}

/// One row of `Test-ServiceHealth`, with the columns of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ServiceHealth {
    /// The role.
    pub role: Role,
    /// Whether all that it needs is running.
    pub required_services_running: bool,
    /// What it needs and is running.
    pub services_running: Vec<Service>,
    /// What it needs and is not.
    pub services_not_running: Vec<Service>,
}

/// What `Test-ServiceHealth` would say, a row for each role that the version has. The cluster
/// service is not looked at, as in the original.
pub fn service_health(version: Version, services: &MailboxServices) -> Vec<ServiceHealth> {
    let rows = Role::ALL.iter().filter_map(|role| {
        let needed = required(version, &BTreeSet::from([*role])).into_iter();
        let needed: Vec<Service> = needed.filter(|of| *of != Service::ClusSvc).collect();
        let runs = |service: &Service| services.running.contains(service);
        let (running, not): (Vec<_>, Vec<_>) = needed.into_iter().partition(runs);
        (running.len() + not.len() > 0).then_some(ServiceHealth {
            role: *role,
            required_services_running: not.is_empty(),
            services_running: running,
            services_not_running: not,
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests;
