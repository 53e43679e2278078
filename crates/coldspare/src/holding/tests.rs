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
