use std::time::Duration;

use coldspare_bmc::Faults;
use coldspare_persona::PersonaState;

use super::bench::Bench;
use super::{LONG, SHORT, generation};
use crate::command::Verb;
use crate::event::What;
use crate::fence::Evidence;
use crate::site::Site;
use crate::step::{Kind, Step};
use crate::test_world::{UNBOUND, WHITE_PAPER, persona, server, two_spares, white_paper};

#[tokio::test(start_paused = true)]
async fn a_server_that_lost_its_power_is_replaced_by_the_spare() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    assert_eq!(bench.home(2), Some((server(2), generation(1))), "untouched");

    let fenced = bench.record(1).holding.fenced().clone();
    assert_eq!(fenced[&server(1)].evidence, Evidence::Off);
    bench.run(LONG).await;
    bench.assert_ready(&[1]);
    assert!(
        bench.record(1).holding.fenced().is_empty(),
        "scrubbed since"
    );
    assert!(
        !bench.server_record(&server(3)).scrubbed,
        "it wears a persona"
    );
}

#[tokio::test(start_paused = true)]
async fn a_persona_without_agent_lives_by_its_health_monitor_and_is_missed_without_it() {
    let without_agent = "\"trunk\"\nagent = false\nhealth-monitor = \"10.10.3.11\"";
    let text = WHITE_PAPER.replacen("\"trunk\"", without_agent, 1);
    let mut bench = Bench::running(Site::parse(&text, "without-agent.toml").unwrap()).await;
    bench.run(LONG).await;
    assert_eq!(bench.count(What::Suspected), 0, "{:#?}", bench.story());
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_given_before_everything_was_taken() {
    let mut bench = Bench::running(white_paper()).await;
    let before = bench.acted.len();
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT).await;
    let kinds: Vec<_> = bench.acted[before..].iter().map(Step::kind).collect();
    let first_give = kinds.iter().position(|kind| *kind == Kind::Give).unwrap();
    let told_fenced = bench
        .told
        .iter()
        .position(|told| told.event.event == What::Fenced);
    let told_admitted = bench
        .told
        .iter()
        .position(|told| told.event.event == What::Admitted);
    assert!(kinds[..first_give].contains(&Kind::Take));
    assert!(told_fenced.unwrap() < told_admitted.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_controller_lost_its_feed_too_is_isolated_and_may_come_back() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_feed(1);
    bench.run_until_told(What::Restored, SHORT).await;
    let fenced = bench.record(1).holding.fenced().clone();
    assert_eq!(fenced[&server(1)].evidence, Evidence::Isolation);
    bench.run(LONG).await;
    assert!(!bench.server_record(&server(1)).scrubbed, "nobody can tell");

    // Its NIC remembers the persona, and the power was on before: it starts by itself.
    bench.world.bmcs[&server(1)].return_mains();
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    bench.assert_ready(&[1]);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_is_fenced_and_can_do_no_harm_when_it_thaws() {
    let mut bench = Bench::running(white_paper()).await;
    bench.world.frozen.insert(server(1));
    bench.run_until_told(What::Restored, SHORT).await;
    bench.world.frozen.clear();
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn a_management_controller_that_takes_its_time_does_not_hold_up_who_is_isolated() {
    let mut bench = Bench::running(white_paper()).await;
    bench.world.frozen.insert(server(1));
    let off_takes = Duration::from_mins(1);
    bench.world.bmcs[&server(1)].set_faults(Faults {
        off_takes,
        ..Faults::default()
    });
    bench.run_until_told(What::Restored, SHORT).await;
    let at = |what| bench.told.iter().find(|told| told.event.event == what);
    let (shut_out, fenced) = (at(What::ShutOut).unwrap(), at(What::Fenced).unwrap());
    assert!(fenced.at - shut_out.at < Duration::from_secs(4));
    let fenced = bench.record(1).holding.fenced().clone();
    assert_eq!(fenced[&server(1)].evidence, Evidence::Isolation);
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    assert!(bench.server_record(&server(1)).scrubbed, "once it is off");
}

#[tokio::test(start_paused = true)]
async fn each_of_many_failovers_leaves_its_server_a_spare_again() {
    let mut bench = Bench::running(white_paper()).await;
    let mut home = 1;
    for round in 2..6 {
        bench.lose_power(home);
        bench.run_until_told(What::Restored, LONG).await;
        bench.world.bmcs[&server(home)].return_mains();
        bench.run(LONG).await;
        let other = if home == 1 { 3 } else { 1 };
        assert_eq!(bench.home(1), Some((server(other), generation(round))));
        bench.assert_ready(&[home]);
        home = other;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_spare_the_dead_server_is_left_alone_and_the_reasons_told_once() {
    let mut bench = Bench::running(white_paper()).await;
    let on = true;
    bench
        .ask(Verb::Maintenance {
            server: server(3),
            on,
        })
        .await;
    let before = bench.acted.len();
    bench.lose_power(1);
    bench.run(Duration::from_hours(1)).await;
    assert_eq!(bench.acted[before..], [], "nothing was touched");
    assert_eq!(bench.count(What::Waiting), 1);
    let waiting = bench
        .told
        .iter()
        .find(|told| told.event.event == What::Waiting);
    let reasons = waiting.unwrap().event.explanation.join("\n");
    assert!(reasons.contains("r720-3 is in maintenance"), "{reasons}");
    assert!(reasons.contains("r720-1 cannot be proven off"), "{reasons}");
    assert_eq!(bench.record(1).state, PersonaState::Waiting);

    let on = false;
    bench
        .ask(Verb::Maintenance {
            server: server(3),
            on,
        })
        .await;
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn a_persona_that_waits_stays_at_home_when_its_server_returns() {
    let mut bench = Bench::running(white_paper()).await;
    let on = true;
    bench
        .ask(Verb::Maintenance {
            server: server(3),
            on,
        })
        .await;
    for crashed in [false, true] {
        let told = bench.count(What::Waiting);
        bench.lose_power(1);
        bench.run(LONG).await;
        assert_eq!(bench.record(1).state, PersonaState::Waiting);
        assert_eq!(bench.count(What::Waiting), told + 1, "in each episode");
        if crashed {
            bench.restart();
        }
        bench.world.bmcs[&server(1)].return_mains();
        bench.run(SHORT).await;
        assert_eq!(bench.record(1).state, PersonaState::Running);
        assert_eq!(bench.home(1), Some((server(1), generation(1))));
    }
    let on = false;
    bench
        .ask(Verb::Maintenance {
            server: server(3),
            on,
        })
        .await;
    bench.run(LONG).await;
    assert_eq!(
        bench.home(1),
        Some((server(1), generation(1))),
        "a spare is no reason to move"
    );
}

#[tokio::test(start_paused = true)]
async fn when_the_boot_timer_ends_the_second_spare_is_used_and_the_first_fenced_and_scrubbed() {
    let mut bench = Bench::running(two_spares()).await;
    bench.run(SHORT).await;
    bench.assert_ready(&[3, 4]);
    bench.world.broken.insert(server(3));
    bench.lose_feed(1);
    bench
        .run_until_told(What::Restored, Duration::from_mins(30))
        .await;
    let first_failed = bench
        .told
        .iter()
        .any(|told| told.event.event == What::Alarm && told.event.about.server == Some(server(3)));
    assert!(first_failed);
    assert_eq!(bench.home(1), Some((server(4), generation(3))));
    bench.run(LONG).await;
    bench.assert_ready(&[3]);
}

#[tokio::test(start_paused = true)]
async fn the_same_server_is_started_again_where_no_other_fits() {
    let mut bench = Bench::running(white_paper()).await;
    let on = true;
    bench
        .ask(Verb::Maintenance {
            server: server(3),
            on,
        })
        .await;
    bench.world.frozen.insert(server(1));
    bench.run_until_told(What::PoweredOn, LONG).await;
    bench.world.frozen.clear();
    bench.run_until_told(What::Restored, LONG).await;
    assert_eq!(bench.home(1), Some((server(1), generation(2))));
    assert!(bench.record(1).holding.fenced().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_started_again_in_place_goes_to_a_spare_once_one_fits() {
    let mut bench = Bench::running(white_paper()).await;
    let maintenance = |on| Verb::Maintenance {
        server: server(3),
        on,
    };
    bench.ask(maintenance(true)).await;
    bench.world.frozen.insert(server(1));
    bench.world.bmcs[&server(1)].set_faults(Faults {
        ignores: true,
        ..Faults::default()
    });
    bench.run(LONG).await;
    assert_eq!(bench.record(1).state, PersonaState::OperatorNeeded);
    bench.ask(maintenance(false)).await;
    bench.run_until_told(What::Restored, LONG).await;
    let home = bench.record(1).holding.home().unwrap();
    assert_eq!((home.server, home.generation), (server(3), generation(3)));
}

#[tokio::test(start_paused = true)]
async fn a_spare_that_could_not_be_asked_is_asked_again_while_a_restart_in_place_is_stuck() {
    let mut bench = Bench::running(white_paper()).await;
    let faults = |silent, ignores| Faults {
        silent,
        ignores,
        ..Faults::default()
    };
    bench.world.bmcs[&server(3)].set_faults(faults(true, false));
    bench.world.bmcs[&server(1)].set_faults(faults(false, true));
    bench.world.frozen.insert(server(1));
    bench.run(LONG).await;
    assert_eq!(bench.record(1).state, PersonaState::OperatorNeeded);
    bench.world.bmcs[&server(3)].set_faults(Faults::default());
    bench.run_until_told(What::Restored, LONG).await;
    let home = bench.record(1).holding.home().unwrap();
    assert_eq!((home.server, home.generation), (server(3), generation(3)));
}

#[tokio::test(start_paused = true)]
async fn a_second_server_lost_during_the_first_failover_is_replaced_too() {
    let mut bench = Bench::running(two_spares()).await;
    bench.run(SHORT).await;
    bench.lose_power(1);
    bench.run_until_told(What::Fenced, SHORT).await;
    bench.lose_power(2);
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    assert_eq!(bench.home(2), Some((server(4), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn the_spare_itself_lost_while_it_boots_is_given_up_when_its_timer_ends() {
    let mut bench = Bench::running(two_spares()).await;
    bench.run(SHORT).await;
    bench.lose_feed(1);
    bench.run_until_told(What::PoweredOn, SHORT).await;
    bench.lose_feed(3);
    bench.run(Duration::from_mins(30)).await;
    assert_eq!(bench.home(1), Some((server(4), generation(3))));
}

#[tokio::test(start_paused = true)]
async fn no_more_failovers_run_side_by_side_than_the_pool_allows() {
    let mut site = two_spares();
    for pool in site.pools.values_mut() {
        pool.policy.simultaneous_failovers = std::num::NonZeroU32::MIN;
    }
    let mut bench = Bench::running(site).await;
    bench.run(SHORT).await;
    bench.lose_power(1);
    bench.lose_power(2);
    let mut in_run = 0;
    for _ in 0..300 {
        bench.run(Duration::from_secs(1)).await;
        let records = bench.records();
        in_run = in_run.max(records.values().filter(|record| record.is_in_run()).count());
    }
    assert_eq!(in_run, 1);
    assert!(bench.home(1).is_some() && bench.home(2).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_fitting_spare_of_another_pool_is_never_used() {
    let text = include_str!("../../../../../examples/sites/two-pools.toml");
    let mut bench = Bench::running(Site::parse(text, "two-pools.toml").unwrap()).await;
    bench.run(SHORT).await;
    let before = bench.acted.len();
    bench.lose_power(1);
    bench.run(Duration::from_hours(1)).await;
    assert_eq!(bench.acted[before..], []);
    assert_eq!(bench.record(1).state, PersonaState::Waiting);
}

#[tokio::test(start_paused = true)]
async fn where_an_array_binds_nobody_the_spare_is_armed_only_once_the_old_server_is_fenced() {
    let mut bench = Bench::with_arrays(white_paper(), UNBOUND).await;
    bench.lose_power(1);
    bench.run_until_told(What::Restored, SHORT).await;
    let at = |what| {
        bench
            .told
            .iter()
            .position(|told| told.event.event == what)
            .unwrap()
    };
    assert!(at(What::Fenced) < at(What::Armed));
    assert_eq!(bench.record(1).holding.home().unwrap().server, server(3));
}

#[tokio::test(start_paused = true)]
async fn where_an_array_binds_nobody_isolation_is_no_proof_and_a_person_decides() {
    let mut bench = Bench::with_arrays(white_paper(), UNBOUND).await;
    bench.lose_feed(1);
    bench.run(Duration::from_hours(1)).await;
    assert!(!bench.acted.iter().any(|step| step.kind() == Kind::Give));
    assert_eq!(bench.count(What::OperatorNeeded), 1);
    assert_eq!(bench.record(1).state, PersonaState::OperatorNeeded);

    bench
        .ask(Verb::ConfirmFenced {
            persona: persona(1),
            server: server(1),
            generation: generation(1),
        })
        .await;
    bench.run_until_told(What::Restored, LONG).await;
    let record = bench.record(1);
    assert_eq!(record.holding.home().unwrap().server, server(3));
    let evidence = &record.holding.fenced()[&server(1)].evidence;
    assert!(matches!(evidence, Evidence::Operator { by } if by.to_string() == "operator-1"));
}

#[tokio::test(start_paused = true)]
async fn a_home_that_has_its_power_again_and_does_not_boot_is_started_again_after_its_time() {
    let mut bench = Bench::running(white_paper()).await;
    let on = true;
    let server_3 = server(3);
    bench
        .ask(Verb::Maintenance {
            server: server_3,
            on,
        })
        .await;
    bench.lose_power(1);
    bench.run(LONG).await;
    bench.world.frozen.insert(server(1));
    bench.world.bmcs[&server(1)].return_mains();
    bench.run(LONG).await;
    assert_eq!(bench.count(What::Reserved), 0, "it may yet boot");
    bench.run_until_told(What::PoweredOn, LONG * 6).await;
    bench.world.frozen.clear();
    bench.run_until_told(What::Restored, LONG).await;
    assert_eq!(bench.home(1), Some((server(1), generation(2))));
}
