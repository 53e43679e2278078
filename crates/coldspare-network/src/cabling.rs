//! Which NIC of a server ends on which switch port.

use std::collections::BTreeMap;

use coldspare_names::{Channel, PortId};
use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// From a NIC to a switch port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cable {
    /// The NIC, by the only thing that its operating system and we both know it by.
    pub mac: MacAddr6,
    /// The port.
    pub port: PortId,
}

/// All LAN cables of one server: each channel has a NIC and a port of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<Channel, Cable>",
    into = "BTreeMap<Channel, Cable>"
)]
pub struct Cabling(BTreeMap<Channel, Cable>);

impl Cabling {
    /// The cabling, unless two channels have one NIC or end on one port.
    pub fn new(cables: BTreeMap<Channel, Cable>) -> Result<Self, Problem> {
        let (mut nics, mut ports) = (BTreeMap::new(), BTreeMap::new());
        for (&other, Cable { mac, port }) in &cables {
            if let Some(channel) = nics.insert(mac, other) {
                let mac = *mac;
                return Err(Problem::NicTwice {
                    mac,
                    channel,
                    other,
                });
            }
            if let Some(channel) = ports.insert(port, other) {
                let port = port.clone();
                return Err(Problem::PortTwice {
                    port,
                    channel,
                    other,
                });
            }
        }
        Ok(Self(cables))
    }

    /// The cable of that channel.
    pub fn get(&self, channel: Channel) -> Option<&Cable> {
        self.0.get(&channel)
    }

    /// All cables, by channel.
    pub fn iter(&self) -> impl Iterator<Item = (Channel, &Cable)> {
        self.0.iter().map(|(&channel, cable)| (channel, cable))
    }
}

impl TryFrom<BTreeMap<Channel, Cable>> for Cabling {
    type Error = Problem;

    fn try_from(cables: BTreeMap<Channel, Cable>) -> Result<Self, Problem> {
        Self::new(cables)
    }
}

impl From<Cabling> for BTreeMap<Channel, Cable> {
    fn from(cabling: Cabling) -> Self {
        cabling.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{cabling, channel, port};

    #[test]
    fn every_channel_has_a_nic_and_a_port_of_its_own_also_in_a_file() {
        let mut cables = BTreeMap::from(cabling(1, [1, 2]));
        let file = |cables: &_| serde_json::to_string(cables).unwrap();
        assert!(serde_json::from_str::<Cabling>(&file(&cables)).is_ok());
        cables.get_mut(&channel(2)).unwrap().port = port(1, 1);
        assert!(serde_json::from_str::<Cabling>(&file(&cables)).is_err());
        let (channel, other) = (channel(1), channel(2));
        let problem = Problem::PortTwice {
            port: port(1, 1),
            channel,
            other,
        };
        assert_eq!(Cabling::new(cables.clone()), Err(problem));
        let mac = cables[&channel].mac;
        cables.get_mut(&other).unwrap().mac = mac;
        let problem = Problem::NicTwice {
            mac,
            channel,
            other,
        };
        assert_eq!(Cabling::new(cables), Err(problem));
    }
}
