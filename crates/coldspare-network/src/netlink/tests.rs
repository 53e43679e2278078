//! Any plan after any other, on a kernel that is modelled with its quirks.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::Channel;
use ipnet::Ipv4Net;
use macaddr::MacAddr6;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::found::{Found, Interface, Kind, Mark, Role};
use super::operation::{Operation, operations};
use crate::study::{channel, name, vlan};
use crate::{ChannelPair, GuestNetwork, GuestPlan, Mtu, carriers};

const NICS: u8 = 3;

fn mac(number: u8) -> MacAddr6 {
    MacAddr6::new(2, 0, 0, 0, 0, number)
}

/// A kernel with three NICs that are down, a foreign NIC, and a foreign sub-interface.
struct Model {
    found: Found,
    cabled: BTreeSet<u32>,
}

impl Model {
    fn booted() -> Self {
        let nic = |number: u8| Interface {
            index: number.into(),
            name: format!("eth{number}"),
            kind: Kind::Nic(mac(number)),
            mark: None,
            mtu: 1500,
            is_up: false,
            has_link: false,
            addresses: [].into(),
        };
        let mut interfaces: Vec<_> = (1..=NICS + 1).map(nic).collect();
        interfaces[usize::from(NICS)].addresses = ["192.0.2.9/24".parse().unwrap()].into();
        let (over, tag) = (4, vlan(101));
        interfaces.push(Interface {
            index: 9,
            name: "eth4.101".to_owned(),
            kind: Kind::Tagged { over, tag },
            ..nic(0)
        });
        let found = Found {
            interfaces,
            gateway: None,
        };
        let cabled = (1..=NICS).map(u32::from).collect();
        Self { found, cabled }
    }

    fn foreign(&self) -> Vec<Interface> {
        let foreign = |one: &&Interface| one.index == 4 || one.index == 9;
        self.found
            .interfaces
            .iter()
            .filter(foreign)
            .cloned()
            .collect()
    }

    fn plug(&mut self, cabled: BTreeSet<u32>) {
        self.cabled = cabled;
        self.follow();
    }

    /// Links follow cables, and sub-interfaces their NICs.
    fn follow(&mut self) {
        let up: BTreeMap<u32, bool> = self
            .found
            .interfaces
            .iter()
            .map(|one| (one.index, one.is_up && self.cabled.contains(&one.index)))
            .collect();
        for one in &mut self.found.interfaces {
            one.has_link = one.is_up
                && match one.kind {
                    Kind::Nic(_) => up[&one.index],
                    Kind::Tagged { over, .. } => up[&over],
                };
        }
    }

    fn at(&mut self, name: &str) -> &mut Interface {
        self.found
            .interfaces
            .iter_mut()
            .find(|one| one.name == name)
            .unwrap()
    }

    fn lose_routes(&mut self, index: u32) {
        self.found.gateway = self.found.gateway.filter(|(_, over)| *over != index);
    }

    fn perform(&mut self, operation: &Operation) {
        match operation {
            Operation::RemoveGateway(router) => {
                assert_eq!(self.found.gateway.take().map(|(by, _)| by), Some(*router));
            }
            Operation::AddGateway(router, name) => {
                let one = self.at(name);
                assert!(one.is_up && one.addresses.iter().any(|net| net.contains(router)));
                let index = one.index;
                assert_eq!(self.found.gateway.replace((*router, index)), None);
            }
            Operation::RemoveInterface { index, .. } => {
                self.lose_routes(*index);
                self.found.interfaces.retain(|one| one.index != *index);
            }
            Operation::CreateTagged { name, over, tag } => {
                let kind = Kind::Tagged {
                    over: *over,
                    tag: *tag,
                };
                let interfaces = &mut self.found.interfaces;
                assert!(
                    !interfaces
                        .iter()
                        .any(|one| one.name == *name || one.kind == kind)
                );
                let under = interfaces.iter().find(|one| one.index == *over).unwrap();
                let index = 1 + interfaces.iter().map(|one| one.index).max().unwrap();
                let made = Interface {
                    index,
                    name: name.clone(),
                    kind,
                    mark: None,
                    is_up: false,
                    addresses: [].into(),
                    ..under.clone()
                };
                interfaces.push(made);
            }
            Operation::SetMark(name, mark) => self.at(name).mark.clone_from(mark),
            Operation::SetMtu(name, mtu) => self.at(name).mtu = *mtu,
            Operation::BringDown(name) => {
                let one = self.at(name);
                one.is_up = false;
                let index = one.index;
                self.lose_routes(index);
            }
            Operation::BringUp(name) => {
                let one = self.at(name);
                one.is_up = true;
                let nic = one.index;
                for one in &mut self.found.interfaces {
                    one.is_up |= matches!(one.kind, Kind::Tagged { over, .. } if over == nic);
                }
            }
            Operation::AddAddress(name, net) => {
                let twice = self
                    .found
                    .interfaces
                    .iter()
                    .any(|one| one.addresses.contains(net));
                assert!(!twice, "{net} would be on two interfaces");
                self.at(name).addresses.insert(*net);
            }
            Operation::RemoveAddress(name, net) => {
                let one = self.at(name);
                assert!(one.addresses.remove(net));
                let (index, last) = (one.index, one.addresses.is_empty());
                if last {
                    self.lose_routes(index);
                }
            }
        }
        self.follow();
    }

    fn set_plan(&mut self, plan: &GuestPlan) {
        for operation in operations(&self.found, plan).unwrap() {
            self.perform(&operation);
        }
    }
}

/// A plan in one mode, for those NICs in any order.
fn any_plan() -> impl Strategy<Value = GuestPlan> {
    let networks = subsequence(vec!["mapi", "replication", "backup"], 0..=3);
    let pairs = proptest::collection::vec(
        subsequence((1..=NICS).collect::<Vec<_>>(), 2).prop_shuffle(),
        3,
    );
    let mtus = proptest::collection::vec(select(vec![1400, 1500, 9000]), 3);
    let macs = Just((1..=NICS).collect::<Vec<_>>()).prop_shuffle();
    let addressed = proptest::collection::vec(any::<bool>(), 3);
    (
        networks,
        pairs,
        mtus,
        macs,
        addressed,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(names, pairs, mtus, macs, addressed, is_trunk, is_routed)| {
                let mut plan = GuestPlan::default();
                for (position, text) in (0_u8..).zip(&names) {
                    let at = usize::from(position);
                    let channels = if is_trunk {
                        ChannelPair::new(channel(pairs[at][0]), Some(channel(pairs[at][1])))
                    } else {
                        ChannelPair::new(channel(position + 1), None)
                    };
                    let address: Ipv4Net = format!("10.0.{position}.11/24").parse().unwrap();
                    let network = GuestNetwork {
                        tag: is_trunk.then(|| vlan(101 + u16::from(position))),
                        channels: channels.unwrap(),
                        address: addressed[at].then_some(address),
                        mtu: Mtu::new(mtus[at]).unwrap(),
                    };
                    if is_routed && addressed[at] {
                        plan.gateway = Some([10, 0, position, 1].into());
                    }
                    plan.networks.insert(name(text), network);
                }
                let nics = (1..).map(channel).zip(macs.into_iter().map(mac));
                plan.nics = nics.collect();
                plan
            },
        )
}

fn any_cables() -> impl Strategy<Value = BTreeSet<u32>> {
    subsequence(
        (1..=u32::from(NICS)).collect::<Vec<_>>(),
        0..=usize::from(NICS),
    )
    .prop_map(|cabled| cabled.into_iter().collect())
}

proptest! {
    #[test]
    fn any_plan_after_any_other_is_reached_and_then_left_alone(
        plans in proptest::collection::vec((any_plan(), any_cables()), 1..4),
    ) {
        let mut kernel = Model::booted();
        let foreign = kernel.foreign();
        for (plan, cables) in plans {
            kernel.plug(cables);
            kernel.set_plan(&plan);
            prop_assert_eq!(&kernel.found.interfaces().configured, &plan);
            // NICs that were down until now have told nothing of their links.
            kernel.set_plan(&plan);
            prop_assert_eq!(operations(&kernel.found, &plan), Ok(Vec::new()));
            let up = kernel.found.channels_up(&plan);
            prop_assert_eq!(kernel.found.interfaces().carriers, carriers(&plan, &up));
            prop_assert_eq!(kernel.foreign(), foreign.clone());
        }
    }

    #[test]
    fn networks_follow_their_links_and_stay_where_they_are_when_there_is_none(
        plan in any_plan(), cables in proptest::collection::vec(any_cables(), 1..5),
    ) {
        let mut kernel = Model::booted();
        kernel.set_plan(&plan);
        kernel.set_plan(&plan);
        for cables in cables {
            kernel.plug(cables);
            let configured = kernel.found.interfaces().configured;
            prop_assert_eq!(&configured, &plan, "a link is no part of the plan");
            kernel.set_plan(&configured);
            let up = kernel.found.channels_up(&plan);
            prop_assert_eq!(kernel.found.interfaces().carriers, carriers(&plan, &up));
        }
        kernel.plug([].into());
        prop_assert_eq!(operations(&kernel.found, &plan), Ok(Vec::new()));
    }

    #[test]
    fn whatever_was_cut_off_halfway_is_completed(
        before in any_plan(), plan in any_plan(), done in 0..40_usize,
    ) {
        let mut kernel = Model::booted();
        kernel.set_plan(&before);
        for operation in operations(&kernel.found, &plan).unwrap().iter().take(done) {
            kernel.perform(operation);
        }
        kernel.set_plan(&plan);
        prop_assert_eq!(kernel.found.interfaces().configured, plan);
    }

    #[test]
    fn a_mark_says_again_what_it_was_made_of(number in 1..=64_u8, text in "[a-z of]{1,20}") {
        let Ok(network) = text.parse() else { return Ok(()) };
        let Ok(channel) = Channel::new(number) else { return Ok(()) };
        for network in [None, Some((Role::Primary, network))] {
            let mark = Mark { channel, network };
            prop_assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        }
    }

    #[test]
    fn other_peoples_aliases_are_no_marks(alias in ".{0,40}") {
        prop_assert_eq!(Mark::read(&alias), None);
    }
}

#[test]
fn a_plan_that_cannot_be_is_refused_before_anything_is_done() {
    let found = Model::booted().found;
    let absent = GuestPlan {
        nics: [(channel(1), mac(99))].into(),
        ..GuestPlan::default()
    };
    assert!(operations(&found, &absent).unwrap_err().contains("no NIC"));
    let stranded = GuestPlan {
        gateway: Some([10, 9, 9, 1].into()),
        ..GuestPlan::default()
    };
    assert!(operations(&found, &stranded).is_err());
}
