//! How a group stands: whether it is degraded, who carries how much, and what it can still lose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quorum::QuorumModel;
use crate::{CopyId, CopyState, CopyStatus, Dag, DatabaseName, MemberName, NodeState};

/// Why a group is not as it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degradation {
    /// The cluster has no quorum.
    #[error("the cluster has no quorum")]
    NoQuorum,
    /// A member's node is not up.
    #[error("the node {member} is {state:?}")]
    Node {
        /// The member.
        member: MemberName,
        /// Its node.
        state: NodeState,
    },
    /// The witness, which has a vote, is not reachable.
    #[error("the witness is not reachable")]
    Witness,
    /// A database serves no clients.
    #[error("{0} is dismounted")]
    Dismounted(DatabaseName),
    /// A database is not active where it is most preferred.
    #[error("{database} is active on {active}, not on {preferred}")]
    NotPreferred {
        /// The database.
        database: DatabaseName,
        /// Where it is active.
        active: MemberName,
        /// Where it should be.
        preferred: MemberName,
    },
    /// A copy could not take over.
    #[error("{copy} is {status}")]
    Copy {
        /// The copy.
        copy: CopyId,
        /// What it is.
        status: CopyStatus,
    },
}

/// How many databases a member serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveDatabases {
    /// Active there now.
    pub now: usize,
    /// Active there when every database is where it is most preferred. A survivor with twice as
    /// many carries a double load.
    pub preferred: usize,
}

/// How a group stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resilience {
    /// Everything that is not as it was meant to be; empty if nothing is.
    pub degraded: Vec<Degradation>,
    /// What each member serves.
    pub active: BTreeMap<MemberName, ActiveDatabases>,
    /// How many further voters, members or the witness, have to be lost at once until the cluster
    /// has no quorum; 0 if it has none. Votes are counted without dynamic quorum.
    pub losses_until_no_quorum: usize,
    /// How many further members with a usable copy have to be lost until none is left of each
    /// database; 0 if none is.
    pub losses_until_no_copy: BTreeMap<DatabaseName, usize>,
}

impl Resilience {
    /// The smallest number of further losses that cost a database its last usable copy, and which.
    pub fn weakest(&self) -> Option<(&DatabaseName, usize)> {
        let losses = self.losses_until_no_copy.iter();
        losses
            .map(|(name, losses)| (name, *losses))
            .min_by_key(|(_, losses)| *losses)
    }
}

/// Whether a copy has all that is needed to serve, now or after replay.
const fn is_usable(status: CopyStatus) -> bool {
    matches!(
        status,
        CopyStatus::Mounted
            | CopyStatus::Mounting
            | CopyStatus::Dismounting
            | CopyStatus::Dismounted
    ) || status.permits().automatic_target
}

/// How a group stands.
pub fn resilience(dag: &Dag, copies: &[CopyState]) -> Resilience {
    let mut degraded = Vec::new();
    if !dag.quorum {
        degraded.push(Degradation::NoQuorum);
    }
    let mut active: BTreeMap<MemberName, ActiveDatabases> = BTreeMap::new();
    for (member, of) in &dag.members {
        active.entry(member.clone()).or_default();
        if of.node != NodeState::Up {
            let (member, state) = (member.clone(), of.node);
            degraded.push(Degradation::Node { member, state });
        }
    }
    let model = QuorumModel::of(dag.started().count());
    let witness = dag
        .witness_in_use()
        .is_some_and(|witness| witness.reachable);
    if model.witness && !witness {
        degraded.push(Degradation::Witness);
    }
    for (name, database) in &dag.databases {
        active.entry(database.active.clone()).or_default().now += 1;
        if !database.mounted {
            degraded.push(Degradation::Dismounted(name.clone()));
        }
        let Some(preferred) = database.most_preferred() else {
            continue;
        };
        active.entry(preferred.clone()).or_default().preferred += 1;
        if database.active != *preferred {
            degraded.push(Degradation::NotPreferred {
                database: name.clone(),
                active: database.active.clone(),
                preferred: preferred.clone(),
            });
        }
    }
    let mut losses_until_no_copy: BTreeMap<_, _> =
        dag.databases.keys().map(|name| (name.clone(), 0)).collect();
    for state in copies {
        if is_usable(state.status) {
            if let Some(losses) = losses_until_no_copy.get_mut(&state.copy.database) {
                *losses += 1;
            }
        } else {
            let (copy, status) = (state.copy.clone(), state.status);
            degraded.push(Degradation::Copy { copy, status });
        }
    }
    let present = dag.members.values().filter(|of| of.node.votes()).count();
    let votes = present + usize::from(model.witness && witness);
    let spare = (votes + 1).saturating_sub(model.majority);
    Resilience {
        degraded,
        active,
        losses_until_no_quorum: if dag.quorum { spare } else { 0 },
        losses_until_no_copy,
    }
}

#[cfg(test)]
mod tests;
