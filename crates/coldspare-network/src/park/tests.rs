use async_trait::async_trait;
use mockall::predicate::eq;
use mockall::{Sequence, mock};

use super::*;
use crate::memory::{Fault, MemorySwitch};
use crate::study::{tagged, vlan};
use crate::{Link, Observed, PortStatus};

mock! {
    #[derive(Debug)]
    Device {}

    #[async_trait]
    impl Switch for Device {
        fn name(&self) -> &SwitchName;
        async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error>;
        async fn set_ports(
            &self,
            expected: &BTreeMap<PortName, Observed>,
            wanted: &SwitchPlan,
        ) -> Result<(), Error>;
    }
}

fn port(number: u8) -> PortName {
    format!("1/g{number}").parse().unwrap()
}

fn lan() -> SwitchName {
    "lan-1".parse().unwrap()
}

fn ports(numbers: &[u8]) -> BTreeSet<PortName> {
    numbers.iter().copied().map(port).collect()
}

/// Ports 1 and 2 are managed, and port 2 passes VLAN 101; port 9 is an uplink.
fn switch() -> MemorySwitch {
    let switch = MemorySwitch::new(lan(), [port(1), port(2)]);
    let switch = switch.with_unmanaged(port(9), Observed::Foreign("every VLAN".to_owned()));
    switch.intrude(&port(2), tagged(&[101]).into());
    switch
}

#[tokio::test]
async fn parking_leaves_evidence_that_names_what_was_parked() {
    let switch = switch();
    let parked = park(&switch, &ports(&[1, 2])).await.unwrap();
    assert_eq!((parked.switch(), parked.ports()), (&lan(), &ports(&[1, 2])));
    assert!(!switch.carries(&port(2), vlan(101)));
    assert_eq!(read_parked(&switch, &ports(&[1, 2])).await.unwrap(), parked);
    assert!(serde_json::to_string(&parked).unwrap().contains("1/g2"));
}

#[tokio::test]
async fn looking_again_changes_nothing_and_finds_what_somebody_plugged_back() {
    let switch = switch();
    let again = read_parked(&switch, &ports(&[1, 2])).await;
    assert!(matches!(again, Err(Error::NotAsWanted { .. })), "{again:?}");
    assert!(switch.carries(&port(2), vlan(101)));
}

#[tokio::test]
async fn a_port_that_leaks_every_vlan_can_be_parked() {
    let switch = switch();
    switch.lose_configuration();
    assert!(switch.carries(&port(1), vlan(4004)));
    park(&switch, &ports(&[1, 2])).await.unwrap();
    assert!(!switch.carries(&port(1), vlan(4004)));
}

#[tokio::test]
async fn nothing_but_a_true_reading_is_evidence() {
    for fault in [
        Fault::Silent,
        Fault::Refuses,
        Fault::Ignores,
        Fault::LosesAnswer,
    ] {
        let switch = switch();
        switch.set_fault(Some(fault));
        let answer = park(&switch, &ports(&[1, 2])).await;
        let error = answer.expect_err("a fault is no evidence");
        assert!(error.try_again(), "{fault:?}: {error}");
    }
    let switch = switch();
    switch.set_powered(false);
    let dark = park(&switch, &ports(&[1])).await;
    assert!(matches!(dark, Err(Error::SwitchSilent { .. })), "{dark:?}");
}

#[tokio::test]
async fn after_a_lost_answer_the_same_call_finds_the_work_done() {
    let switch = switch();
    switch.set_fault(Some(Fault::LosesAnswer));
    park(&switch, &ports(&[2])).await.unwrap_err();
    park(&switch, &ports(&[2])).await.unwrap();
}

#[tokio::test]
async fn whoever_sets_a_port_between_our_look_and_our_change_wins() {
    let switch = switch();
    let theirs = Observed::from(tagged(&[102]));
    switch.intrude_before_next_change(&port(2), theirs.clone());
    let answer = park(&switch, &ports(&[1, 2])).await;
    assert!(matches!(answer, Err(Error::Conflict { .. })), "{answer:?}");
    assert_eq!(switch.truth()[&port(2)].observed, theirs);
    park(&switch, &ports(&[1, 2])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_switch_takes_its_time_and_no_more() {
    let switch = switch();
    switch.set_latency(std::time::Duration::from_secs(3));
    let limit = std::time::Duration::from_millis(9001);
    let answer = tokio::time::timeout(limit, park(&switch, &ports(&[1, 2]))).await;
    answer.expect("a look, a change and a look").unwrap();
}

#[tokio::test]
async fn uplinks_and_unknown_ports_are_refused_before_anything_is_set() {
    for unmanaged in [9, 77] {
        let mut device = MockDevice::new();
        let truth = switch().truth();
        device.expect_name().return_const(lan());
        device
            .expect_ports()
            .times(1)
            .returning(move || Ok(truth.clone()));
        device.expect_set_ports().never();
        let answer = park(&device, &ports(&[1, unmanaged])).await;
        assert!(
            matches!(answer, Err(Error::PortUnmanaged { .. })),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn ports_are_read_then_set_against_what_was_read_then_read_again() {
    let status = |observed: Observed| PortStatus {
        observed,
        link: Link::Up,
        managed: true,
    };
    let before = Observed::from(tagged(&[101]));
    let after = Membership::Access(vlan(102));
    let plan = SwitchPlan::from([(port(1), after.clone())]);

    let mut device = MockDevice::new();
    let mut order = Sequence::new();
    let found = BTreeMap::from([(port(1), status(before.clone()))]);
    let made = BTreeMap::from([(port(1), status(after.into()))]);
    let reads = |device: &mut MockDevice, order: &mut Sequence, report: BTreeMap<_, _>| {
        let expectation = device.expect_ports().times(1).in_sequence(order);
        expectation.returning(move || Ok(report.clone()));
    };
    reads(&mut device, &mut order, found);
    device
        .expect_set_ports()
        .with(eq(BTreeMap::from([(port(1), before)])), eq(plan.clone()))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(()));
    reads(&mut device, &mut order, made);
    wire(&device, &plan).await.unwrap();
}
