//! The networks of the study (Table 2 of the paper) and strategies for any others, for tests.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{Channel, NetworkName, PortId};
use macaddr::MacAddr6;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::{
    Assignment, Cable, Cabling, ChannelPair, Connection, Connections, LogicalNetwork, Membership,
    Mode, Mtu, NetworkKind, Networks, VlanId,
};

pub(crate) fn name(text: &str) -> NetworkName {
    text.parse().unwrap()
}

pub(crate) fn channel(number: u8) -> Channel {
    Channel::new(number).unwrap()
}

pub(crate) fn vlan(number: u16) -> VlanId {
    VlanId::new(number).unwrap()
}

pub(crate) fn tagged(numbers: &[u16]) -> Membership {
    Membership::tagged(numbers.iter().copied().map(vlan))
}

pub(crate) fn network(text: &str, number: u16, primary: u8, secondary: u8) -> LogicalNetwork {
    let kind = match text {
        "scn" => NetworkKind::SystemControl,
        _ => NetworkKind::Application,
    };
    LogicalNetwork {
        name: name(text),
        vlan: vlan(number),
        subnet: format!("10.{}.{}.0/24", number / 256, number % 256)
            .parse()
            .unwrap(),
        channels: ChannelPair::new(channel(primary), Some(channel(secondary))).unwrap(),
        kind,
        mtu: Mtu::default(),
    }
}

/// Table 2, with X = 101 and Y = 102.
pub(crate) fn table_2() -> Vec<LogicalNetwork> {
    vec![
        network("scn", 4004, 1, 2),
        network("mapi", 101, 3, 4),
        network("replication", 102, 4, 3),
    ]
}

/// A persona on all networks of the study, its host number in every subnet the same.
pub(crate) fn exchange(mode: Mode, host: u8) -> Connections {
    let connection = |text: &str, assignment| Connection {
        network: name(text),
        assignment,
    };
    Connections {
        mode,
        connections: vec![
            connection("scn", Assignment::Pool),
            connection("mapi", Assignment::Static([10, 0, 101, host].into())),
            connection("replication", Assignment::Static([10, 0, 102, host].into())),
        ],
        gateway: Some([10, 0, 101, 1].into()),
    }
}

pub(crate) fn port(server: u8, number: u8) -> PortId {
    PortId {
        switch: format!("lan-{}", 1 + (number - 1) % 2).parse().unwrap(),
        port: format!("1/g{}", server * 8 + number).parse().unwrap(),
    }
}

/// A server with a NIC on each of those channels, odd ones on the first switch, even ones on the
/// second.
pub(crate) fn cabling(server: u8, channels: impl IntoIterator<Item = u8>) -> Cabling {
    let cable = |number| {
        let cable = Cable {
            mac: MacAddr6::new(2, 0, 0, 0, server, number),
            port: port(server, number),
        };
        (channel(number), cable)
    };
    Cabling::new(channels.into_iter().map(cable).collect()).unwrap()
}

/// Any networks on channels 1 to 6, with VLANs and subnets of their own, from those VLANs.
pub(crate) fn any_networks(vlans: std::ops::Range<u16>) -> impl Strategy<Value = Networks> {
    let names = ["scn", "mapi", "replication", "backup", "web"];
    let vlans = subsequence(vlans.collect::<Vec<_>>(), names.len()).prop_shuffle();
    let pair = subsequence((1..=6).collect::<Vec<u8>>(), 2).prop_shuffle();
    let pairs = proptest::collection::vec(pair, names.len());
    (vlans, pairs).prop_map(move |(vlans, pairs)| {
        let described = names.iter().zip(vlans).zip(pairs);
        let all = described.map(|((text, vlan), pair)| network(text, vlan, pair[0], pair[1]));
        Networks::new(all.collect()).unwrap()
    })
}

/// A persona on any of those networks.
pub(crate) fn any_connections() -> impl Strategy<Value = Connections> {
    let names = vec!["scn", "mapi", "replication", "backup", "web"];
    let connected = subsequence(names, 0..=5);
    (select(vec![Mode::Trunk, Mode::Access]), connected).prop_map(|(mode, names)| Connections {
        mode,
        connections: names
            .into_iter()
            .map(|text| Connection {
                network: name(text),
                assignment: Assignment::Pool,
            })
            .collect(),
        gateway: None,
    })
}

/// A server with any of the channels.
pub(crate) fn any_cabling(server: u8) -> impl Strategy<Value = Cabling> {
    subsequence((1..=6).collect::<Vec<u8>>(), 0..=6)
        .prop_map(move |channels| cabling(server, channels))
}

/// Those channels as a set.
pub(crate) fn channels(numbers: &[u8]) -> BTreeSet<Channel> {
    numbers.iter().copied().map(channel).collect()
}

/// Which channel should carry which network.
pub(crate) fn carrying(carriers: &[(&str, u8)]) -> BTreeMap<NetworkName, Channel> {
    carriers
        .iter()
        .map(|&(text, number)| (name(text), channel(number)))
        .collect()
}
