//! What etcd's failures mean.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use crate::{Cause, Error};

/// Why a node did not do something.
#[derive(Debug)]
pub(super) enum Failure {
    /// It did nothing; another may, or the same later.
    Nothing(Cause),
    /// Nobody knows whether it did, or still will.
    Unknown(Cause),
    /// It did nothing, nor will any other.
    Refused(Error),
}

impl Failure {
    /// Of a node of the store of that name.
    pub(super) fn of(store: &str, error: etcd_client::Error) -> Self {
        let store = store.to_owned();
        let etcd_client::Error::GRpcStatus(status) = &error else {
            return Self::Nothing(error.into());
        };
        let says = |text: &str| status.message().contains(text);
        if was_not_connected(status.source()) || says("no leader") || says("too many requests") {
            Self::Nothing(error.into())
        } else if says("database space exceeded") {
            Self::Refused(Error::Full {
                store,
                source: Some(error.into()),
            })
        } else if says("corrupt cluster") {
            let reason = "its nodes do not hold the same".to_owned();
            Self::Refused(Error::Damaged { store, reason })
        } else if says("request is too large") || says("too many operations") {
            Self::Refused(Error::TooLarge {
                excess: "this etcd is set up to take less",
            })
        } else {
            Self::Unknown(error.into())
        }
    }

    /// Of a node that did not answer in time.
    pub(super) fn silence() -> Self {
        Self::Unknown("the node does not answer".into())
    }
}

/// Whether the request never left, because there was no connection.
fn was_not_connected(mut source: Option<&(dyn std::error::Error + 'static)>) -> bool {
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            );
        }
        source = error.source();
    }
    false
}
