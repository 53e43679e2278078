//! Whether a member and its copies are as they should be.

mod replication;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::replication::{
    CheckResult, ReplicationCheck, ServiceHealth, replication_health, service_health,
};

use crate::{CopyId, CopyState, CopyStatus, Dag, MemberName, NodeState};

/// Something about a member that keeps it from being healthy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// The group has no such member.
    #[error("{0} is no member")]
    NoMember(MemberName),
    /// Its node is not up. Copies say nothing about that: all may read *Healthy* on a node that
    /// the cluster has lost.
    #[error("the node {member} is {state:?}")]
    Node {
        /// The member.
        member: MemberName,
        /// Its node.
        state: NodeState,
    },
    /// A copy is neither *Mounted* nor *Healthy*.
    #[error("{copy} is {status}")]
    Copy {
        /// The copy.
        copy: CopyId,
        /// What it is.
        status: CopyStatus,
    },
    /// Nothing was said about a copy that exists.
    #[error("nothing is known of {0}")]
    Silent(CopyId),
}

/// What keeps a member from being healthy; empty when its node is up and each of its copies is
/// *Mounted* or *Healthy*, or *Suspended* as an administrator wants it (`keep`).
pub fn concerns(
    dag: &Dag,
    copies: &[CopyState],
    member: &MemberName,
    keep: &BTreeSet<CopyId>,
) -> Vec<Concern> {
    let Some(node) = dag.members.get(member).map(|of| of.node) else {
        return vec![Concern::NoMember(member.clone())];
    };
    let mut concerns = Vec::new();
    if node != NodeState::Up {
        let member = member.clone();
        concerns.push(Concern::Node {
            member,
            state: node,
        });
    }
    for copy in dag.copy_ids().filter(|copy| copy.member == *member) {
        match copies.iter().find(|state| state.copy == copy) {
            None => concerns.push(Concern::Silent(copy)),
            Some(state) => {
                let wanted = state.status == CopyStatus::Suspended && keep.contains(&copy);
                if !state.status.is_well() && !wanted {
                    let status = state.status;
                    concerns.push(Concern::Copy { copy, status });
                }
            }
        }
    }
    concerns
}
