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
fn a_plan_survives_the_wire() {
    let plan = plan(Mode::Trunk, 1);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<GuestPlan>(&json).unwrap(), plan);
}
