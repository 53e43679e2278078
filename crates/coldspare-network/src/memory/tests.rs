use super::*;
use crate::study::{cabling, channel, exchange, name, port, table_2, tagged, vlan};
use crate::{Error, Guest, Link, Membership, Mode, Networks, Observed, Switch, guest_plan};

fn switch() -> MemorySwitch {
    let switch = MemorySwitch::new("lan-1".parse().unwrap(), [port(1, 1).port]);
    switch.intrude(&port(1, 1).port, tagged(&[101]).into());
    switch
}

#[tokio::test]
async fn frames_pass_only_while_switch_cable_and_host_are_there() {
    let (switch, port) = (switch(), port(1, 1).port);
    let levers: [&dyn Fn(bool); 3] = [
        &|there| switch.set_powered(there),
        &|there| switch.set_cabled(&port, there),
        &|there| switch.set_host_powered(&port, there),
    ];
    assert!(
        !switch.carries(&port, vlan(102)),
        "it is no member of that VLAN"
    );
    for lever in levers {
        lever(false);
        assert!(!switch.carries(&port, vlan(101)));
        assert_eq!(switch.truth()[&port].link, Link::Down);
        lever(true);
        assert!(switch.carries(&port, vlan(101)));
    }
}

#[tokio::test]
async fn a_switch_without_power_answers_nothing_and_forgets_nothing() {
    let (switch, port) = (switch(), port(1, 1).port);
    switch.set_powered(false);
    let answer = switch.ports().await;
    assert!(
        matches!(answer, Err(Error::SwitchSilent { .. })),
        "{answer:?}"
    );
    switch.set_powered(true);
    assert!(
        switch.ports().await.unwrap()[&port]
            .observed
            .is(&tagged(&[101]))
    );
}

#[tokio::test]
async fn a_switch_that_forgot_its_configuration_passes_everything() {
    let (switch, port) = (switch(), port(1, 1).port);
    switch.lose_configuration();
    let found = switch.ports().await.unwrap();
    assert!(matches!(found[&port].observed, Observed::Foreign(_)));
    assert!(switch.carries(&port, vlan(4004)));
}

#[tokio::test]
async fn faults_of_a_switch_do_what_they_say() {
    for (fault, answers, changes) in [
        (None, true, true),
        (Some(Fault::Silent), false, false),
        (Some(Fault::Refuses), false, false),
        (Some(Fault::Ignores), true, false),
        (Some(Fault::LosesAnswer), false, true),
    ] {
        let (switch, port) = (switch(), port(1, 1).port);
        switch.set_fault(fault);
        let wanted = [(port.clone(), Membership::Parked)].into();
        let answer = switch.set_ports(&[].into(), &wanted).await;
        assert_eq!(answer.is_ok(), answers, "{fault:?}");
        let changed = switch.truth()[&port].observed.is(&Membership::Parked);
        assert_eq!(changed, changes, "{fault:?}");
    }
}

fn guest() -> MemoryGuest {
    let cabling = cabling(1, 1..=4);
    let nics = cabling.iter().map(|(_, cable)| cable.mac);
    MemoryGuest::new("exchange-1".parse().unwrap(), nics)
}

#[tokio::test]
async fn faults_of_a_guest_do_what_they_say() {
    for (fault, answers, changes) in [
        (None, true, true),
        (Some(Fault::Silent), false, false),
        (Some(Fault::Refuses), false, false),
        (Some(Fault::Ignores), true, false),
        (Some(Fault::LosesAnswer), false, true),
    ] {
        let guest = guest();
        guest.set_fault(fault);
        assert_eq!(guest.shut_down().await.is_ok(), answers, "{fault:?}");
        assert_eq!(guest.is_shutting_down(), changes, "{fault:?}");
    }
}

#[tokio::test]
async fn a_guest_that_boots_elsewhere_begins_with_nothing() {
    let guest = guest();
    let networks = Networks::new(table_2()).unwrap();
    let plan = guest_plan(&exchange(Mode::Trunk, 11), &networks, &cabling(1, 1..=4)).unwrap();
    guest.set_plan(&plan).await.unwrap();
    guest.shut_down().await.unwrap();
    let before = guest.interfaces().await.unwrap();
    assert_eq!(before.carriers[&name("mapi")], channel(3));

    guest.boot(before.nics.clone());
    let after = guest.interfaces().await.unwrap();
    assert!(after.carriers.is_empty() && after.configured.networks.is_empty());
    assert!(!guest.is_shutting_down());

    guest.boot(before.nics.clone());
    guest.configure_itself(&plan);
    assert_eq!(
        guest.truth().configured,
        plan,
        "its image was made for these NICs"
    );
    guest.boot(Vec::new());
    guest.configure_itself(&plan);
    assert!(guest.truth().configured.nics.is_empty());
}
