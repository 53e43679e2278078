//! The adapter on a real Open vSwitch with its user-space datapath: no kernel module is needed.
//!
//! Each test starts daemons of its own in a network namespace of its own, and ends them.
#![expect(clippy::unwrap_used, reason = "these are tests, and their helpers")]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use async_trait::async_trait;
use coldspare_names::{PortName, SwitchName};
use coldspare_network::conformance::switch::check;
use coldspare_network::ovs::OvsSwitch;
use coldspare_network::{
    Error, Membership, Observed, PortStatus, Switch, SwitchPlan, VlanId, park, wire,
};

mod frames;
mod passing;
mod rig;
mod world;

use rig::{OvsRig, set_by_hand};
use world::{MANAGED, World, port};

#[tokio::test]
async fn open_vswitch_passes_the_suite() {
    let Some(world) = World::new("the conformance suite on Open vSwitch") else {
        return;
    };
    let rig = OvsRig::new(world, |switch| Box::new(switch));
    let violations = check(&rig).await;
    assert!(violations.is_empty(), "{violations:#?}");
}

/// Goes through another VLAN on its way.
#[derive(Debug)]
struct Careless(OvsSwitch);

#[async_trait]
impl Switch for Careless {
    fn name(&self) -> &SwitchName {
        self.0.name()
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, Error> {
        self.0.ports().await
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), Error> {
        let through = wanted.keys().map(|port| (port.clone(), access(1)));
        self.0.set_ports(expected, &through.collect()).await?;
        self.0.set_ports(&BTreeMap::new(), wanted).await
    }
}

#[tokio::test]
async fn real_frames_give_a_leak_on_the_way_away() {
    let Some(world) = World::new("the check that a leak is seen") else {
        return;
    };
    let rig = OvsRig::new(world, |switch| Box::new(Careless(switch)));
    let violations = check(&rig).await;
    let leak = violations
        .iter()
        .find(|one| one.check == "leaks-nothing-on-the-way");
    let leak = leak.expect("the leak was not seen");
    assert!(leak.reason.contains("VlanId(1)"), "{leak}");
}

fn vlan(number: u16) -> VlanId {
    VlanId::new(number).unwrap()
}

fn access(number: u16) -> Membership {
    Membership::Access(vlan(number))
}

/// Both managed ports as that.
fn both(membership: &Membership) -> SwitchPlan {
    MANAGED.map(|name| (port(name), membership.clone())).into()
}

fn parked() -> BTreeMap<PortName, Observed> {
    MANAGED
        .map(|name| (port(name), Membership::Parked.into()))
        .into()
}

async fn found(switch: &OvsSwitch) -> SwitchPlan {
    let ports = switch.ports().await.unwrap().into_iter();
    let known = |(port, status): (_, PortStatus)| match status.observed {
        Observed::Known(membership) if status.managed => Some((port, membership)),
        _ => None,
    };
    ports.filter_map(known).collect()
}

#[tokio::test]
async fn of_two_callers_at_once_one_wins_and_nothing_is_mixed() {
    let Some(world) = World::new("two callers at once") else {
        return;
    };
    let (one, other) = (world.switch(), world.switch());
    for _ in 0..40 {
        wire(&one, &both(&Membership::Parked)).await.unwrap();
        let (expected, wishes) = (parked(), [both(&access(101)), both(&access(102))]);
        let answers = tokio::join!(
            one.set_ports(&expected, &wishes[0]),
            other.set_ports(&expected, &wishes[1]),
        );
        let winner = match answers {
            (Ok(()), Err(Error::Conflict { .. })) => &wishes[0],
            (Err(Error::Conflict { .. }), Ok(())) => &wishes[1],
            answers => panic!("{answers:?}"),
        };
        assert_eq!(found(&one).await, *winner);
    }
}

#[tokio::test]
async fn a_caller_killed_between_any_two_exchanges_can_be_run_again() {
    let Some(world) = World::new("callers killed on the way") else {
        return;
    };
    let (switch, wanted) = (world.switch(), both(&access(101)));
    wire(&switch, &both(&Membership::Parked)).await.unwrap();
    for exchanges in 0.. {
        let whole = {
            let (dying, expected) = (world.switch(), parked());
            let mut call = pin!(dying.set_ports(&expected, &wanted));
            let mut left = exchanges;
            poll_fn(|context| match call.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => {
                    left -= 1;
                    Poll::Pending
                }
            })
            .await
        };
        let now = found(&switch).await;
        let nothing_or_all = now == wanted || now == both(&Membership::Parked);
        assert!(nothing_or_all, "killed after {exchanges}: {now:?}");
        switch.set_ports(&parked(), &wanted).await.unwrap();
        assert_eq!(found(&switch).await, wanted);
        wire(&switch, &both(&Membership::Parked)).await.unwrap();
        if let Some(outcome) = whole {
            outcome.unwrap();
            assert!(exchanges > 5, "it was killed {exchanges} times");
            return;
        }
    }
}

#[tokio::test]
async fn a_dead_daemon_is_silence_and_one_that_is_back_goes_on() {
    let Some(mut world) = World::new("daemons that die") else {
        return;
    };
    let (switch, wanted) = (world.switch(), both(&access(101)));
    wire(&switch, &both(&Membership::Parked)).await.unwrap();
    world.kill_daemon();
    let silent = |error: &Error| matches!(error, Error::SwitchSilent { .. });
    let error = switch.ports().await.unwrap_err();
    assert!(
        silent(&error),
        "what the database holds is not what the switch does: {error:?}"
    );
    let error = switch.set_ports(&parked(), &wanted).await.unwrap_err();
    assert!(silent(&error), "{error:?}");
    world.start_daemon();
    switch.set_ports(&parked(), &wanted).await.unwrap();
    assert_eq!(found(&switch).await, wanted);
    world.kill_database();
    let error = switch.ports().await.unwrap_err();
    assert!(silent(&error), "{error:?}");
    world.start_database();
    world.vsctl(&["get", "open_vswitch", ".", "cur_cfg"]);
    assert_eq!(found(&switch).await, wanted);
}

#[tokio::test]
async fn what_a_person_did_is_seen_kept_and_put_right() {
    let Some(world) = World::new("changes by hand") else {
        return;
    };
    let switch = world.switch();
    let [first, second] = MANAGED.map(port);
    let before = switch.ports().await.unwrap();
    let unconfigured = &before[&first].observed;
    assert!(
        matches!(unconfigured, Observed::Foreign(_)),
        "{unconfigured:?}"
    );
    set_by_hand(&world, second.as_str(), &access(102));
    let expected = BTreeMap::from([(first.clone(), unconfigured.clone())]);
    let wanted = SwitchPlan::from([(first.clone(), access(101))]);
    switch.set_ports(&expected, &wanted).await.unwrap();
    assert_eq!(
        found(&switch).await,
        [(first, access(101)), (second, access(102))].into()
    );
    world.vsctl(&["set-controller", world::BRIDGE, "tcp:127.0.0.1:9"]);
    let error = park(&switch, &MANAGED.map(port).into()).await.unwrap_err();
    let Error::SwitchRefused { reason, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(reason, "an OpenFlow controller rules it");
}
