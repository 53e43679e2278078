//! What the engine's failures mean.

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use rusqlite::types::FromSqlError;

use crate::{Error, KeyError, ValueTooLong};

/// Why the engine did not do something; the text is what it says.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    Unreachable(String),
    Unanswered(String),
    Full(String),
    ReadOnly(String),
    Compacted(crate::Revision),
    NewerFormat { found: u32, known: u32 },
    Damaged(String),
}

impl Failure {
    /// As the failure of the store of that name.
    pub(super) fn told(self, store: &str) -> Error {
        let store = store.to_owned();
        let cause = |text: String| Some(text.into());
        match self {
            Self::Unreachable(text) => Error::Unreachable {
                store,
                source: cause(text),
            },
            Self::Unanswered(text) => Error::Unanswered {
                store,
                source: cause(text),
            },
            Self::Full(text) => Error::Full {
                store,
                source: cause(text),
            },
            Self::ReadOnly(text) => Error::ReadOnly {
                store,
                source: cause(text),
            },
            Self::Compacted(after) => Error::Compacted { store, after },
            Self::NewerFormat { found, known } => Error::NewerFormat {
                store,
                found,
                known,
            },
            Self::Damaged(reason) => Error::Damaged { store, reason },
        }
    }

    /// Of the last step of a commit. A disk that fails there may have kept it all the same.
    pub(super) fn of_last_step(error: &rusqlite::Error) -> Self {
        match Self::from(error) {
            Self::Unreachable(text)
                if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) =>
            {
                Self::Unanswered(text)
            }
            failure => failure,
        }
    }
}

impl From<&rusqlite::Error> for Failure {
    fn from(error: &rusqlite::Error) -> Self {
        let text = error.to_string();
        let Some(cause) = error.sqlite_error() else {
            return Self::Damaged(text);
        };
        match cause.code {
            // A file that is shared by all who have the store open cannot be lengthened.
            _ if cause.extended_code == SQLITE_IOERR_SHMSIZE => Self::Full(text),
            ErrorCode::DiskFull => Self::Full(text),
            ErrorCode::ReadOnly => Self::ReadOnly(text),
            // Unknown: a table that is not there.
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown => {
                Self::Damaged(text)
            }
            _ => Self::Unreachable(text),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(&error)
    }
}

impl From<FromSqlError> for Failure {
    fn from(error: FromSqlError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<ValueTooLong> for Failure {
    fn from(error: ValueTooLong) -> Self {
        Self::Damaged(error.to_string())
    }
}
