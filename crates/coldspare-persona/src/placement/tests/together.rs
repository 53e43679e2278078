//! Several personas that need a server at once.

use super::*;

#[test]
fn the_one_spare_goes_to_the_higher_priority() {
    let spare = server("r720-3");
    let controller = changed(|spec| {
        spec.name = name("domain-controller");
        spec.priority = Priority(200);
    });
    let exchange = persona("exchange-1");
    let placed = place(
        &[claim(&exchange), claim(&controller)],
        &[Candidate::spare(&spare)],
    );
    assert_eq!(chosen(&placed[0]), Some("r720-3"));
    assert_eq!(placed[0].persona.as_str(), "domain-controller");
    assert_eq!(
        placed[1].refused["r720-3"],
        [Refusal::TakenBy {
            persona: name("domain-controller")
        }]
    );
}

#[test]
fn a_server_that_fits_less_well_is_not_called_taken() {
    let servers = ["r720-3", "r720-4"].map(server);
    let personas = ["exchange-1", "exchange-2"].map(persona);
    let placed = place(
        &personas.each_ref().map(claim),
        &servers.each_ref().map(Candidate::spare),
    );
    let reason = |placement: &Placement| placement.refused.values().next().unwrap().clone();
    let by = name("r720-3");
    assert_eq!(reason(&placed[0]), [Refusal::Outranked { by }]);
    let persona = name("exchange-1");
    assert_eq!(reason(&placed[1]), [Refusal::TakenBy { persona }]);
}

#[test]
fn who_can_start_in_place_makes_room_for_who_cannot() {
    let (home, spare) = (server("r720-1"), server("r720-3"));
    let first = changed(|spec| spec.priority = Priority(200));
    let second = persona("exchange-2");
    let claims = [back_to(&first, &home, None), claim(&second)];
    let placed = place(&claims, &[own(&first, &home), Candidate::spare(&spare)]);
    let seats: Vec<_> = placed.iter().map(chosen).collect();
    assert_eq!(seats, [Some("r720-1"), Some("r720-3")]);
}

#[test]
fn of_two_who_can_start_in_place_the_lower_priority_makes_room() {
    let homes = ["r720-1", "r720-2"].map(server);
    let spares = ["r720-3", "r720-4"].map(server);
    let ranked = |which: &str, priority| {
        changed(|spec| {
            spec.name = name(which);
            spec.priority = Priority(priority);
        })
    };
    let [first, second] = [ranked("first", 300), ranked("second", 200)];
    let third = ranked("third", 100);
    let claims = [
        back_to(&first, &homes[0], None),
        back_to(&second, &homes[1], None),
        claim(&third),
    ];
    let candidates = [
        own(&first, &homes[0]),
        own(&second, &homes[1]),
        Candidate::spare(&spares[0]),
        Candidate::spare(&spares[1]),
    ];
    let placed = place(&claims, &candidates);
    let seats: Vec<_> = placed.iter().map(chosen).collect();
    assert_eq!(seats, [Some("r720-3"), Some("r720-2"), Some("r720-4")]);
}

#[test]
fn a_server_or_persona_given_twice_counts_once() {
    let spare = server("r720-3");
    let [one, two] = ["exchange-1", "exchange-2"].map(persona);
    let twice = [Candidate::spare(&spare), Candidate::spare(&spare)];
    let placed = place(&[claim(&one), claim(&two), claim(&one)], &twice);
    let seats: Vec<_> = placed.iter().map(chosen).collect();
    assert_eq!(seats, [Some("r720-3"), None]);
}
