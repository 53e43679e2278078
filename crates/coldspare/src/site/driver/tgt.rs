//! `driver = "tgt"`.

use std::path::PathBuf;
use std::time::Duration;

use coldspare_names::IscsiName;
use coldspare_san::Portal;
use coldspare_san::tgt::TgtSettings;
use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};

use crate::site::reader::Table;
use crate::site::value::{absolute, duration, text};

/// Which tgtd of this machine it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TgtDriver {
    /// Its control socket: what it found in `TGT_IPC_SOCKET`.
    pub socket: PathBuf,
    /// Where the images are.
    pub directory: PathBuf,
    /// What every target's name begins with.
    pub naming: IscsiName,
    /// How long one call of it may take. 5 seconds unless set.
    #[serde(with = "compact::required")]
    pub limit: Duration,
}

impl TgtDriver {
    /// The same for the adapter.
    pub fn settings(&self, portals: Vec<Portal>) -> TgtSettings {
        TgtSettings {
            socket: self.socket.clone(),
            directory: self.directory.clone(),
            portals,
            naming: self.naming.clone(),
            limit: self.limit,
        }
    }
}

pub(super) fn read(table: &mut Table<'_>) -> Option<TgtDriver> {
    let socket = table.required("socket", absolute);
    let directory = table.required("directory", absolute);
    let naming = table.required("naming", text);
    let limit = table.optional("limit", duration);
    let driver = TgtDriver {
        socket: socket?,
        directory: directory?,
        naming: naming?,
        limit: limit.unwrap_or(Duration::from_secs(5)),
    };
    if let Err((field, reason)) = driver.settings(Vec::new()).check() {
        table.report(field, reason);
    }
    Some(driver)
}
