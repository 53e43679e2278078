//! What was decided or begun before a controller was away, or could record nothing, and has to fit
//! the world that it finds afterwards.

use std::time::Duration;

use coldspare_bmc::{Faults, PowerState};
use coldspare_heartbeat::{Beat, Flags, Health, Path};
use coldspare_network::VlanId;
use coldspare_network::memory::Fault;

use super::bench::{Bench, Mishap};
use super::{LONG, SHORT, generation};
use crate::command::Verb;
use crate::core::Input;
use crate::event::What;
use crate::record::Purpose;
use crate::reply::Reply;
use crate::site::Site;
use crate::step::Step;
use crate::test_world::{UNBOUND, WHITE_PAPER, persona, server, two_spares, white_paper};

/// Nothing can be recorded any more, until its mishaps are cleared.
fn lose_store(bench: &mut Bench) {
    let next = bench.commits + 1;
    let commits = next..next + 10_000;
    let lost = commits.map(|commit| (commit, Mishap::NeverArrives));
    bench.mishaps.extend(lost);
}

/// Nothing can be recorded for so long.
async fn without_store(bench: &mut Bench, span: Duration) {
    lose_store(bench);
    bench.run(span).await;
    bench.mishaps.clear();
}

fn maintenance(number: u8, on: bool) -> Verb {
    let server = server(number);
    Verb::Maintenance { server, on }
}

fn powered_off(bench: &Bench, number: u8) -> usize {
    let server = server(number);
    let off = Step::PowerOff { server };
    bench.acted.iter().filter(|step| **step == off).count()
}

#[tokio::test(start_paused = true)]
async fn who_came_up_while_nobody_could_hear_it_is_not_given_up_when_its_boot_timer_has_ended() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::PoweredOn, SHORT).await;
    without_store(&mut bench, Duration::from_mins(30)).await;
    bench.restart();
    bench.run(SHORT).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    assert!(bench.record(1).run.is_none(), "{:#?}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn who_has_not_come_up_by_then_is_given_up_all_the_same() {
    let mut bench = Bench::running(white_paper()).await;
    bench.world.broken.insert(server(3));
    bench.lose_power(1);
    bench.run_until_told(What::PoweredOn, SHORT).await;
    without_store(&mut bench, Duration::from_mins(30)).await;
    bench.restart();
    bench.run(SHORT).await;
    assert!(bench.record(1).avoid.contains_key(&server(3)));
}

#[tokio::test(start_paused = true)]
async fn who_wrote_its_disk_once_and_has_lost_it_since_is_not_up() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::PoweredOn, SHORT).await;
    bench.world.broken.insert(server(3));
    bench.run(SHORT).await;
    let heard = |bench: &mut Bench, sequence, wrote| {
        let beat = Beat {
            boot: 99,
            sequence,
            generation: generation(2),
            flags: Flags::default(),
            health: Health::default(),
            wrote: Some(Duration::from_secs(wrote)),
            sent: bench.now(),
            period: Duration::from_secs(1),
        };
        let (server, path) = (server(3), Path::First);
        bench.hand_in(Input::Heard { server, path, beat });
    };
    heard(&mut bench, 1, 20);
    assert_eq!(bench.count(What::AgentUp), 0);
    heard(&mut bench, 2, 1);
    assert_eq!(bench.count(What::AgentUp), 1);
}

#[tokio::test(start_paused = true)]
async fn a_home_that_returned_before_its_failover_could_be_recorded_is_kept() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    bench.lose_power(1);
    let before = powered_off(&bench, 1);
    lose_store(&mut bench);
    bench.run(SHORT).await;
    assert_eq!(bench.count(What::Verdict), 1);
    bench.world.bmcs[&server(1)].return_mains();
    bench.run(SHORT).await;
    bench.mishaps.clear();
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(1), generation(1))));
    assert_eq!(powered_off(&bench, 1), before, "{:#?}", bench.story());
    bench.assert_ready(&[3]);
}

#[tokio::test(start_paused = true)]
async fn a_home_that_is_lost_again_while_its_application_is_led_back_is_given_up() {
    let mut bench = Bench::running(white_paper()).await;
    bench.ask(maintenance(3, true)).await;
    bench.lose_power(1);
    bench.run_until_told(What::Waiting, SHORT).await;
    bench.world.guests[&persona(1)].set_fault(Some(Fault::Silent));
    bench.world.bmcs[&server(1)].return_mains();
    bench.run(SHORT).await;
    let purpose = bench.record(1).run.map(|run| run.purpose);
    assert_eq!(purpose, Some(Purpose::Stay), "it cannot be led back yet");
    bench.lose_power(1);
    bench.ask(maintenance(3, false)).await;
    bench.run_until_told(What::PoweredOn, LONG).await;
    let home = bench.record(1).holding.home().unwrap();
    assert_eq!(home.server, server(3));
}

#[tokio::test(start_paused = true)]
async fn who_was_reserved_and_can_neither_be_prepared_nor_proven_off_holds_up_no_other_spare() {
    let mut bench = Bench::running(two_spares()).await;
    bench.run(SHORT).await;
    bench.ask(maintenance(4, true)).await;
    bench.lose_power(1);
    bench.run_until_told(What::Placed, SHORT).await;
    bench.world.bmcs[&server(3)].set_faults(Faults {
        reads: Some(PowerState::On),
        ..Faults::default()
    });
    bench.run_until_told(What::Waiting, SHORT).await;
    bench.ask(maintenance(1, true)).await;
    bench.run(Duration::from_mins(12)).await;
    assert!(bench.record(1).holding.involves(&server(3)));
    bench.ask(maintenance(4, false)).await;
    bench.run_until_told(What::Restored, LONG).await;
    let home = bench.record(1).holding.home().unwrap();
    assert_eq!(home.server, server(4));
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_waits_for_its_time_is_acted_on_though_the_record_was_read_again() {
    let mut bench = Bench::running(white_paper()).await;
    for array in bench.world.arrays.values() {
        for source in bench.world.site.san_addresses(&server(1)) {
            array.set_reachable(source, false);
            let sessions = array.open_sessions().into_iter();
            for session in sessions.filter(|session| session.source == source) {
                array.end_session(&session.id);
            }
        }
    }
    bench.run_until_told(What::Verdict, LONG).await;
    bench.mishaps.insert(bench.commits + 1, Mishap::Conflict);
    let reply = bench.ask(Verb::Pause { on: true }).await;
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    bench.run_until_told(What::Restored, LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
}

#[tokio::test(start_paused = true)]
async fn a_site_that_is_applied_during_a_failover_holds_for_the_new_home_too() {
    let mut bench = Bench::running(white_paper()).await;
    bench.lose_power(1);
    bench.run_until_told(What::PoweredOn, SHORT).await;
    let renumbered = WHITE_PAPER.replace("vlan = 103", "vlan = 203");
    let site = Site::parse(&renumbered, "changed.toml").unwrap();
    let reply = bench.ask(Verb::Apply { site: site.into() }).await;
    assert!(matches!(reply, Reply::Accepted(_)), "{reply:?}");
    bench.run(LONG).await;
    assert_eq!(bench.home(1), Some((server(3), generation(2))));
    for number in [2, 3] {
        let cabling = bench.world.site.cabling(&server(number));
        let carried = |vlan: u16| {
            let vlan = VlanId::new(vlan).unwrap();
            let ports = cabling.iter().filter(|(_, cable)| {
                let switch = bench.world.switches.get(&cable.port.switch);
                switch.is_some_and(|switch| switch.carries(&cable.port.port, vlan))
            });
            ports.count()
        };
        assert!(carried(203) > 0, "server {number}");
        assert_eq!(carried(103), 0, "server {number}");
    }
    let runs = bench.told.iter().filter(|told| {
        told.event.event == What::Wired && told.event.about.persona == Some(persona(2))
    });
    assert!(runs.count() > 0, "{:#?}", bench.story());
}

#[tokio::test(start_paused = true)]
async fn what_a_scrub_saw_before_people_worked_on_the_server_does_not_count() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    for on in [true, false] {
        bench.ask(maintenance(3, on)).await;
    }
    // It is being scrubbed, slowly, when it goes into maintenance once more.
    bench.world.bmcs[&server(3)].set_faults(Faults {
        answer_after: Duration::from_secs(1),
        ..Faults::default()
    });
    bench.run(Duration::from_secs(1)).await;
    bench.ask(maintenance(3, true)).await;
    bench.run(LONG).await;
    let before = powered_off(&bench, 3);
    bench.ask(maintenance(3, false)).await;
    bench.run(LONG).await;
    assert_eq!(powered_off(&bench, 3), before + 1);
    bench.assert_scrubbed(&[3]);
}

#[tokio::test(start_paused = true)]
async fn of_a_server_on_which_it_did_not_come_up_a_person_can_say_that_it_is_fenced() {
    let mut bench = Bench::with_arrays(white_paper(), UNBOUND).await;
    bench.run(SHORT).await;
    bench.world.broken.insert(server(3));
    bench.lose_power(1);
    bench.run_until_told(What::PoweredOn, SHORT).await;
    bench.ask(maintenance(1, true)).await;
    bench
        .run_until_told(What::Waiting, Duration::from_mins(30))
        .await;
    bench.lose_feed(3);
    let persona = persona(1);
    bench
        .ask(Verb::Stop {
            persona: persona.clone(),
        })
        .await;
    bench.run(LONG).await;
    let word = Verb::ConfirmFenced {
        persona,
        server: server(3),
        generation: generation(2),
    };
    let reply = bench.ask(word).await;
    assert!(matches!(reply, Reply::Accepted(_)), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_started_again_in_place_is_parked_before_it_is_wired() {
    let mut bench = Bench::running(white_paper()).await;
    bench.ask(maintenance(3, true)).await;
    bench.world.frozen.insert(server(1));
    for switch in bench.world.switches.values() {
        switch.set_latency(Duration::from_secs(2));
    }
    bench.run_until_told(What::Wired, LONG).await;
    assert_eq!(bench.count(What::Parked), bench.world.switches.len());
}
