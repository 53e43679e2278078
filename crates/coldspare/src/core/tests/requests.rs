use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coldspare_network::VlanId;
use coldspare_persona::PersonaState;

use super::bench::Bench;
use super::{LONG, SHORT, generation};
use crate::command::Verb;
use crate::event::What;
use crate::record::Wanted;
use crate::reply::Reply;
use crate::site::Site;
use crate::test_world::{persona, server, two_spares, white_paper};
use crate::workload::{Progress, Workload, WorkloadError};

#[track_caller]
fn refused(reply: Reply) -> String {
    match reply {
        Reply::Refused(reason) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn accepted(reply: &Reply) {
    assert!(matches!(reply, Reply::Accepted(_)), "{reply:?}");
}

fn retarget(to: Option<u8>) -> Verb {
    Verb::Retarget {
        persona: persona(1),
        to: to.map(server),
    }
}

/// Its operating system obeys: the server goes off a while after it was asked.
async fn shuts_down(bench: &mut Bench, number: u8) {
    let guest = bench.world.guests[&persona(1)].clone();
    for _ in 0..120 {
        bench.run(Duration::from_secs(1)).await;
        if guest.is_shutting_down() {
            bench.world.bmcs[&server(number)].turn_off_by_hand();
            return;
        }
    }
    panic!("it was not asked to shut down");
}

#[tokio::test(start_paused = true)]
async fn a_persona_is_moved_in_good_order_and_back() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    accepted(&bench.ask(retarget(Some(3))).await);
    shuts_down(&mut bench, 1).await;
    bench.run_until_told(What::Restored, LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    bench.run(LONG).await;
    bench.assert_ready(&[1]);

    accepted(&bench.ask(retarget(None)).await);
    shuts_down(&mut bench, 3).await;
    bench.run_until_told(What::Restored, LONG).await;
    assert_eq!(bench.home(1), Some((server(1), generation(3))));
}

#[tokio::test(start_paused = true)]
async fn a_move_that_cannot_be_is_refused_for_reasons_and_nothing_happens() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let (acted, records) = (bench.acted.len(), bench.records());
    assert_eq!(bench.ask(retarget(Some(1))).await, Reply::AlreadySo);
    let reason = refused(bench.ask(retarget(Some(2))).await);
    assert!(reason.contains("r720-2 wears exchange-2"), "{reason}");
    let nobody = Verb::Retarget {
        persona: "nobody".parse().unwrap(),
        to: None,
    };
    assert_eq!(
        refused(bench.ask(nobody).await),
        "there is no persona nobody"
    );
    let reason = refused(bench.ask(retarget(Some(9))).await);
    assert_eq!(reason, "there is no server r720-9");
    assert_eq!(bench.count(What::Refused), 3);
    assert_eq!((bench.acted.len(), bench.records()), (acted, records));
}

#[derive(Debug)]
struct NeverLeaves;

#[async_trait]
impl Workload for NeverLeaves {
    async fn leave(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Waiting(
            "a database has no other healthy copy".to_owned(),
        ))
    }
    async fn ready(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }
    async fn rejoin(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }
    async fn rebalance(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_leave_stays_and_its_sessions_are_not_cut() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    bench
        .world
        .devices
        .workloads
        .insert(persona(1), Arc::new(NeverLeaves));
    let sessions = |bench: &Bench| -> Vec<_> {
        let arrays = bench.world.arrays.values();
        arrays
            .flat_map(|array| array.open_sessions().into_iter().map(|s| s.id))
            .collect()
    };
    let before = sessions(&bench);
    accepted(&bench.ask(retarget(None)).await);
    bench.run(Duration::from_mins(20)).await;
    assert_eq!(bench.count(What::Refused), 1);
    assert_eq!(bench.home(1), Some((server(1), generation(1))));
    assert_eq!(bench.record(1).state, PersonaState::Running);
    assert_eq!(bench.record(1).holding.reserved(), None);
    assert_eq!(sessions(&bench), before);
    bench.assert_ready(&[3]);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_persona_is_nobodys_until_it_is_started() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let stop = || Verb::Stop {
        persona: persona(1),
    };
    accepted(&bench.ask(stop()).await);
    shuts_down(&mut bench, 1).await;
    bench.run(LONG).await;
    let record = bench.record(1);
    assert_eq!(
        (record.state, record.wanted),
        (PersonaState::Stopped, Wanted::Stopped)
    );
    assert_eq!(bench.home(1), None);
    assert_eq!(bench.ask(stop()).await, Reply::AlreadySo);
    bench.assert_scrubbed(&[1, 3]);

    let start = |on| Verb::Start {
        persona: persona(1),
        on,
    };
    let reason = refused(bench.ask(start(Some(server(2)))).await);
    assert!(reason.contains("r720-2 wears exchange-2"), "{reason}");
    accepted(&bench.ask(start(None)).await);
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(1), generation(3))));
    for so in [None, Some(server(1))] {
        assert_eq!(bench.ask(start(so)).await, Reply::AlreadySo);
    }
    let reason = refused(bench.ask(start(Some(server(3)))).await);
    assert!(reason.contains("not for r720-3"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_persona_whose_spare_failed_can_be_stopped_and_is_given_to_nobody() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let spare = bench.world.bmcs[&server(3)].clone();
    let refuses = coldspare_bmc::Faults {
        refuses: true,
        ..Default::default()
    };
    spare.set_faults(refuses);
    bench.lose_power(1);
    bench.run(LONG).await;
    assert_eq!(
        bench.record(1).state,
        PersonaState::Waiting,
        "{:#?}",
        bench.story()
    );
    spare.set_faults(coldspare_bmc::Faults::default());
    let given = bench.count(What::PoweredOn);
    accepted(
        &bench
            .ask(Verb::Stop {
                persona: persona(1),
            })
            .await,
    );
    bench.run(Duration::from_mins(30)).await;
    assert_eq!(bench.record(1).state, PersonaState::Stopped);
    assert_eq!(bench.count(What::PoweredOn), given);
    assert!(bench.record(1).holding.reserved().is_none());
}

#[tokio::test(start_paused = true)]
async fn while_paused_nothing_new_is_begun() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    accepted(&bench.ask(Verb::Pause { on: true }).await);
    assert_eq!(bench.ask(Verb::Pause { on: true }).await, Reply::AlreadySo);
    let acted = bench.acted.len();
    bench.lose_power(1);
    bench.run(LONG).await;
    bench.restart();
    bench.run(LONG).await;
    assert_eq!(bench.acted[acted..], []);
    let reason = refused(bench.ask(retarget(None)).await);
    assert!(reason.contains("paused"), "{reason}");
    accepted(&bench.ask(Verb::Pause { on: false }).await);
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn a_server_in_maintenance_is_neither_judged_nor_used_nor_scrubbed() {
    let mut bench = Bench::running(two_spares()).await;
    bench.run(SHORT).await;
    for number in [1, 3] {
        accepted(
            &bench
                .ask(Verb::Maintenance {
                    server: server(number),
                    on: true,
                })
                .await,
        );
    }
    let acted = bench.acted.len();
    bench.lose_power(1);
    bench.run(LONG).await;
    assert_eq!(bench.acted[acted..], [], "people work on it");
    bench.lose_power(2);
    bench.run(LONG).await;
    assert_eq!(bench.home(2), Some((server(4), generation(2))));

    accepted(
        &bench
            .ask(Verb::Maintenance {
                server: server(3),
                on: false,
            })
            .await,
    );
    bench.run(LONG).await;
    bench.assert_scrubbed(&[3]);
}

#[tokio::test(start_paused = true)]
async fn a_persons_word_counts_for_one_server_one_generation_and_only_after_a_verdict() {
    let mut bench = Bench::running(white_paper()).await;
    let confirm = |number, held| Verb::ConfirmFenced {
        persona: persona(1),
        server: server(number),
        generation: generation(held),
    };
    let reason = refused(bench.ask(confirm(1, 1)).await);
    assert_eq!(reason, "nothing speaks against r720-1: it is heard");
    let reason = refused(bench.ask(confirm(1, 2)).await);
    assert_eq!(reason, "r720-1 does not hold exchange-1 under generation 2");
    let reason = refused(bench.ask(confirm(3, 1)).await);
    assert_eq!(reason, "r720-3 does not hold exchange-1 under generation 1");
    assert_eq!(bench.home(1), Some((server(1), generation(1))));
}

#[tokio::test(start_paused = true)]
async fn asking_how_it_is_or_what_would_be_done_does_nothing() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let (acted, commits) = (bench.acted.len(), bench.commits);
    let Reply::Preview(preview) = bench
        .ask(Verb::Plan {
            persona: persona(1),
            to: None,
        })
        .await
    else {
        panic!("no preview")
    };
    assert_eq!(preview.placement.choice.as_ref().unwrap().server, server(3));
    assert_eq!(preview.fits(), Some(true));
    assert!(
        preview.expected > Duration::from_mins(10),
        "{:?}",
        preview.expected
    );
    assert!(preview.plan.is_some());
    let Reply::Status(status) = bench.ask(Verb::Status).await else {
        panic!("no status")
    };
    let homes: Vec<_> = status
        .personas
        .iter()
        .map(|p| p.home.clone().unwrap())
        .collect();
    assert_eq!(homes, [server(1), server(2)]);
    let spares: Vec<_> = status.servers.iter().filter(|s| s.scrubbed).collect();
    assert_eq!(spares.len(), 1);
    bench.run(LONG).await;
    assert_eq!((bench.acted.len(), bench.commits), (acted, commits));
}

#[tokio::test(start_paused = true)]
async fn a_changed_network_is_plugged_anew_and_the_site_is_on_record() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let text = include_str!("../../../../../examples/sites/white-paper.toml");
    let renumbered = text.replace("vlan = 103", "vlan = 203");
    let site = Box::new(Site::parse(&renumbered, "changed.toml").unwrap());
    let apply = Verb::Apply { site };
    let told = bench.ask(apply.clone()).await;
    assert!(
        matches!(&told, Reply::Accepted(text) if text.contains("203")),
        "{told:?}"
    );
    bench.run(SHORT).await;
    let port = "1/g2".parse().unwrap();
    let switch = &bench.world.switches["lan-1"];
    assert!(switch.carries(&port, VlanId::new(203).unwrap()));
    assert!(!switch.carries(&port, VlanId::new(103).unwrap()));
    assert_eq!(bench.ask(apply).await, Reply::AlreadySo);

    bench.world.site = Arc::new(white_paper());
    bench.restart();
    bench.run(SHORT).await;
    let used = bench
        .world
        .site
        .difference(&Site::parse(&renumbered, "").unwrap());
    assert_eq!(used, [], "the store is the site of record");
}

#[tokio::test(start_paused = true)]
async fn another_site_is_only_compared_if_that_is_all_that_is_asked() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let mut other = white_paper();
    other.name = "elsewhere".parse().unwrap();
    let site = Box::new(other);
    match bench.ask(Verb::Compare { site }).await {
        Reply::Difference(changes) => assert_eq!(changes.len(), 1, "{changes:?}"),
        other => panic!("{other:?}"),
    }
    let same = Box::new(white_paper());
    let told = bench.ask(Verb::Compare { site: same }).await;
    assert_eq!(told, Reply::Difference(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_site_with_other_devices_starts_the_controller_anew_and_lacks_nothing_in_use() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    let without = |number| {
        let mut fewer = white_paper();
        fewer.servers.remove(&server(number));
        Verb::Apply {
            site: Box::new(fewer),
        }
    };
    let reason = refused(bench.ask(without(1)).await);
    assert!(reason.contains("which may act as exchange-1"), "{reason}");
    let mut fewer = white_paper();
    fewer.personas.remove(&persona(1));
    let site = Box::new(fewer);
    let reason = refused(bench.ask(Verb::Apply { site }).await);
    assert!(reason.contains("stop it first"), "{reason}");

    accepted(&bench.ask(without(3)).await);
    assert_eq!(bench.world.site.servers.len(), 2, "it starts anew with it");
    bench.restart();
    bench.run(SHORT).await;
    bench.assert_ready(&[]);
}
