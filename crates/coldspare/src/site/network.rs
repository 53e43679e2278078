//! Networks and switches: `[networks.NAME]`, `[switches.NAME]`.

use std::collections::BTreeSet;

use coldspare_names::{Channel, NetworkName, PortName};
use coldspare_network::{ChannelPair, LogicalNetwork};
use serde::{Deserialize, Serialize};

use super::driver::{self, SwitchDriver};
use super::reader::Table;
use super::value::{list, plain, text};

/// A switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteSwitch {
    /// How it is reached.
    pub driver: SwitchDriver,
    /// Ports to the rest of the world, which no plan may touch.
    pub uplinks: BTreeSet<PortName>,
}

impl SiteSwitch {
    /// Whether its ports are ours to set.
    pub fn is_managed(&self) -> bool {
        self.driver != SwitchDriver::Unmanaged
    }
}

pub(super) fn switch(table: &mut Table<'_>) -> Option<SiteSwitch> {
    let driver = driver::switch(table);
    let uplinks = table.optional("uplinks", list(text)).unwrap_or_default();
    Some(SiteSwitch {
        driver: driver?,
        uplinks: uplinks.into_iter().collect(),
    })
}

pub(super) fn network(name: &NetworkName, table: &mut Table<'_>) -> Option<LogicalNetwork> {
    let kind = table.required("kind", plain);
    let vlan = table.required("vlan", plain);
    let subnet = table.required("subnet", text);
    let primary: Option<Channel> = table.required("primary-channel", plain);
    let secondary = table.optional("secondary-channel", plain);
    let mtu = table.optional("mtu", plain).unwrap_or_default();
    let channels = ChannelPair::new(primary?, secondary)
        .map_err(|problem| table.report("secondary-channel", problem.to_string()));
    Some(LogicalNetwork {
        name: name.clone(),
        vlan: vlan?,
        subnet: subnet?,
        channels: channels.ok()?,
        kind: kind?,
        mtu,
    })
}
