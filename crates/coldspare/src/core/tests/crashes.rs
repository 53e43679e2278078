use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_names::Time;
use coldspare_network::memory::MemorySwitch;
use coldspare_san::memory::MemoryArray;

use super::bench::{Bench, Death, Mishap};
use super::{SHORT, generation};
use crate::command::Verb;
use crate::event::What;
use crate::record::ServerRecord;
use crate::reply::Reply;
use crate::site::Site;
use crate::test_world::{UNBOUND, WHITE_PAPER, persona, server, white_paper};

/// Something after which everything is in its place, however often the controller died meanwhile.
#[derive(Debug, Clone, Copy)]
enum Story {
    Adoption,
    Failover,
    Repair,
    Move,
    MoveBack,
    Stop,
    Start,
    Maintenance,
    Word,
    Pause,
    Change,
}

impl Story {
    /// The site before it.
    async fn before(self) -> Bench {
        if let Self::Adoption = self {
            let mut bench = Bench::idle(white_paper(), MemoryArray::TRAITS).await;
            bench.set_up_all().await;
            return bench;
        }
        let mut bench = match self {
            Self::Word => Bench::with_arrays(white_paper(), UNBOUND).await,
            _ => Bench::running(white_paper()).await,
        };
        match self {
            Self::Repair | Self::Word => bench.lose_feed(1),
            Self::MoveBack => insist(&mut bench, retarget(3)).await,
            Self::Start => insist(&mut bench, stop()).await,
            _ => {}
        }
        go_on(&mut bench, 60).await;
        bench
    }

    async fn happens(self, bench: &mut Bench) {
        match self {
            Self::Adoption => {}
            Self::Failover => bench.lose_power(1),
            Self::Repair => bench.world.bmcs[&server(1)].return_mains(),
            Self::Move => insist(bench, retarget(3)).await,
            Self::MoveBack => insist(bench, retarget(1)).await,
            Self::Stop => insist(bench, stop()).await,
            Self::Start => {
                let on = Some(server(1));
                let persona = persona(1);
                insist(bench, Verb::Start { persona, on }).await;
            }
            Self::Maintenance => {
                for on in [true, false] {
                    let server = server(3);
                    insist(bench, Verb::Maintenance { server, on }).await;
                }
            }
            Self::Word => {
                let word = Verb::ConfirmFenced {
                    persona: persona(1),
                    server: server(1),
                    generation: generation(1),
                };
                insist(bench, word).await;
            }
            Self::Pause => {
                for on in [true, false] {
                    insist(bench, Verb::Pause { on }).await;
                }
            }
            Self::Change => {
                let renumbered = WHITE_PAPER.replace("vlan = 103", "vlan = 203");
                let site = Site::parse(&renumbered, "changed.toml").unwrap();
                insist(bench, Verb::Apply { site: site.into() }).await;
            }
        }
        go_on(bench, 60).await;
    }

    async fn play(self, prepare: impl FnOnce(&mut Bench)) -> Bench {
        let mut bench = self.before().await;
        prepare(&mut bench);
        self.happens(&mut bench).await;
        bench
    }

    /// The controller dies before and after each of its outputs, and the end is the same.
    async fn survives_every_death(self) {
        let mut begun = 0;
        let undisturbed = self.play(|bench| begun = bench.outputs).await;
        println!("{self:?}: {} outputs", undisturbed.outputs - begun);
        for at in begun + 1..=undisturbed.outputs {
            for done in [false, true] {
                let death = Death { at, done };
                let bench = self.play(|bench| bench.dies = Some(death)).await;
                assert_same_end(&bench, &undisturbed, &format!("{self:?}, {death:?}"));
            }
        }
    }
}

/// Asks as a person who asks again until it is so.
async fn insist(bench: &mut Bench, verb: Verb) {
    let mut last = None;
    for _ in 0..30 {
        let request = bench.request(verb.clone());
        go_on(bench, 2).await;
        let reply = bench.reply(request);
        // A word that was taken cannot be given again.
        let may_be_refused = matches!(verb, Verb::ConfirmFenced { .. });
        match reply {
            Some(Reply::Accepted(_) | Reply::AlreadySo) => return,
            Some(_) if may_be_refused => return,
            reply => last = reply,
        }
    }
    panic!("it never becomes so: {verb:?}, {last:?}");
}

/// Lets so many seconds pass; an operating system that is asked to shut down does.
async fn go_on(bench: &mut Bench, seconds: u64) {
    for _ in 0..seconds {
        bench.run(Duration::from_secs(1)).await;
        for (server, booted) in &bench.world.booted {
            if bench.world.guests[&booted.persona].is_shutting_down() {
                bench.world.bmcs[server].turn_off_by_hand();
            }
        }
    }
}

fn retarget(to: u8) -> Verb {
    Verb::Retarget {
        persona: persona(1),
        to: Some(server(to)),
    }
}

fn stop() -> Verb {
    let persona = persona(1);
    Verb::Stop { persona }
}

/// Takes the first server's power, does something to the controller, and waits for the end.
async fn failover(prepare: impl FnOnce(&mut Bench)) -> Bench {
    Story::Failover.play(prepare).await
}

fn assert_same_end(bench: &Bench, undisturbed: &Bench, how: &str) {
    assert_eq!(bench.records(), undisturbed.records(), "{how}");
    for number in [1, 2] {
        assert_eq!(
            bench.home_in_world(number),
            undisturbed.home_in_world(number),
            "{how}"
        );
    }
    for server in bench.world.site.servers.keys() {
        let record = |bench: &Bench| {
            let record = bench.server_record(server);
            // A controller that dies may notice a moment later.
            let failed_at = record.failed_at.map(|_| Time::EPOCH);
            ServerRecord {
                failed_at,
                ..record
            }
        };
        assert_eq!(record(bench), record(undisturbed), "{how}: {server}");
    }
    for (name, switch) in &bench.world.switches {
        let other = &undisturbed.world.switches[name];
        let passes = |switch: &MemorySwitch| {
            let ports = switch.truth().into_iter();
            ports
                .map(|(port, status)| (port, status.observed))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(passes(switch), passes(other), "{how}: {name}");
    }
    assert_eq!(bench.world.site, undisturbed.world.site, "{how}");
}

macro_rules! survives_every_death {
    ($($name:ident: $story:ident,)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            Story::$story.survives_every_death().await;
        }
    )*};
}

survives_every_death! {
    a_controller_that_dies_at_any_moment_of_a_failover_changes_nothing_in_the_end: Failover,
    nor_of_its_first_look_at_a_running_site: Adoption,
    nor_while_a_server_whose_power_returns_becomes_a_spare: Repair,
    nor_of_a_move: Move,
    nor_of_a_move_back: MoveBack,
    nor_of_a_stop: Stop,
    nor_of_a_start: Start,
    nor_while_a_server_goes_in_and_out_of_maintenance: Maintenance,
    nor_when_a_person_says_that_a_server_is_fenced: Word,
    nor_while_everything_is_paused: Pause,
    nor_while_the_site_changes: Change,
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_was_started_again_knows_whether_its_spares_are_off() {
    let mut bench = Bench::running(white_paper()).await;
    bench.run(SHORT).await;
    bench.restart();
    go_on(&mut bench, 2).await;
    let reply = bench.ask(retarget(3)).await;
    assert!(matches!(reply, Reply::Accepted(_)), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn the_undisturbed_end_is_the_right_one() {
    let failed_over = failover(|_| ()).await;
    assert_eq!(failed_over.home(1), Some((server(3), generation(2))));
    for (story, home) in [
        (Story::Move, Some(server(3))),
        (Story::MoveBack, Some(server(1))),
        (Story::Stop, None),
        (Story::Start, Some(server(1))),
        (Story::Word, Some(server(3))),
    ] {
        let bench = story.play(|_| ()).await;
        assert_eq!(bench.home(1).map(|(server, _)| server), home, "{story:?}");
    }
    for story in [Story::Adoption, Story::Maintenance] {
        story.play(|_| ()).await.assert_scrubbed(&[3]);
    }
    Story::Repair.play(|_| ()).await.assert_scrubbed(&[1]);
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
