use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::guest_plan;
use crate::study::*;

#[test]
fn the_ports_of_the_study_are_as_in_its_table() {
    let networks = Networks::new(table_2()).unwrap();
    let plan = port_plan(&exchange(Mode::Trunk, 11), &networks, &cabling(1, 1..=5)).unwrap();
    let expected = [
        (1, tagged(&[4004])),
        (2, tagged(&[4004])),
        (3, tagged(&[101, 102])),
        (4, tagged(&[101, 102])),
        (5, Membership::Parked),
    ];
    let expected = expected.map(|(number, membership)| (port(1, number), membership));
    assert_eq!(plan, expected.into_iter().collect());
}

#[test]
fn in_access_mode_each_network_has_its_primary_channel_alone() {
    let networks = Networks::new(table_2()).unwrap();
    let plan = port_plan(&exchange(Mode::Access, 11), &networks, &cabling(1, 1..=4)).unwrap();
    for (number, membership) in [
        (1, Membership::Access(vlan(4004))),
        (2, Membership::Parked),
        (3, Membership::Access(vlan(101))),
        (4, Membership::Access(vlan(102))),
    ] {
        assert_eq!(plan.get(&port(1, number)), Some(&membership));
    }
}

#[test]
fn a_server_with_one_channel_of_two_will_do_and_with_none_will_not() {
    let networks = Networks::new(table_2()).unwrap();
    let connections = exchange(Mode::Trunk, 11);
    let plan = port_plan(&connections, &networks, &cabling(1, [2, 3])).unwrap();
    assert_eq!(plan.get(&port(1, 3)), Some(&tagged(&[101, 102])));
    assert_eq!(
        port_plan(&connections, &networks, &cabling(1, [3, 4])),
        Err(Problem::ChannelMissing {
            network: name("scn"),
            channel: channel(1),
        })
    );
}

#[test]
fn a_plan_survives_the_journal() {
    let networks = Networks::new(table_2()).unwrap();
    let plan = port_plan(&exchange(Mode::Trunk, 11), &networks, &cabling(1, 1..=4)).unwrap();
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<PortPlan>(&json).unwrap(), plan);
}

proptest! {
    #[test]
    fn ports_pass_what_the_guest_uses_and_nothing_else(
        networks in any_networks(100..120),
        connections in any_connections(),
        cabling in any_cabling(1),
    ) {
        let ports = port_plan(&connections, &networks, &cabling);
        let guest = guest_plan(&connections, &networks, &cabling);
        let (Ok(ports), Ok(guest)) = (&ports, &guest) else {
            prop_assert_eq!(ports.err(), guest.err());
            return Ok(());
        };
        prop_assert_eq!(ports.ports().count(), cabling.iter().count(), "every port is decided");
        for (channel, cable) in cabling.iter() {
            let used: BTreeSet<_> = guest
                .networks
                .iter()
                .filter(|(_, network)| network.channels.in_order().any(|own| own == channel))
                .map(|(name, _)| networks.get(name).unwrap().vlan)
                .collect();
            let passed = ports.get(&cable.port).unwrap();
            prop_assert_eq!(passed.vlans(), used.clone());
            prop_assert_eq!(guest.nics.get(&channel), (!used.is_empty()).then_some(&cable.mac));
        }
    }

    #[test]
    fn parking_parks_every_port_of_a_plan(
        networks in any_networks(100..120),
        connections in any_connections(),
        cabling in any_cabling(1),
    ) {
        if let Ok(plan) = port_plan(&connections, &networks, &cabling) {
            let parking = PortPlan::parking(&cabling);
            prop_assert!(plan.ports().all(|(port, _)| parking.get(&port) == Some(&Membership::Parked)));
            prop_assert_eq!(parking.ports().count(), plan.ports().count());
        }
    }
}
