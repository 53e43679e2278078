use std::time::Duration;

use coldspare_bmc::Faults;
use coldspare_names::Generation;
use coldspare_persona::PersonaState;
use coldspare_san::memory::{MemoryArray, Traps};

use super::bench::Bench;
use super::{LONG, SHORT, generation};
use crate::command::Verb;
use crate::event::What;
use crate::record::{self, Wanted};
use crate::reply::Reply;
use crate::test_world::{persona, server, two_spares, white_paper};

#[tokio::test(start_paused = true)]
async fn a_running_site_is_adopted_untouched_and_its_spare_made_fit() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    bench.assert_ready(&[3]);
    assert_eq!(bench.home(1), Some((server(1), generation(1))));
    assert_eq!(bench.home(2), Some((server(2), generation(1))));
    let touched = |step: &crate::step::Step| !step.to_string().contains("r720-3");
    assert!(!bench.acted.iter().any(touched), "{:?}", bench.acted);
    assert_eq!(bench.count(What::Verdict), 0);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_runs_everything_counts_as_stopped_and_starts_when_asked() {
    let mut bench = Bench::idle(white_paper(), MemoryArray::TRAITS).await;
    bench.run(SHORT).await;
    for number in [1, 2] {
        let record = bench.record(number);
        assert_eq!(
            (record.state, record.wanted),
            (PersonaState::Stopped, Wanted::Stopped)
        );
        assert!(record.holding.holders().is_empty());
        assert_eq!(record.holding.generation(), Generation::NONE);
    }
    let start = Verb::Start {
        persona: persona(1),
        on: Some(server(2)),
    };
    let reply = bench.ask(start).await;
    assert!(matches!(reply, Reply::Accepted(_)), "{reply:?}");
    bench.run(SHORT).await;
    assert_eq!(bench.home(1), Some((server(2), generation(1))));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_may_hold_a_persona_is_fenced_before_another_gets_it() {
    let mut bench = Bench::idle(two_spares(), MemoryArray::TRAITS).await;
    let silent = Faults {
        silent: true,
        ..Faults::default()
    };
    bench.world.bmcs[&server(3)].set_faults(silent);
    bench.set_up_all().await;
    bench.run(SHORT).await;
    let holders = bench.record(1).holding.holders().clone();
    assert_eq!(
        holders.into_keys().collect::<Vec<_>>(),
        [server(1), server(3)]
    );
    assert_eq!(
        bench.count(What::OperatorNeeded),
        2,
        "once for each persona"
    );
    assert_eq!(
        bench.record(1).state,
        PersonaState::Running,
        "it runs, whoever else may hold it"
    );

    bench.lose_power(1);
    bench.run(LONG).await;
    let holding = bench.record(1).holding;
    assert_eq!(
        holding.home().unwrap().server,
        server(4),
        "{:#?}",
        bench.story()
    );
    assert!(holding.fenced().contains_key(&server(3)));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_about_a_persona_while_an_array_that_knows_it_is_silent() {
    let mut bench = Bench::idle(white_paper(), MemoryArray::TRAITS).await;
    let ps6010 = bench.world.arrays.values().next().unwrap().clone();
    bench.set_up_all().await;
    ps6010.set_traps(Traps {
        no_answer: true,
        ..Traps::default()
    });
    bench.run(LONG).await;
    assert_eq!(bench.acted, []);
    assert!(bench.records().is_empty());
    let reasons: Vec<_> = bench
        .told
        .iter()
        .filter_map(|told| told.event.reason.clone())
        .collect();
    assert!(
        reasons
            .iter()
            .all(|reason| reason.contains("ps6010 does not answer")),
        "{reasons:?}"
    );
    assert_eq!(reasons.len(), 2, "told once for each persona");

    ps6010.set_traps(Traps::default());
    bench.run(SHORT).await;
    bench.assert_ready(&[3]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_told_and_found_out_anew_only_when_it_is_gone() {
    use coldspare_store::{Store, Txn, Value};
    let mut bench = Bench::running(white_paper()).await;
    let key = record::persona_key(&persona(1)).unwrap();
    let spoilt = Value::new(b"{").unwrap();
    bench
        .store
        .commit(&Txn::new().put(key.clone(), spoilt))
        .await
        .unwrap();
    bench.restart();
    bench.run(Duration::from_secs(1)).await;
    assert_eq!(bench.count(What::OperatorNeeded), 1);
    let before = bench.acted.len();
    bench.lose_power(1);
    bench.run(LONG).await;
    assert_eq!(bench.acted[before..], [], "nobody knows who may hold it");
    assert_eq!(bench.home_in_world(1), []);

    bench.store.commit(&Txn::new().delete(key)).await.unwrap();
    bench.restart();
    bench.run(SHORT).await;
    assert_eq!(bench.record(1).state, PersonaState::Stopped);
}
