use std::collections::BTreeSet;

use coldspare_names::PortId;
use proptest::prelude::*;

use super::*;
use crate::study::*;
use crate::{Mode, VlanId};

fn persona(number: u8) -> PersonaName {
    format!("exchange-{number}").parse().unwrap()
}

fn two_personas() -> BTreeMap<PersonaName, Running> {
    let running = |number| Running {
        connections: exchange(Mode::Trunk, 10 + number),
        cabling: cabling(number, 1..=4),
    };
    [1, 2]
        .map(|number| (persona(number), running(number)))
        .into()
}

fn mapi_on(vlan: u16) -> Networks {
    let mut described = table_2();
    described[1] = network("mapi", vlan, 3, 4);
    Networks::new(described).unwrap()
}

#[test]
fn a_new_vlan_for_mapi_is_added_taken_and_only_then_is_the_old_one_removed() {
    let running = two_personas();
    let stages = change(&running, &mapi_on(101), &mapi_on(111)).unwrap();
    let on_channel = |number, vlans: &[u16]| {
        let of = |server| (port(server, number), tagged(vlans));
        Stage::Ports([1, 2].map(of).into_iter().collect())
    };
    let guests = running.iter().map(|(name, running)| {
        let Running {
            connections,
            cabling,
        } = running;
        (
            name.clone(),
            guest_plan(connections, &mapi_on(111), cabling).unwrap(),
        )
    });
    assert_eq!(
        stages,
        [
            on_channel(3, &[101, 102, 111]),
            on_channel(4, &[101, 102, 111]),
            Stage::Guests(guests.collect()),
            on_channel(3, &[102, 111]),
            on_channel(4, &[102, 111]),
        ]
    );
}

#[test]
fn nothing_is_to_be_done_when_nothing_changes() {
    assert_eq!(
        change(&two_personas(), &mapi_on(101), &mapi_on(101)),
        Ok(vec![])
    );
}

#[test]
fn a_network_cannot_take_anothers_vlan_in_one_change() {
    let mut swapped = table_2();
    swapped[1] = network("mapi", 102, 3, 4);
    swapped[2] = network("replication", 101, 4, 3);
    let refused = change(
        &two_personas(),
        &mapi_on(101),
        &Networks::new(swapped).unwrap(),
    );
    assert!(
        matches!(refused, Err(Problem::VlanTwice { .. })),
        "{refused:?}"
    );
}

fn any_running() -> impl Strategy<Value = BTreeMap<PersonaName, Running>> {
    let running = |server| {
        (any_connections(), any_cabling(server)).prop_map(|(connections, cabling)| Running {
            connections,
            cabling,
        })
    };
    (running(1), running(2), running(3)).prop_map(|(first, second, third)| {
        [
            (persona(1), first),
            (persona(2), second),
            (persona(3), third),
        ]
        .into()
    })
}

/// What a persona's port passes as the stages go by, and what its guest uses.
struct World<'a> {
    ports: BTreeMap<PortId, Membership>,
    owners: BTreeMap<PortId, &'a Running>,
}

impl<'a> World<'a> {
    fn new(running: &'a BTreeMap<PersonaName, Running>, before: &Networks) -> Option<Self> {
        let (mut ports, mut owners) = (BTreeMap::new(), BTreeMap::new());
        for owner in running.values() {
            let plan = port_plan(&owner.connections, before, &owner.cabling).ok()?;
            for (port, membership) in plan.ports() {
                ports.insert(port.clone(), membership.clone());
                owners.insert(port, owner);
            }
        }
        Some(Self { ports, owners })
    }

    /// Whether tagged frames of a guest find their VLAN on every port that the plan uses.
    fn has_paths(&self, running: &Running, plan: &GuestPlan) -> bool {
        plan.networks.values().all(|network| {
            network.tag.is_none_or(|tag| {
                let cables = network
                    .channels
                    .in_order()
                    .filter_map(|c| running.cabling.get(c));
                cables
                    .into_iter()
                    .all(|cable| self.ports[&cable.port].passes(tag))
            })
        })
    }
}

/// Every VLAN that a persona has any business on.
fn business(running: &Running, networks: &Networks) -> BTreeSet<VlanId> {
    let connected = running.connections.connections.iter();
    connected
        .map(|connection| networks.get(&connection.network).unwrap().vlan)
        .collect()
}

proptest! {
    #[test]
    fn a_change_leaks_nothing_leaves_every_guest_its_paths_and_ends_as_planned(
        running in any_running(),
        before in any_networks(100..110),
        after in any_networks(200..210),
    ) {
        let (Some(mut world), Some(end)) = (World::new(&running, &before), World::new(&running, &after)) else {
            return Ok(());
        };
        let settings = |networks| {
            let plan = |running: &Running| guest_plan(&running.connections, networks, &running.cabling);
            running.iter().map(|(name, running)| (name.clone(), plan(running).unwrap())).collect()
        };
        let mut guests: BTreeMap<PersonaName, GuestPlan> = settings(&before);
        for stage in change(&running, &before, &after).unwrap() {
            match stage {
                Stage::Guests(plans) => guests.extend(plans),
                Stage::Ports(plan) => {
                    let channels: BTreeSet<_> = running
                        .values()
                        .flat_map(|running| running.cabling.iter())
                        .filter(|(_, cable)| plan.get(&cable.port).is_some())
                        .map(|(channel, _)| channel)
                        .collect();
                    prop_assert_eq!(channels.len(), 1, "one channel at a time");
                    for (port, membership) in plan.ports() {
                        let owner = world.owners[&port];
                        let allowed = &business(owner, &before) | &business(owner, &after);
                        prop_assert!(membership.vlans().is_subset(&allowed));
                        prop_assert_ne!(&world.ports[&port], membership, "nothing is set twice");
                        world.ports.insert(port, membership.clone());
                    }
                }
            }
            for (name, plan) in &guests {
                prop_assert!(world.has_paths(&running[name], plan), "{} is cut off", name);
            }
        }
        prop_assert_eq!(world.ports, end.ports);
        prop_assert_eq!(guests, settings(&after));
    }
}
