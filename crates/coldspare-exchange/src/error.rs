//! What can go wrong on the way to a group.

use coldspare_names::NameError;

use crate::{DagName, Defect};

/// Why a read or a verb got no answer. A refusal is no error: see [`crate::Refusal`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server of the group answered.
    #[error("no server of {dag} answered: {reason}")]
    Unreachable {
        /// The group.
        dag: DagName,
        /// What was seen.
        reason: String,
        /// Whether trying again may help.
        retry: bool,
    },
    /// The group has nothing of that name.
    #[error("{dag} has no {what}")]
    NotFound {
        /// The group.
        dag: DagName,
        /// What was asked for, in words: "member EX9".
        what: String,
    },
    /// A description of a group contradicts itself or exceeds a limit.
    #[error("{dag} cannot be: {}", .defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Defective {
        /// The group.
        dag: DagName,
        /// Everything that is wrong with it.
        defects: Vec<Defect>,
    },
    /// A name that is none.
    #[error("a name is no name")]
    Name(#[from] NameError),
}
