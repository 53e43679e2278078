//! The world as the conformance suite wants it, with traffic in every VLAN all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::{PortName, SwitchName};
use coldspare_network::conformance::switch::Rig;
use coldspare_network::ovs::OvsSwitch;
use coldspare_network::{Link, Membership, Switch, VlanId};

use super::frames::{Nic, travel};
use super::world::{MANAGED, UPLINK, VLANS, World, port};

type Passed = Arc<Mutex<BTreeMap<PortName, BTreeSet<VlanId>>>>;

pub(crate) struct OvsRig {
    world: World,
    make: fn(OvsSwitch) -> Box<dyn Switch>,
    passed: Passed,
    stop: Arc<AtomicBool>,
    traffic: Option<JoinHandle<()>>,
}

impl OvsRig {
    /// The switch may be made into something else before it is checked.
    pub(crate) fn new(world: World, make: fn(OvsSwitch) -> Box<dyn Switch>) -> Self {
        let (passed, stop) = (Passed::default(), Arc::new(AtomicBool::new(false)));
        let traffic = traffic(&world, passed.clone(), stop.clone());
        Self {
            world,
            make,
            passed,
            stop,
            traffic: Some(traffic),
        }
    }
}

/// Frames in every VLAN, to whoever is there, and who has heard them.
fn traffic(world: &World, passed: Passed, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let nic = |name: &str| Nic::new(&world.namespace, &format!("h{name}"));
    let speakers = VLANS.map(|vlan| (vlan, nic(&format!("v{vlan}"))));
    let listeners = MANAGED.map(|name| (port(name), nic(name)));
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            for (vlan, speaker) in &speakers {
                speaker.send(None, *vlan);
            }
            let mut passed = passed.lock().unwrap();
            for (port, listener) in &listeners {
                let vlans = listener.heard().into_iter().map(VlanId::new);
                let seen = passed.entry(port.clone()).or_default();
                seen.extend(vlans.map(Result::unwrap));
            }
            drop(passed);
            #[expect(
                clippy::disallowed_methods,
                reason = "a thread of its own plays the world"
            )]
            thread::sleep(Duration::from_micros(300));
        }
    })
}

impl Drop for OvsRig {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.traffic.take().map(JoinHandle::join);
    }
}

/// A membership set by a person, in words that owe nothing to the adapter's.
pub(crate) fn set_by_hand(world: &World, port: &str, membership: &Membership) {
    let list = |vlans: BTreeSet<VlanId>| {
        let numbers: Vec<_> = vlans.iter().map(VlanId::to_string).collect();
        format!("[{}]", numbers.join(","))
    };
    let trunks = list(membership.vlans());
    let (mode, tag, trunks, protected) = match membership {
        Membership::Parked => ("trunk", None, "4095", true),
        Membership::Access(vlan) => ("access", Some(*vlan), "[]", false),
        Membership::Trunk(trunk) => match trunk.native() {
            None => ("trunk", None, trunks.as_str(), false),
            native => ("native-untagged", native, trunks.as_str(), false),
        },
    };
    world.vsctl(&[
        "set",
        "port",
        port,
        &format!("vlan_mode={mode}"),
        &format!("tag={}", list(tag.into_iter().collect())),
        &format!("trunks={trunks}"),
        &format!("protected={protected}"),
    ]);
}

#[async_trait]
impl Rig for OvsRig {
    async fn fresh(&self) -> Box<dyn Switch> {
        for name in MANAGED {
            set_by_hand(&self.world, name, &Membership::Parked);
            self.set_link(&port(name), Link::Up).await;
        }
        self.world.appctl("revalidator/purge");
        travel().await;
        self.passed.lock().unwrap().clear();
        (self.make)(self.world.switch())
    }

    fn name(&self) -> SwitchName {
        "lan-1".parse().unwrap()
    }

    fn managed(&self) -> [PortName; 2] {
        MANAGED.map(port)
    }

    fn uplink(&self) -> PortName {
        port(UPLINK)
    }

    async fn intrude(&self, port: &PortName, membership: &Membership) {
        set_by_hand(&self.world, port.as_str(), membership);
    }

    async fn set_link(&self, port: &PortName, link: Link) {
        let state = match link {
            Link::Up => "up",
            Link::Down => "down",
        };
        self.world.ip(&["link", "set", &format!("h{port}"), state]);
        let is_so = format!("link_state={state}");
        self.world
            .vsctl(&["wait-until", "interface", port.as_str(), &is_so]);
    }

    async fn passed(&self) -> BTreeMap<PortName, BTreeSet<VlanId>> {
        travel().await;
        self.passed.lock().unwrap().clone()
    }
}
