//! Every fault has its physical effect, looked at from outside; no controller runs here.

use std::time::Duration;

use coldspare_bmc::{PowerCommand, PowerState};
use coldspare_names::{NetworkName, PersonaName, ServerName, VolumeId};

use super::*;
use crate::Latency;

const R1: &str = "r720-1";

async fn world() -> World {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/sites/white-paper.toml"
    );
    let site = coldspare::site::Site::load(file).unwrap();
    let clock = Clock::showing(Time::EPOCH);
    let latency = Latency {
        variation: 0,
        ..Latency::default()
    };
    let world = World::running(&site, latency, 7, clock).await.unwrap();
    pass(10).await;
    world
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn server() -> ServerName {
    R1.parse().unwrap()
}

fn fault(kind: &str) -> FaultKind {
    let server = server();
    match kind {
        "power-loss" => FaultKind::PowerLoss { server },
        "power-return" => FaultKind::PowerReturn { server },
        "feed-loss" => FaultKind::FeedLoss {
            feed: "a".parse().unwrap(),
        },
        "bmc-loss" => FaultKind::BmcLoss { server },
        "agent-hang" => FaultKind::AgentHang { server },
        "server-freeze" => FaultKind::ServerFreeze { server },
        "san-loss" => FaultKind::SanLoss { server },
        "boot-failure" => FaultKind::BootFailure { server },
        "repair" => FaultKind::Repair { server },
        other => panic!("no fault {other}"),
    }
}

fn runs(world: &World) -> bool {
    let persona: PersonaName = "exchange-1".parse().unwrap();
    world.look(|truth| truth.homes(&persona)) == [server()]
}

fn connected(world: &World, network: &str) -> bool {
    let network: NetworkName = network.parse().unwrap();
    world.look(|truth| truth.is_connected(&server(), &network))
}

fn heard(world: &World) -> [bool; 2] {
    let state = world.lock();
    let open = state.open_paths(world.plant(), &server());
    open.unwrap_or_default()
}

fn image() -> VolumeId {
    VolumeId {
        array: "ps6110".parse().unwrap(),
        volume: "Exchange Server-1".parse().unwrap(),
    }
}

fn writes(world: &World) -> bool {
    let latest = world.look(|truth| truth.writings(&image()).last().map(|writing| writing.last));
    latest.is_some_and(|at| at + Duration::from_secs(2) > world.clock().now())
}

#[tokio::test(start_paused = true)]
async fn before_anything_breaks_everything_runs() {
    let world = world().await;
    assert!(runs(&world) && writes(&world));
    assert_eq!(heard(&world), [true, true]);
    assert!(connected(&world, "mapi") && connected(&world, "replication"));
    world.look(|truth| {
        assert_eq!(truth.writers(&image()).len(), 1);
        // Pool addresses on the control network are not static: two networks, two personas.
        assert_eq!(truth.speakers().len(), 4);
        assert_eq!(truth.power(&"r720-3".parse().unwrap()), PowerState::Off);
    });
}

#[tokio::test(start_paused = true)]
async fn without_power_nothing_runs_and_its_return_boots_what_the_nic_remembers() {
    let world = world().await;
    world.inject(&fault("power-loss"));
    assert!(!runs(&world) && heard(&world) == [false, false]);
    let bmc = world.devices().bmcs[&server()].clone();
    assert_eq!(bmc.read().await.unwrap().power, PowerState::Off);
    bmc.set_power(PowerCommand::On).await.unwrap();
    pass(60).await;
    assert!(!writes(&world));
    assert!(
        world.look(|truth| truth.sessions(&image().array).len()) == 1,
        "one was forgotten"
    );

    world.inject(&fault("power-return"));
    pass(8 * 60).await;
    assert!(runs(&world) && writes(&world) && connected(&world, "mapi"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_feed_takes_the_management_controller_along() {
    let world = world().await;
    world.inject(&fault("feed-loss"));
    let bmc = world.devices().bmcs[&server()].clone();
    assert!(bmc.read().await.is_err());
    world.inject(&fault("power-loss"));
    world.mend(&fault("feed-loss"));
    assert_eq!(
        bmc.read().await.unwrap().power,
        PowerState::Off,
        "its power supplies are dead too"
    );
    world.inject(&fault("repair"));
    pass(8 * 60).await;
    assert!(runs(&world), "last state: it was on");
}

#[tokio::test(start_paused = true)]
async fn a_lost_management_controller_takes_nothing_along() {
    let world = world().await;
    world.inject(&fault("bmc-loss"));
    pass(5).await;
    assert!(runs(&world) && heard(&world) == [true, true]);
    assert!(world.devices().bmcs[&server()].read().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_network_whose_nic_is_dead_goes_over_the_other_channel() {
    let world = world().await;
    let channel = 3.try_into().unwrap();
    world.inject(&FaultKind::NicLoss {
        server: server(),
        channel,
    });
    assert!(connected(&world, "mapi") && connected(&world, "replication"));
    assert_eq!(heard(&world), [true, true]);
    let other = 4.try_into().unwrap();
    world.inject(&FaultKind::CableLoss {
        server: server(),
        channel: other,
    });
    assert!(!connected(&world, "mapi") && !connected(&world, "replication"));
    let told = world.told();
    let moved = told
        .iter()
        .filter(|told| told.event.event == coldspare::What::ChannelFailover);
    let moved: Vec<_> = moved.filter_map(|told| told.event.status.clone()).collect();
    assert_eq!(moved, ["moved", "cut-off", "cut-off"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_switch_silences_its_path_and_two_silence_all() {
    let world = world().await;
    let lost = |name: &str| FaultKind::SwitchLoss {
        switch: name.parse().unwrap(),
    };
    world.inject(&lost("lan-1"));
    assert_eq!(heard(&world), [false, true]);
    assert!(connected(&world, "mapi"), "over channel 4");
    world.inject(&lost("lan-2"));
    assert_eq!(heard(&world), [false, false]);
    world.mend(&lost("lan-1"));
    assert_eq!(heard(&world), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn one_of_two_san_ports_is_enough_and_none_is_not() {
    let world = world().await;
    world.inject(&FaultKind::SanPortLoss {
        server: server(),
        port: 1,
    });
    pass(10).await;
    assert!(runs(&world) && writes(&world));
    world.inject(&fault("san-loss"));
    pass(10).await;
    assert!(!runs(&world) && !writes(&world));
    assert_eq!(heard(&world), [true, true], "the agent lives");
}

#[tokio::test(start_paused = true)]
async fn an_array_that_comes_back_is_logged_in_to_again() {
    let world = world().await;
    let kind = FaultKind::ArrayLoss {
        array: image().array,
    };
    world.inject(&kind);
    pass(10).await;
    assert!(!runs(&world));
    world.mend(&kind);
    pass(10).await;
    assert!(runs(&world) && writes(&world));
}

#[tokio::test(start_paused = true)]
async fn a_hung_agent_is_silent_and_writes_on() {
    let world = world().await;
    world.inject(&fault("agent-hang"));
    pass(10).await;
    assert!(heard(&world) == [false, false] && writes(&world) && runs(&world));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_does_nothing_and_goes_on_where_it_was_when_it_thaws() {
    let world = world().await;
    world.inject(&fault("server-freeze"));
    pass(60).await;
    assert!(heard(&world) == [false, false] && !writes(&world) && !runs(&world));
    assert_eq!(
        world.look(|truth| truth.writers(&image()).len()),
        1,
        "it could, once it thaws"
    );
    world.mend(&fault("server-freeze"));
    pass(1).await;
    assert!(heard(&world) == [true, true] && writes(&world) && runs(&world));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_that_was_shut_out_cannot_come_back() {
    let world = world().await;
    world.inject(&fault("server-freeze"));
    let array = world.devices().arrays[&image().array].clone();
    let found = array
        .admissions()
        .await
        .unwrap()
        .remove(&image().volume)
        .unwrap();
    let mut wanted = found.clone();
    wanted.admitted.clear();
    array
        .set_admissions(&image().volume, &found, &wanted)
        .await
        .unwrap();
    let open: Vec<_> = array
        .sessions()
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.id)
        .collect();
    array.drop_sessions(&open).await.unwrap();
    assert!(world.look(|truth| truth.writers(&image())).is_empty());
    world.mend(&fault("server-freeze"));
    pass(60).await;
    assert!(!writes(&world), "it tried to log in again with what it had");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_its_self_test_boots_nothing() {
    let world = world().await;
    world.inject(&fault("boot-failure"));
    world.inject(&fault("power-loss"));
    world.inject(&fault("power-return"));
    pass(20 * 60).await;
    assert!(!runs(&world) && !writes(&world));
    assert_eq!(world.look(|truth| truth.power(&server())), PowerState::On);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_cut_off_reaches_nothing_and_breaks_nothing() {
    let world = world().await;
    world.inject(&FaultKind::ControllerLinkLoss);
    let devices = world.devices();
    assert!(devices.bmcs[&server()].read().await.is_err());
    assert!(devices.arrays[&image().array].sessions().await.is_err());
    assert!(
        devices.switches[&"lan-1".parse::<coldspare_names::SwitchName>().unwrap()]
            .ports()
            .await
            .is_err()
    );
    assert!(heard(&world) == [false, false] && runs(&world));
}

#[tokio::test(start_paused = true)]
async fn an_array_forgets_an_initiator_that_no_packet_comes_from() {
    let world = world().await;
    world.inject(&fault("san-loss"));
    pass(10).await;
    let open = |world: &World| world.look(|truth| truth.writers(&image()).len());
    assert_eq!(open(&world), 1, "idle, and still there");
    pass(60).await;
    assert_eq!(open(&world), 0);
    world.mend(&fault("san-loss"));
    pass(10).await;
    assert!(runs(&world) && writes(&world), "it logged in again");
}

#[tokio::test(start_paused = true)]
async fn the_sessions_of_a_server_without_san_end_whatever_else_it_had_lost_before() {
    let world = world().await;
    let sessions = |array: &str| {
        let array = array.parse().unwrap();
        world.look(|truth| {
            let open = truth.sessions(&array).into_iter();
            open.filter(|session| truth.server_at(session.source) == Some(&server()))
                .count()
        })
    };
    assert_eq!((sessions("ps6110"), sessions("ps6010")), (1, 2));
    let images = FaultKind::ArrayLoss {
        array: "ps6110".parse().unwrap(),
    };
    world.inject(&images);
    pass(60).await;
    assert_eq!(sessions("ps6010"), 2);
    world.inject(&fault("san-loss"));
    pass(60).await;
    assert_eq!(sessions("ps6010"), 0);
    world.mend(&images);
    pass(60).await;
    assert_eq!((sessions("ps6110"), sessions("ps6010")), (0, 0));
}
