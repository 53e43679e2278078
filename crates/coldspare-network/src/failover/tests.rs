use proptest::prelude::*;

use super::*;
use crate::study::*;
use crate::{Mode, Networks, guest_plan};

fn study(mode: Mode) -> GuestPlan {
    let networks = Networks::new(table_2()).unwrap();
    guest_plan(&exchange(mode, 11), &networks, &cabling(1, 1..=4)).unwrap()
}

#[test]
fn mapi_goes_to_the_nic_of_replication_when_its_own_is_lost_and_comes_back() {
    let plan = study(Mode::Trunk);
    let whole = carriers(&plan, &channels(&[1, 2, 3, 4]));
    assert_eq!(
        whole,
        carrying(&[("scn", 1), ("mapi", 3), ("replication", 4)])
    );

    let without_3 = carriers(&plan, &channels(&[1, 2, 4]));
    let lost = failover(&whole, &without_3);
    let moved = Move {
        network: name("mapi"),
        from: Some(channel(3)),
        to: Some(channel(4)),
    };
    assert_eq!(lost.moves, std::slice::from_ref(&moved));
    let [share] = &lost.shares[..] else {
        panic!("one channel is shared, not {:?}", lost.shares)
    };
    assert_eq!(share.channel, channel(4));
    assert_eq!(share.networks, [name("mapi"), name("replication")].into());
    assert_eq!(share.each(1000), 500);

    let back = failover(&without_3, &whole);
    let moved = Move {
        from: moved.to,
        to: moved.from,
        ..moved
    };
    assert_eq!((back.moves, back.shares), (vec![moved], vec![]));
}

#[test]
fn a_network_without_any_link_is_cut_off() {
    let plan = study(Mode::Trunk);
    let whole = carriers(&plan, &channels(&[1, 2, 3, 4]));
    let cut_off = failover(&whole, &carriers(&plan, &channels(&[3, 4])));
    let scn = Move {
        network: name("scn"),
        from: Some(channel(1)),
        to: None,
    };
    assert_eq!((cut_off.moves, cut_off.shares), (vec![scn], vec![]));
}

#[test]
fn plain_interfaces_do_not_fail_over() {
    let plan = study(Mode::Access);
    let found = carriers(&plan, &channels(&[1, 2, 4]));
    assert_eq!(found, carrying(&[("scn", 1), ("replication", 4)]));
}

proptest! {
    #[test]
    fn a_network_is_on_the_first_of_its_channels_that_has_a_link(
        networks in any_networks(100..120),
        connections in any_connections(),
        cabling in any_cabling(1),
        up in proptest::collection::btree_set(1..=6_u8, 0..=6),
    ) {
        let Ok(plan) = guest_plan(&connections, &networks, &cabling) else {
            return Ok(());
        };
        let up: BTreeSet<_> = up.into_iter().map(channel).collect();
        let found = carriers(&plan, &up);
        for (name, network) in &plan.networks {
            let (primary, secondary) = (network.channels.primary(), network.channels.secondary());
            let expected = if up.contains(&primary) {
                Some(primary)
            } else {
                secondary.filter(|secondary| up.contains(secondary))
            };
            prop_assert_eq!(found.get(name).copied(), expected);
        }
        let nothing = failover(&found, &found);
        prop_assert!(nothing.moves.is_empty(), "nothing moves when no link changes");
    }
}
