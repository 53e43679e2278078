//! Why an exchange with a server came to nothing.

use super::framer::LONGEST;

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the connection failed")]
    Connection(#[from] std::io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("the server sent a message of more than {LONGEST} bytes")]
    TooLong,
    #[error("the server sent what is not JSON-RPC")]
    NotJson(#[from] serde_json::Error),
    #[error("the server sent {0}")]
    Unexpected(String),
    #[error("there is no bridge {0}")]
    NoBridge(String),
    /// In its own words (RFC 7047, 3.1): nothing of the transaction was done.
    #[error("{error}: {details}")]
    Refused { error: String, details: String },
}

impl Failure {
    pub(super) fn unexpected(what: impl Into<String>) -> Self {
        Self::Unexpected(what.into())
    }

    /// What a transaction waited for did not hold. (RFC 7047, 5.2.6: "timed out".)
    pub(super) fn is_false_wait(&self) -> bool {
        matches!(self, Self::Refused { error, .. } if error == "timed out")
    }

    /// Whether the server may be better off later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Refused { error, .. }
            if ["resources exhausted", "I/O error"].contains(&error.as_str()))
    }
}
