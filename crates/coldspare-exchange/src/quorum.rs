//! Who decides whether the cluster goes on: votes and majorities.
//!
//! Source: Microsoft's pages on database availability groups and on quorum.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::MemberName;

/// The quorum model that Exchange sets for a number of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuorumModel {
    /// Whether the file share witness votes: with an even number of members.
    pub witness: bool,
    /// Votes in all.
    pub votes: usize,
    /// Votes that are needed.
    pub majority: usize,
    /// Votes that may be missing.
    pub tolerated: usize,
}

impl QuorumModel {
    /// The model for that many members: node majority for an odd number, node and file share
    /// majority for an even one.
    pub const fn of(members: usize) -> Self {
        let witness = members.is_multiple_of(2);
        let votes = members + witness as usize;
        let majority = votes / 2 + 1;
        Self {
            witness,
            votes,
            majority,
            tolerated: votes - majority,
        }
    }

    /// Whether a restore sets the alternate witness for so many members that are left: if they
    /// are even in number, or one alone, so that it is there when another comes back.
    pub const fn restored_with_witness(members: usize) -> bool {
        members.is_multiple_of(2) || members == 1
    }
}

/// What Windows adds to plain majorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuorumRules {
    /// The votes of departed nodes are taken away (Windows Server 2012 and later), so that losses
    /// one after the other may go down to the last node.
    pub dynamic_quorum: bool,
    /// The witness votes only while the votes would otherwise be even (2012 R2 and later).
    pub dynamic_witness: bool,
}

/// Who may vote now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Electorate {
    /// Members with a vote.
    pub members: BTreeSet<MemberName>,
    /// Whether the witness has one.
    pub witness: bool,
}

impl Electorate {
    /// All members of a group, and its witness if it has one and they are even in number.
    pub fn new(members: BTreeSet<MemberName>, witness: bool) -> Self {
        let witness = witness && QuorumModel::of(members.len()).witness;
        Self { members, witness }
    }

    /// Whether those present have more than half of all votes.
    pub fn has_quorum(&self, present: &BTreeSet<MemberName>, witness: bool) -> bool {
        let votes = self.members.len() + usize::from(self.witness);
        let members = self.members.intersection(present).count();
        let given = members + usize::from(self.witness && witness);
        given > votes / 2
    }

    /// Who may vote after a cluster with quorum has seen who is present; `witness` is whether the
    /// group has one.
    ///
    /// With dynamic quorum an even number of votes is made odd by taking one node's away, here
    /// the first's by name, so that one half can go on without the other.
    #[must_use]
    pub fn adjusted(
        self,
        rules: QuorumRules,
        all: &BTreeSet<MemberName>,
        present: &BTreeSet<MemberName>,
        witness: bool,
    ) -> Self {
        if !rules.dynamic_quorum {
            return Self::new(all.clone(), witness);
        }
        let even = QuorumModel::of(present.len()).witness;
        let configured = QuorumModel::of(all.len()).witness;
        let witness = witness
            && if rules.dynamic_witness {
                even
            } else {
                configured
            };
        let mut members = present.clone();
        if (members.len() + usize::from(witness)).is_multiple_of(2) && members.len() > 1 {
            members.pop_first();
        }
        Self { members, witness }
    }
}

#[cfg(test)]
mod tests;
