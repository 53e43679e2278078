use proptest::prelude::*;

use super::*;
use crate::fence;

fn server(name: &str) -> ServerName {
    name.parse().unwrap()
}

fn held_by(name: &str, generation: u64) -> Holding {
    let generation = Generation::new(generation);
    Holding::adopted(
        "exchange-1".parse().unwrap(),
        BTreeMap::from([(server(name), generation)]),
        generation,
    )
}

#[test]
fn nobody_is_seated_beside_a_holder() {
    let mut holding = held_by("r1", 4);
    let generation = holding.reserve(server("r2"));
    assert_eq!(generation, Generation::new(5));
    assert!(!holding.seat(), "r1 may still act");

    holding.release(fence::tests::proof("r1", 4));
    assert!(holding.seat());
    let home = holding.home().unwrap();
    assert_eq!((home.server, home.generation), (server("r2"), generation));
    assert!(holding.seat(), "asking again changes nothing");
}

#[test]
fn a_proof_of_an_older_generation_releases_nobody() {
    let mut holding = held_by("r1", 4);
    holding.release(fence::tests::proof("r1", 3));
    assert!(holding.involves(&server("r1")));
}

#[test]
fn a_server_that_was_only_reserved_is_fenced_like_any_other() {
    let mut holding = held_by("r1", 1);
    holding.reserve(server("r2"));
    holding.reserve(server("r3"));
    let wanted = BTreeMap::from([
        (server("r1"), Generation::new(1)),
        (server("r2"), Generation::new(2)),
    ]);
    assert_eq!(*holding.holders(), wanted);
    assert_eq!(holding.reserved().unwrap().server, server("r3"));
}

#[test]
fn restarting_in_place_needs_the_proof_for_the_old_generation_only() {
    let mut holding = held_by("r1", 1);
    holding.reserve(server("r1"));
    holding.release(fence::tests::proof("r1", 1));
    assert!(holding.seat());
    assert_eq!(holding.home().unwrap().generation, Generation::new(2));
    assert!(
        holding.fenced().is_empty(),
        "it is its own home, not a former one"
    );
}

#[test]
fn a_journal_keeps_the_record_whole() {
    let mut holding = held_by("r1", 1);
    holding.reserve(server("r2"));
    holding.release(fence::tests::proof("r1", 1));
    let journal = serde_json::to_vec(&holding).unwrap();
    assert_eq!(
        serde_json::from_slice::<Holding>(&journal).unwrap(),
        holding
    );
}

#[test]
fn a_proof_of_somebody_else_leaves_no_trace() {
    let mut holding = held_by("r1", 4);
    let before = holding.clone();
    holding.release(fence::tests::proof("r2", 9));
    holding.release(fence::tests::proof("r1", 3));
    assert_eq!(holding, before);
}

#[test]
fn a_run_that_only_takes_takes_from_the_reserved_server_too() {
    let mut holding = held_by("r1", 1);
    holding.reserve(server("r2"));
    assert_eq!(holding.raise(), Generation::new(3));
    assert_eq!(holding.reserved(), None);
    assert!(holding.holders().contains_key(&server("r2")));
}

/// What may happen to a holding.
#[derive(Debug, Clone)]
enum Turn {
    Reserve(u8),
    Raise,
    Seat,
    Release(u8, u64),
    Scrubbed(u8),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        (0..3_u8).prop_map(Turn::Reserve),
        Just(Turn::Raise),
        Just(Turn::Seat),
        (0..3_u8, 0..6_u64).prop_map(|(server, up_to)| Turn::Release(server, up_to)),
        (0..3_u8).prop_map(Turn::Scrubbed),
    ]
}

proptest! {
    #[test]
    fn whoever_comes_in_leaves_only_by_a_proof_of_its_generation(
        turns in proptest::collection::vec(turn(), 0..20),
    ) {
        let mut holding = Holding::nobody("exchange-1".parse().unwrap());
        for turn in turns {
            let before = holding.clone();
            let generations = |holding: &Holding, name: &ServerName| -> Vec<Generation> {
                let reserved = holding.reserved().filter(|grant| grant.server == *name);
                let held = holding.holders().get(name).copied();
                held.into_iter().chain(reserved.map(|grant| grant.generation)).collect()
            };
            let released = match turn {
                Turn::Reserve(number) => { holding.reserve(server(&format!("r{number}"))); None }
                Turn::Raise => { holding.raise(); None }
                Turn::Seat => { holding.seat(); None }
                Turn::Scrubbed(number) => { holding.scrubbed(&server(&format!("r{number}"))); None }
                Turn::Release(number, up_to) => {
                    let name = format!("r{number}");
                    holding.release(fence::tests::proof(&name, up_to));
                    Some((server(&name), Generation::new(up_to)))
                }
            };
            prop_assert!(holding.generation() >= before.generation());
            for name in (0..3).map(|number| server(&format!("r{number}"))) {
                let newest = generations(&before, &name).into_iter().max();
                let still = generations(&holding, &name).into_iter().max();
                if let Some(newest) = newest.filter(|newest| still < Some(*newest)) {
                    let Some((of, up_to)) = &released else {
                        return Err(TestCaseError::fail("left without a proof"));
                    };
                    prop_assert!(*of == name && *up_to >= newest);
                }
                for generation in generations(&holding, &name) {
                    prop_assert!(generation <= holding.generation());
                }
            }
            let journal = serde_json::to_vec(&holding).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Holding>(&journal).unwrap(), holding.clone());
        }
    }
}
