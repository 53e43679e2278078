//! Storage arrays and their volumes: `[arrays.NAME]`.

use std::collections::BTreeMap;

use coldspare_names::{ArrayName, VolumeId, VolumeName};
use coldspare_san::{Portal, Size, VolumeSpec};
use serde::{Deserialize, Serialize};

use super::driver::{self, ArrayDriver};
use super::error::KeyPath;
use super::reader::Table;
use super::value::{list, plain, text};

/// A storage array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteArray {
    /// How it is reached.
    pub driver: ArrayDriver,
    /// Where its targets are reached; never empty.
    pub portals: Vec<Portal>,
    /// Its volumes.
    pub volumes: BTreeMap<VolumeName, VolumeSpec>,
}

pub(super) fn read(table: &mut Table<'_>) -> Option<SiteArray> {
    let driver = driver::array(table);
    let portals: Option<Vec<Portal>> = table.required("portals", list(text));
    let volumes = table.named("volumes", volume);
    if portals.as_ref().is_some_and(Vec::is_empty) {
        table.report("portals", "an array has at least one portal");
    }
    Some(SiteArray {
        driver: driver?,
        portals: portals?,
        volumes,
    })
}

fn volume(name: &VolumeName, table: &mut Table<'_>) -> Option<VolumeSpec> {
    let size = table.required("gibibytes", |value| {
        Size::gibibytes(plain(value)?).ok_or_else(|| "a volume has at least one".into())
    });
    let thin = table.optional("thin", plain).unwrap_or(true);
    Some(VolumeSpec {
        name: name.clone(),
        size: size?,
        thin,
    })
}

/// Reads where a volume is: `{ array = "ps6010", volume = "database-1" }`.
pub(super) fn volume_id(table: &mut Table<'_>) -> Option<VolumeId> {
    let array: Option<ArrayName> = table.required("array", table.one_of("arrays"));
    let volume = match &array {
        None => table.required("volume", text),
        Some(array) => {
            let volumes = KeyPath::from("arrays").then(array.as_str()).then("volumes");
            table.required("volume", table.one_of(volumes))
        }
    };
    Some(VolumeId {
        array: array?,
        volume: volume?,
    })
}
