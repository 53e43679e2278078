//! Hosts that the site needs and does not manage: `[externals.NAME]`.

use std::net::Ipv4Addr;

use coldspare_names::NetworkName;
use serde::{Deserialize, Serialize};

use super::reader::Table;
use super::value::{plain, text};

/// A host that is neither server nor persona here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct External {
    /// What it does for the site.
    pub role: ExternalRole,
    /// The network on which it is reached.
    pub network: NetworkName,
    /// Its address there.
    pub address: Ipv4Addr,
    /// Whether that it exists is assumed, and not known: reports say so.
    pub assumption: bool,
}

/// What a host outside does for the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExternalRole {
    /// An Active Directory domain controller.
    DomainController,
    /// Keeps the file share witness of a database availability group.
    Witness,
}

pub(super) fn read(table: &mut Table<'_>) -> Option<External> {
    let role = table.required("role", plain);
    let network = table.required("network", table.one_of("networks"));
    let address = table.required("address", text);
    let assumption = table.optional("assumption", plain).unwrap_or_default();
    Some(External {
        role: role?,
        network: network?,
        address: address?,
        assumption,
    })
}
