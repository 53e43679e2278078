use coldspare_names::Time;

use super::*;
use crate::event::Event;
use crate::test_world::{persona, server};

fn at(seconds: u64) -> Time {
    Time::after_epoch(std::time::Duration::from_secs(seconds))
}

/// What is told of the first persona when that server fails and the third takes over.
fn failover(begin: u64, number: u8) -> Vec<Told> {
    let of = |what| Event::new(what).persona(&persona(number));
    let lost = |what| of(what).server(&server(number));
    let story = [
        (0, lost(What::Suspected)),
        (2, lost(What::Verdict).status("dead")),
        (2, of(What::Placed).server(&server(3))),
        (2, of(What::Reserved).server(&server(3))),
        (3, of(What::Wired).server(&server(3))),
        (5, lost(What::Fenced)),
        (6, of(What::Admitted)),
        (7, of(What::PoweredOn)),
        (400, of(What::AgentUp)),
        (401, of(What::GuestConfigured)),
        (500, of(What::ServicesReady)),
        (600, of(What::CopiesHealthy)),
        (610, of(What::Redistributed)),
        (610, of(What::Restored)),
    ];
    let told = |(after, event)| Told {
        at: at(begin + after),
        event,
    };
    story.into_iter().map(told).collect()
}

#[test]
fn a_failover_is_told_in_phases_that_follow_one_another() {
    let recoveries = recoveries(&failover(100, 1));
    let [recovery] = &recoveries[..] else {
        panic!("{recoveries:?}")
    };
    assert_eq!(recovery.persona, persona(1));
    assert_eq!(recovery.lost, Some(server(1)));
    assert_eq!((recovery.began, recovery.ended), (at(100), Some(at(710))));
    let names: Vec<_> = recovery
        .phases
        .iter()
        .map(|phase| phase.name.as_str())
        .collect();
    let all = [
        "detected",
        "placed",
        "fenced",
        "re-plugged",
        "booted",
        "networked",
        "services",
        "healthy",
        "redistributed",
    ];
    assert_eq!(names, all);
    assert_eq!(
        (recovery.phases[0].start, recovery.phases[0].end),
        (at(100), at(102))
    );
    for pair in recovery.phases.windows(2) {
        assert_eq!(pair[0].end, pair[1].start, "{pair:?}");
    }
}

#[test]
fn two_failovers_at_once_begin_each_when_its_own_server_fell_silent() {
    let mut told = failover(100, 1);
    told.extend(failover(101, 2));
    told.sort_by_key(|told| told.at);
    let recoveries = recoveries(&told);
    let began: Vec<_> = recoveries
        .iter()
        .map(|r| (r.lost.clone().unwrap(), r.began))
        .collect();
    assert_eq!(began, [(server(1), at(100)), (server(2), at(101))]);
}

#[test]
fn what_does_not_come_back_has_no_end_and_the_next_trouble_is_another_recovery() {
    let mut told = failover(0, 1);
    told.extend(failover(1000, 1).into_iter().take(8));
    let recoveries = recoveries(&told);
    let ends: Vec<_> = recoveries.iter().map(|recovery| recovery.ended).collect();
    assert_eq!(ends, [Some(at(610)), None]);
}

#[test]
fn a_verdict_that_moves_nothing_begins_no_recovery() {
    let verdict = Event::new(What::Verdict)
        .persona(&persona(1))
        .server(&server(1));
    let told = Told {
        at: at(1),
        event: verdict.status("agent-dead"),
    };
    assert_eq!(recoveries(&[told]), []);
}
