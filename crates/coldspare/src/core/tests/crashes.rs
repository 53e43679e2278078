use super::bench::{Bench, Mishap};
use super::{SHORT, generation};
use crate::event::What;
use crate::test_world::{server, white_paper};

/// Takes the first server's power, does something to the controller, and waits for the end.
async fn failover(prepare: impl FnOnce(&mut Bench)) -> Bench {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    prepare(&mut bench);
    bench.run(SHORT).await;
    bench
}

fn assert_same_end(bench: &Bench, undisturbed: &Bench, how: &str) {
    assert_eq!(bench.home(1), Some((server(3), generation(2))), "{how}");
    assert_eq!(bench.records(), undisturbed.records(), "{how}");
    for server in bench.world.site.servers.keys() {
        let (this, that) = (
            bench.server_record(server),
            undisturbed.server_record(server),
        );
        assert_eq!(this, that, "{how}: {server}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_dies_at_any_moment_of_a_failover_changes_nothing_in_the_end() {
    let mut begun = 0;
    let undisturbed = failover(|bench| begun = bench.outputs).await;
    for dies_at in begun + 1..=undisturbed.outputs {
        let bench = failover(|bench| bench.dies_at = Some(dies_at)).await;
        assert_same_end(&bench, &undisturbed, &format!("died at output {dies_at}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_any_one_commit_changes_nothing_in_the_end() {
    let mut begun = 0;
    let undisturbed = failover(|bench| begun = bench.commits).await;
    for commit in begun + 1..=undisturbed.commits {
        for mishap in [Mishap::AnswerLost, Mishap::NeverArrives, Mishap::Conflict] {
            let bench = failover(|bench| {
                bench.mishaps.insert(commit, mishap);
            })
            .await;
            assert_same_end(
                &bench,
                &undisturbed,
                &format!("commit {commit}: {mishap:?}"),
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_stops_everything_and_is_told() {
    let bench = failover(|bench| {
        for commit in bench.commits + 1..bench.commits + 1000 {
            bench.mishaps.insert(commit, Mishap::NeverArrives);
        }
    })
    .await;
    let alarm = bench
        .told
        .iter()
        .find(|told| told.event.event == What::Alarm);
    let reason = alarm.unwrap().event.reason.clone().unwrap();
    assert!(
        reason.contains("could not record: fail over exchange-1"),
        "{reason}"
    );
    assert_eq!(bench.count(What::Alarm), 1);
    assert_eq!(bench.record(1).holding.home().unwrap().server, server(1));
}
