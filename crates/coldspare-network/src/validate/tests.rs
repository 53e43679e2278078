use coldspare_names::PortId;
use ipnet::Ipv4Net;
use proptest::prelude::*;

use super::*;
use crate::port_plan;
use crate::study::*;

fn persona(number: u8) -> PersonaName {
    format!("exchange-{number}").parse().unwrap()
}

fn study() -> Networks {
    Networks::new(table_2()).unwrap()
}

/// The study's connections with the MAPI address replaced.
fn with_mapi(assignment: Assignment) -> Connections {
    let mut connected = exchange(Mode::Trunk, 11);
    connected.connections[1].assignment = assignment;
    connected
}

#[test]
fn the_study_is_in_order() {
    let of_study = |number| exchange(Mode::Trunk, 10 + number);
    let all = [1, 2]
        .map(|number| (persona(number), of_study(number)))
        .into();
    assert_eq!(personas(&all, &study()), []);
    assert_eq!(server(&of_study(1), &study(), &cabling(1, 1..=4)), []);
}

#[test]
fn names_vlans_and_subnets_belong_to_one_network() {
    let first = network("mapi", 101, 3, 4);
    let same_name = network("mapi", 102, 3, 4);
    let same_vlan = LogicalNetwork {
        subnet: "10.9.0.0/16".parse().unwrap(),
        ..network("web", 101, 3, 4)
    };
    let larger = LogicalNetwork {
        subnet: "10.0.0.0/8".parse().unwrap(),
        ..network("everything", 7, 3, 4)
    };
    let host_bits = LogicalNetwork {
        subnet: "192.168.1.1/24".parse().unwrap(),
        ..network("sloppy", 8, 3, 4)
    };
    assert_eq!(
        networks(&[first.clone(), same_name]),
        [Problem::NetworkTwice {
            network: name("mapi")
        }]
    );
    assert_eq!(
        networks(&[first.clone(), same_vlan]),
        [Problem::VlanTwice {
            vlan: vlan(101),
            network: name("mapi"),
            other: name("web"),
        }]
    );
    assert_eq!(
        networks(&[first.clone(), larger]),
        [Problem::SubnetsOverlap {
            network: name("mapi"),
            subnet: first.subnet,
            other: name("everything"),
        }]
    );
    assert_eq!(
        networks(&[host_bits]),
        [Problem::SubnetHasHostBits {
            network: name("sloppy"),
            subnet: "192.168.1.1/24".parse().unwrap(),
        }]
    );
}

#[test]
fn a_static_address_is_a_hosts_address_inside_its_network() {
    let problem = |assignment| connections(&with_mapi(assignment), &study());
    let at = |address: [u8; 4]| problem(Assignment::Static(address.into()));
    let network = name("mapi");
    assert_eq!(at([10, 0, 101, 77]), []);
    assert_eq!(
        at([10, 0, 102, 11]),
        [Problem::AddressOutside {
            network: network.clone(),
            address: [10, 0, 102, 11].into(),
            subnet: "10.0.101.0/24".parse().unwrap(),
        }]
    );
    for end in [[10, 0, 101, 0], [10, 0, 101, 255]] {
        let (network, address) = (network.clone(), end.into());
        assert_eq!(at(end), [Problem::AddressReserved { network, address }]);
    }
    assert_eq!(
        problem(Assignment::Pool),
        [Problem::StaticAddressMissing { network }]
    );
}

#[test]
fn on_a_link_of_two_addresses_both_are_hosts() {
    let link = LogicalNetwork {
        subnet: "10.0.101.10/31".parse().unwrap(),
        ..network("mapi", 101, 3, 4)
    };
    let mut described = table_2();
    described[1] = link;
    let mut connected = with_mapi(Assignment::Static([10, 0, 101, 11].into()));
    connected.gateway = Some([10, 0, 101, 10].into());
    assert_eq!(
        connections(&connected, &Networks::new(described).unwrap()),
        []
    );
}

#[test]
fn two_personas_cannot_have_one_address() {
    let same = exchange(Mode::Trunk, 11);
    let all = [1, 2].map(|number| (persona(number), same.clone())).into();
    let twice = |address: [u8; 4]| Problem::AddressTwice {
        address: address.into(),
        persona: persona(1),
        other: persona(2),
    };
    assert_eq!(
        personas(&all, &study()),
        [twice([10, 0, 101, 11]), twice([10, 0, 102, 11])]
    );
}

#[test]
fn a_persona_is_told_with_its_own_problems() {
    let mut unknown = with_mapi(Assignment::Pool);
    unknown.connections[1].network = name("nowhere");
    unknown.gateway = None;
    let found = personas(&[(persona(1), unknown)].into(), &study());
    let problem = Problem::NetworkUnknown {
        network: name("nowhere"),
    };
    assert_eq!(found, [problem.of_persona(&persona(1))]);
    assert_eq!(
        found[0].to_string(),
        "persona exchange-1: network nowhere is not described"
    );
}

#[test]
fn a_network_is_connected_once() {
    let mut twice = exchange(Mode::Trunk, 11);
    twice.connections.push(twice.connections[0].clone());
    let problem = Problem::ConnectedTwice {
        network: name("scn"),
    };
    assert_eq!(
        connections(&twice, &study()),
        std::slice::from_ref(&problem)
    );
    assert_eq!(
        port_plan(&twice, &study(), &cabling(1, 1..=4)),
        Err(problem)
    );
}

#[test]
fn a_gateway_is_another_host_of_a_connected_network() {
    for gateway in [[10, 0, 101, 11], [10, 0, 101, 255], [192, 168, 0, 1]] {
        let gateway = gateway.into();
        let mut connected = with_mapi(Assignment::Static([10, 0, 101, 11].into()));
        connected.gateway = Some(gateway);
        assert_eq!(
            connections(&connected, &study()),
            [Problem::GatewayUnreachable { gateway }]
        );
    }
}

#[test]
fn access_mode_offers_no_channel_failover_and_one_network_per_channel() {
    let plain = exchange(Mode::Access, 11);
    let found = connections(&plain, &study());
    let wanted = ["mapi", "replication", "scn"];
    let failover = |text| Problem::FailoverInAccessMode {
        network: name(text),
    };
    assert_eq!(found, wanted.map(failover));

    let mut described = table_2();
    described[2] = network("replication", 102, 3, 4);
    let crowded = Networks::new(described).unwrap();
    let shared = Problem::ChannelShared {
        channel: channel(3),
        network: name("mapi"),
        other: name("replication"),
    };
    assert!(connections(&plain, &crowded).contains(&shared));
    assert_eq!(port_plan(&plain, &crowded, &cabling(1, 1..=4)), Err(shared));
}

#[test]
fn every_channel_that_a_server_lacks_is_named() {
    let connected = exchange(Mode::Trunk, 11);
    let missing = |text, number| Problem::ChannelMissing {
        network: name(text),
        channel: channel(number),
    };
    assert_eq!(
        server(&connected, &study(), &cabling(1, [1, 2, 3])),
        [missing("mapi", 4), missing("replication", 4)]
    );
}

#[test]
fn uplinks_and_unmanaged_switches_are_kept_out_of_plans() {
    let connected = exchange(Mode::Trunk, 11);
    let plan = port_plan(&connected, &study(), &cabling(1, 1..=4)).unwrap();
    let PortId { switch, port: _ } = port(1, 1);
    let first = [port(1, 1).port].into();
    let managed = [(switch, first)].into();
    let unmanaged = [port(1, 3), port(1, 2), port(1, 4)];
    assert_eq!(
        ports(&plan, &managed),
        unmanaged.map(|port| Problem::PortUnmanaged { port })
    );
}

proptest! {
    #[test]
    fn overlapping_subnets_are_found_as_by_comparing_all_with_all(
        subnets in proptest::collection::vec((0..8_u8, 24..32_u8), 0..8),
    ) {
        let described: Vec<_> = subnets
            .iter()
            .zip(1..)
            .map(|(&(last, prefix), number)| LogicalNetwork {
                subnet: Ipv4Net::new([10, 0, 0, last * 32].into(), prefix).unwrap().trunc(),
                ..network(&format!("network-{number}"), number, 1, 2)
            })
            .collect();
        let overlapping = described.iter().enumerate().any(|(i, one)| {
            described[..i].iter().any(|other| {
                one.subnet.contains(&other.subnet) || other.subnet.contains(&one.subnet)
            })
        });
        prop_assert_eq!(!networks(&described).is_empty(), overlapping);
    }
}
