use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::{Admission, LastWrite, SessionId};

const PERSONA: &str = "iqn.2012-08.com.example:exchange1";
const OTHER: &str = "iqn.2012-08.com.example:exchange2";

fn address(number: u8) -> IpAddr {
    IpAddr::from([10, 20, 0, number])
}

fn server(number: u8) -> ServerName {
    ServerName::new(format!("server-{number}")).unwrap()
}

fn volume(number: u8) -> VolumeName {
    VolumeName::new(format!("volume-{number}")).unwrap()
}

prop_compose! {
    fn admission()(
        number in 0..4_u8, generation in 0..8_u64, persona: bool,
    ) -> Admission {
        Admission {
            initiator: if persona { PERSONA } else { OTHER }.parse().unwrap(),
            server: server(number),
            generation: Generation::new(generation),
            addresses: BTreeSet::from([address(number)]),
        }
    }
}

prop_compose! {
    fn admissions()(
        stamp in 0..8_u64,
        admitted in btree_set(admission(), 0..5),
        foreign in btree_set("[a-z]{1,3}", 0..2),
    ) -> Admissions {
        Admissions { stamp: Generation::new(stamp), admitted, foreign }
    }
}

prop_compose! {
    fn session()(
        number in 0..4_u8, generation in proptest::option::of(0..8_u64), on in 0..4_u8,
        initiator in prop::sample::select(vec![PERSONA, OTHER, "IQN.2012-08.com.example:Exchange1", "nonsense"]),
    ) -> Session {
        Session {
            id: SessionId::new(format!("{number}-{on}")),
            volume: volume(on),
            initiator: initiator.to_owned(),
            source: address(number),
            generation: generation.map(Generation::new),
            opened: None,
            last_write: LastWrite::Unknown,
        }
    }
}

prop_compose! {
    fn request()(
        old in 0..4_u8, up_to in 0..8_u64, stamp in 0..8_u64,
        volumes in btree_set(0..4_u8, 0..4), spared in 0..4_u8,
    ) -> ShutOut {
        ShutOut {
            server: server(old),
            addresses: BTreeSet::from([address(old)]),
            initiator: Some(PERSONA.parse().unwrap()),
            up_to: Generation::new(up_to),
            volumes: volumes.into_iter().map(volume).collect(),
            stamp: Generation::new(stamp),
            spared: BTreeSet::from([address(spared)]),
        }
    }
}

const TRAITS: ArrayTraits = ArrayTraits {
    binds_by_address: true,
    binds_by_secret: true,
    rules_are_ored: false,
    removal_ends_sessions: false,
    stamps: StampKeeper::Array,
    knows_last_write: true,
    opens_when_last_account_goes: false,
    loses_configuration_on_restart: false,
};

/// What that volume has once it was revoked.
fn revoked(request: &ShutOut, on: &VolumeName, found: &Admissions) -> Admissions {
    let wanted = request.revoke(on, found);
    wanted.unwrap_or_else(|| found.clone())
}

proptest! {
    #[test]
    fn revoking_takes_only_the_old_servers_and_is_always_permitted(
        request in request(), found in admissions(), on in 0..4_u8,
    ) {
        let wanted = revoked(&request, &volume(on), &found);
        prop_assert!(wanted.admitted.is_subset(&found.admitted));
        for gone in found.admitted.difference(&wanted.admitted) {
            prop_assert!(gone.server == request.server && gone.generation <= request.up_to);
        }
        prop_assert!(wanted.stamp >= found.stamp);
        prop_assert_eq!(found.permit(&found, &wanted), Ok(()));
        prop_assert_eq!(request.revoke(&volume(on), &wanted), None, "twice is once");
        prop_assert_eq!(request.revoke(&volume(on), &found).is_none(), wanted == found);
    }

    #[test]
    fn what_was_revoked_and_dropped_leaves_nothing(
        request in request(),
        found in btree_map((0..4_u8).prop_map(volume), admissions(), 4),
        sessions in vec(session(), 0..6),
    ) {
        let revoked = |(on, found)| (VolumeName::clone(on), revoked(&request, on, found));
        let revoked = found.iter().map(revoked).collect();
        let kept: Vec<_> = sessions.into_iter().filter(|session| !request.is_old(session)).collect();
        prop_assert_eq!(request.leftovers(TRAITS, &revoked, &kept), vec![]);
    }

    #[test]
    fn anything_not_yet_done_is_left(
        request in request(),
        found in btree_map((0..4_u8).prop_map(volume), admissions(), 4),
        sessions in vec(session(), 0..6),
    ) {
        let done = found.iter().all(|(on, found)| request.revoke(on, found).is_none())
            && !sessions.iter().any(|session| request.is_old(session));
        prop_assert_eq!(request.leftovers(TRAITS, &found, &sessions).is_empty(), done);
    }

    #[test]
    fn a_newer_generation_is_never_touched(
        request in request(), found in admissions(), session in session(),
    ) {
        let wanted = revoked(&request, &volume(0), &found);
        let newer = |admission: &&Admission| admission.generation > request.up_to;
        prop_assert!(found.admitted.iter().filter(newer).all(|kept| wanted.admitted.contains(kept)));
        if session.generation.is_some_and(|generation| generation > request.up_to) {
            prop_assert!(!request.is_old(&session));
        }
    }

    #[test]
    fn a_session_from_the_old_server_is_old_whatever_name_it_gives(
        request in request(), mut session in session(),
    ) {
        session.generation = None;
        session.source = *request.addresses.first().unwrap();
        prop_assert!(request.is_old(&session));
    }
}

#[test]
fn the_personas_name_from_nowhere_known_is_old_and_from_the_holder_is_not() {
    let request = ShutOut {
        server: server(1),
        addresses: BTreeSet::from([address(1)]),
        initiator: Some(PERSONA.parse().unwrap()),
        up_to: Generation::new(4),
        volumes: BTreeSet::new(),
        stamp: Generation::new(5),
        spared: BTreeSet::from([address(2)]),
    };
    let session = |number, initiator: &str| Session {
        id: SessionId::new("1"),
        volume: volume(0),
        initiator: initiator.to_owned(),
        source: address(number),
        generation: None,
        opened: None,
        last_write: LastWrite::Never,
    };
    assert!(request.is_old(&session(3, PERSONA)));
    assert!(
        request.is_old(&session(3, "iqn.2012-08.COM.example:Exchange1")),
        "names are prepared"
    );
    assert!(!request.is_old(&session(2, PERSONA)));
    assert!(!request.is_old(&session(3, OTHER)));
}

#[test]
fn an_array_that_opens_when_nobody_is_left_is_never_shut() {
    let request = ShutOut {
        server: server(1),
        addresses: BTreeSet::new(),
        initiator: Some(PERSONA.parse().unwrap()),
        up_to: Generation::new(1),
        volumes: BTreeSet::from([volume(0)]),
        stamp: Generation::NONE,
        spared: BTreeSet::new(),
    };
    let traits = ArrayTraits {
        opens_when_last_account_goes: true,
        ..TRAITS
    };
    let found = BTreeMap::from([(volume(0), Admissions::default())]);
    assert_eq!(
        request.leftovers(traits, &found, &[]),
        [Leftover::Open { volume: volume(0) }]
    );
}
