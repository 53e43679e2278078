use super::*;
use crate::study::{cabling, channel, exchange, name, table_2, vlan};

fn plan(mode: Mode, server: u8) -> GuestPlan {
    let networks = Networks::new(table_2()).unwrap();
    guest_plan(&exchange(mode, 11), &networks, &cabling(server, 1..=4)).unwrap()
}

#[test]
fn in_trunk_mode_a_network_has_tagged_interfaces_on_both_channels() {
    let mapi = &plan(Mode::Trunk, 1).networks[&name("mapi")];
    assert_eq!(mapi.tag, Some(vlan(101)));
    let both = ChannelPair::new(channel(3), Some(channel(4))).unwrap();
    assert_eq!(mapi.channels, both);
}

#[test]
fn in_access_mode_a_network_has_the_plain_interface_of_its_primary_channel() {
    let plan = plan(Mode::Access, 1);
    let mapi = &plan.networks[&name("mapi")];
    assert_eq!(mapi.tag, None);
    assert_eq!(mapi.channels, ChannelPair::new(channel(3), None).unwrap());
    assert!(
        !plan.nics.contains_key(&channel(2)),
        "no network uses channel 2"
    );
}

#[test]
fn addresses_move_with_the_persona_and_only_its_nics_are_others() {
    let (here, there) = (plan(Mode::Trunk, 1), plan(Mode::Trunk, 2));
    assert_eq!(here.networks, there.networks);
    assert_eq!(here.gateway, there.gateway);
    assert_ne!(here.nics, there.nics);
    let address = |text| here.networks[&name(text)].address;
    assert_eq!(address("mapi"), "10.0.101.11/24".parse().ok());
    assert_eq!(address("scn"), None, "the network hands one out");
}

#[test]
fn with_an_address_on_each_channel_a_network_is_two_that_never_fail_over() {
    let networks = Networks::new(table_2()).unwrap();
    let mut connections = exchange(Mode::Trunk, 11);
    let scn = connections.connections.iter_mut();
    for connection in scn.filter(|connection| connection.network == name("scn")) {
        connection.assignment = Assignment::OnEachChannel {
            primary: [10, 0, 4, 11].into(),
            secondary: [10, 0, 4, 12].into(),
        };
    }
    let at = |cabling: &Cabling| {
        let plan = guest_plan(&connections, &networks, cabling).unwrap();
        let scn = |name: &NetworkName| {
            let network = plan.networks.get(name)?;
            assert_eq!(network.channels.secondary(), None);
            Some((network.channels.primary(), network.address?.addr()))
        };
        (scn(&name("scn")), scn(&on_secondary(&name("scn"))))
    };
    let first = (channel(1), [10, 0, 4, 11].into());
    let second = (channel(2), [10, 0, 4, 12].into());
    assert_eq!(at(&cabling(1, 1..=4)), (Some(first), Some(second)));
    assert_eq!(at(&cabling(1, 2..=4)), (None, Some(second)));
}

#[test]
fn a_plan_survives_the_wire() {
    let plan = plan(Mode::Trunk, 1);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<GuestPlan>(&json).unwrap(), plan);
}
