use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_bmc::{Faults, PowerState};
use coldspare_names::ArrayName;
use coldspare_network::memory::Fault;
use coldspare_san::Array;
use coldspare_san::memory::Traps;

use super::bench::{Bench, Mishap};
use super::{LONG, SHORT, generation};
use crate::command::Verb;
use crate::core::{Input, Watched};
use crate::event::What;
use crate::fence::Evidence;
use crate::reply::Reply;
use crate::step::{Kind, Step};
use crate::test_world::{persona, server, white_paper};

fn given(bench: &Bench) -> usize {
    let gives = bench.acted.iter().filter(|step| step.kind() == Kind::Give);
    gives.count()
}

/// A controller of the first server that says *off*, whatever is true.
fn lie(bench: &mut Bench) {
    let faults = Faults {
        reads: Some(PowerState::Off),
        ..Faults::default()
    };
    bench.world.bmcs[&server(1)].set_faults(faults);
}

#[tokio::test(start_paused = true)]
async fn off_is_not_believed_of_a_server_whose_heartbeats_arrive() {
    let mut bench = Bench::running(white_paper()).await;
    lie(&mut bench);
    let lan = bench.world.switches.values().next().unwrap().clone();
    lan.set_fault(Some(Fault::Silent));
    bench
        .ask(Verb::Retarget {
            persona: persona(1),
            to: None,
        })
        .await;
    bench.run(LONG).await;
    assert_eq!(given(&bench), 0, "{:#?}", bench.story());
    assert!(bench.count(What::Alarm) > 0);
    assert_eq!(bench.count(What::OperatorNeeded), 1);

    // What can be shown without the controller's word is enough.
    lan.set_fault(None);
    bench.run_until_told(What::Fenced, LONG).await;
    let fenced = bench.record(1).holding.fenced().clone();
    assert_eq!(fenced[&server(1)].evidence, Evidence::Isolation);
}

#[tokio::test(start_paused = true)]
async fn a_fenced_server_whose_heartbeats_arrive_holds_up_what_would_be_given() {
    let mut bench = Bench::running(white_paper()).await;
    let now = bench.now();
    let beats = bench.world.live(now);
    let (server, path, beat) = beats.into_iter().find(|(of, ..)| *of == server(1)).unwrap();
    bench.lose_power(1);
    bench.run_until_told(What::Fenced, SHORT).await;
    bench.hand_in(Input::Heard { server, path, beat });
    bench.run(Duration::from_secs(1)).await;
    let is_on = |step: &Step| matches!(step, Step::PowerOn { .. });
    assert!(!bench.acted.iter().any(is_on), "{:#?}", bench.story());
    assert_eq!(bench.count(What::OperatorNeeded), 1);

    bench.run_until_told(What::Restored, SHORT).await;
    assert_eq!(
        bench.home(1),
        Some((crate::test_world::server(3), generation(2)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_starts_while_a_former_home_is_not_scrubbed_knows_its_heartbeats() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::Fenced, SHORT).await;
    bench.restart();
    bench.run_until_told(What::Restored, SHORT).await;
    let held = Watched {
        persona: persona(1),
        generation: generation(1),
    };
    assert_eq!(bench.recognised, BTreeMap::from([(server(1), held)]));

    bench.run(LONG).await;
    bench.recognised.clear();
    bench.restart();
    bench.run(LONG).await;
    assert_eq!(bench.recognised, BTreeMap::new(), "it is a spare");
}

#[tokio::test(start_paused = true)]
async fn what_was_committed_though_nobody_said_so_is_told_all_the_same() {
    let mut bench = Bench::running(white_paper()).await;
    bench.mishaps.insert(bench.commits + 1, Mishap::AnswerLost);
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT).await;
    assert_eq!(bench.count(What::Placed), 1, "{:#?}", bench.story());
    assert_eq!(bench.count(What::Reserved), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_failed_is_the_last_of_the_spares_until_somebody_looked_at_it() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT).await;
    bench.run(LONG).await;
    let record = |bench: &Bench| bench.server_record(&server(1));
    assert!(record(&bench).scrubbed && record(&bench).failed_at.is_some());
    for on in [true, false] {
        let server = server(1);
        bench.ask(Verb::Maintenance { server, on }).await;
    }
    bench.run(SHORT).await;
    assert_eq!(record(&bench).failed_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_former_home_that_loses_its_controller_after_its_fence_does_not_hold_up_the_new_one() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::Fenced, SHORT).await;
    bench.lose_feed(1);
    bench.run_until_told(What::Restored, SHORT).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn a_former_home_that_cannot_be_seen_to_be_fenced_blames_no_spare() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::Fenced, SHORT).await;
    let before = given(&bench);
    bench.lose_feed(1);
    for switch in bench.world.switches.values() {
        switch.set_fault(Some(Fault::Silent));
    }
    bench.run(LONG).await;
    assert!(given(&bench) > before, "it is tried");
    assert_eq!(bench.count(What::Admitted), 0);
    assert_eq!(
        bench.record(1).holding.home().unwrap().server,
        server(3),
        "it keeps its seat"
    );

    for switch in bench.world.switches.values() {
        switch.set_fault(None);
    }
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn an_array_that_knows_more_than_the_store_is_given_nothing() {
    let mut bench = Bench::running(white_paper()).await;
    stamp_ahead(&bench, "ps6010").await;
    bench.lose_power(1);
    bench.run(Duration::from_hours(1)).await;
    assert_eq!(given(&bench), 0);
    let asked = bench
        .told
        .iter()
        .find(|told| told.event.event == What::OperatorNeeded);
    let reason = asked.unwrap().event.reason.clone().unwrap();
    assert!(reason.contains("restored from a backup"), "{reason}");
    assert_eq!(bench.count(What::OperatorNeeded), 1);
    assert_eq!(
        bench.record(1).holding.generation(),
        generation(2),
        "it does not catch up"
    );
}

#[tokio::test(start_paused = true)]
async fn an_array_that_knows_more_than_the_store_refuses_a_start_and_nobody_catches_up() {
    let mut bench = Bench::running(white_paper()).await;
    bench
        .ask(Verb::Stop {
            persona: persona(1),
        })
        .await;
    bench.world.bmcs[&server(1)].turn_off_by_hand();
    bench.run(LONG).await;
    stamp_ahead(&bench, "ps6110").await;
    let reply = bench
        .ask(Verb::Start {
            persona: persona(1),
            on: None,
        })
        .await;
    assert!(matches!(reply, Reply::Accepted(_)), "{reply:?}");
    bench.run(Duration::from_hours(1)).await;
    assert_eq!(bench.count(What::PoweredOn), 0);
    assert_eq!(bench.count(What::OperatorNeeded), 1, "{:#?}", bench.story());
    assert!(bench.record(1).holding.generation() < generation(9));
}

/// Somebody has stamped the first persona's volumes: a record that was lost since.
async fn stamp_ahead(bench: &Bench, array: &str) {
    let array = &bench.world.arrays[&array.parse::<ArrayName>().unwrap()];
    let found = array.admissions().await.unwrap();
    for id in bench.world.site.volumes_of(&persona(1)) {
        if let Some(found) = found.get(&id.volume).filter(|_| id.array == *array.name()) {
            let mut ahead = found.clone();
            ahead.stamp = generation(9);
            array
                .set_admissions(&id.volume, found, &ahead)
                .await
                .unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_controllers_own_links_are_down_nobody_is_fenced() {
    let mut bench = Bench::running(white_paper()).await;
    let before = bench.acted.len();
    bench.own_link(false);
    bench.deaf = true;
    bench.run(LONG).await;
    assert_eq!(bench.acted[before..], []);
    bench.deaf = false;
    bench.own_link(true);
    bench.run(LONG).await;
    assert_eq!(bench.acted[before..], [], "{:#?}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn when_an_array_is_lost_nobody_is_fenced() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let before = bench.acted.len();
    for array in bench.world.arrays.values() {
        array.set_up(false);
    }
    bench.run(LONG).await;
    assert_eq!(bench.acted[before..], []);
    assert!(bench.count(What::Held) > 0);
}

#[tokio::test(start_paused = true)]
async fn an_array_that_does_not_answer_its_management_is_waited_for() {
    let mut bench = Bench::running(white_paper()).await;
    let array = bench.world.arrays.values().next().unwrap().clone();
    array.set_traps(Traps {
        no_answer: true,
        ..Traps::default()
    });
    bench.lose_power(1);
    bench.run(LONG).await;
    assert_eq!(given(&bench), 0);
    array.set_traps(Traps::default());
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn the_only_spare_is_tried_again_though_it_could_not_be_wired_once() {
    let mut bench = Bench::running(white_paper()).await;
    let switches: Vec<_> = bench.world.switches.values().cloned().collect();
    let set = |fault: Option<Fault>| switches.iter().for_each(|it| it.set_fault(fault));
    set(Some(Fault::Silent));
    bench.lose_power(1);
    bench.run(LONG).await;
    assert_eq!(given(&bench), 0);
    set(None);
    // Nor will the old home ever be a spare again.
    bench.lose_feed(1);
    bench.run(LONG * 3).await;
    assert_eq!(bench.home(1).unwrap().0, server(3));
}
