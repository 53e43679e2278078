//! `driver = "ovs"`.

use std::path::PathBuf;
use std::time::Duration;

use coldspare_network::ovs::{Endpoint, Settings, Settling};
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use crate::site::reader::Table;
use crate::site::value::{absolute, duration, plain, text};

/// Which bridge it is, and how a change of it is known to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OvsDriver {
    /// Where its database listens: `unix:FILE` or `tcp:ADDRESS:PORT`.
    pub database: Endpoint,
    /// What the bridge is called.
    pub bridge: String,
    /// The daemon's control socket, where it runs on this machine: a change then holds at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<PathBuf>,
    /// How long a change is waited for where it does not. 1 second unless set: the daemon promises
    /// half of that on a machine that is not overloaded.
    #[serde(with = "compact::required")]
    pub settling: Duration,
    /// How long one call may take. 3 seconds unless set.
    #[serde(with = "compact::required")]
    pub limit: Duration,
}

impl OvsDriver {
    /// The same for the adapter.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            endpoint: self.database.clone(),
            bridge: self.bridge.clone(),
            settling: match &self.control {
                Some(socket) => Settling::Purge(socket.clone()),
                None => Settling::Pause(self.settling),
            },
            time_limit: self.limit,
        }
    }
}

pub(super) fn read(table: &mut Table<'_>) -> Option<OvsDriver> {
    let database = table.required("database", text);
    let bridge = table.required("bridge", plain);
    let control = table.optional("control", absolute);
    let settling = table.optional("settling", duration);
    let limit = table.optional("limit", duration);
    if control.is_some() && settling.is_some() {
        table.report("settling", "with a control socket nothing is waited for");
    }
    Some(OvsDriver {
        database: database?,
        bridge: bridge?,
        control,
        settling: settling.unwrap_or(Duration::from_secs(1)),
        limit: limit.unwrap_or(Duration::from_secs(3)),
    })
}
