//! When the detector doubts its own ears.

use std::collections::BTreeSet;

use super::world::{FIRST, Fate, World, secs, slot};
use super::*;

fn rack(number: u32) -> Cause {
    Cause::Shared([Label::new(format!("rack {number}"))].into())
}

fn causes(world: &World) -> Vec<Cause> {
    let cause = |finding| match finding {
        Finding::Held { cause, .. } => cause,
        other => panic!("{other:?}"),
    };
    let held = world.told(|finding| matches!(finding, Finding::Held { .. }));
    held.into_iter().map(cause).collect()
}

fn dead(world: &World, servers: u32) -> Vec<u32> {
    let is_dead = |number: &u32| {
        let verdicts = world.verdicts(slot(*number));
        verdicts.iter().any(|(_, v)| v.status == Status::Dead)
    };
    (0..servers).filter(is_dead).collect()
}

#[test]
fn a_rack_that_falls_silent_is_held_named_and_outlived() {
    for others in [20, 40, 180] {
        let mut world = World::in_racks([20, others]);
        world.witnesses_answer = false;
        for number in 0..20 {
            world.at(secs(10.0), slot(number), Fate::CutOff);
            // They come back one by one, the last of them 15 s after the first.
            let back = secs(100.0 + 0.75 * f64::from(number / 3 * 3));
            world.at(
                secs(back.since_epoch().as_secs_f64()),
                slot(number),
                Fate::Well,
            );
        }
        world.run(secs(200.0));
        assert_eq!(causes(&world), [rack(0)], "20 of {}", 20 + others);
        let judged: BTreeSet<Status> = (0..20)
            .flat_map(|number| world.verdicts(slot(number)))
            .map(|(_, verdict)| verdict.status)
            .collect();
        assert!(!judged.contains(&Status::Dead));
        let ceilings = world.told(|f| matches!(f, Finding::CeilingPassed { .. }));
        assert_eq!(ceilings, []);
        let ended = Finding::HoldEnded {
            cause: rack(0),
            slots: BTreeSet::new(),
        };
        assert_eq!(
            world.told(|f| matches!(f, Finding::HoldEnded { .. })),
            [ended]
        );
    }
}

/// Twenty of forty servers, a rack of them, are cut off for these spans; nobody can be asked.
fn rack_cut_off(spans: impl Fn(u32) -> Vec<[f64; 2]>) -> World {
    let mut world = World::in_racks([20, 20]);
    world.witnesses_answer = false;
    for number in 0..20 {
        for [from, to] in spans(number) {
            world.at(secs(from), slot(number), Fate::CutOff);
            world.at(secs(to), slot(number), Fate::Well);
        }
    }
    world.run(secs(500.0));
    world
}

fn assert_held_once_and_nobody_given_up(world: &World) {
    assert_eq!(causes(world), [rack(0)]);
    assert_eq!(dead(world, 20), [0; 0]);
    let ceilings = world.told(|f| matches!(f, Finding::CeilingPassed { .. }));
    assert_eq!(ceilings, []);
}

#[test]
fn a_rack_that_falls_silent_again_before_its_hold_ends_is_held_on() {
    let world = rack_cut_off(|_| vec![[60.0, 150.0], [180.0, 400.0]]);
    assert_held_once_and_nobody_given_up(&world);
}

#[test]
fn a_heartbeat_that_leaks_through_ends_no_hold() {
    let world = rack_cut_off(|number| match number {
        0 => vec![[60.0, 65.0], [66.5, 300.0]],
        _ => vec![[60.0, 300.0]],
    });
    assert_held_once_and_nobody_given_up(&world);
}

#[test]
fn a_feed_that_takes_servers_and_controllers_along_is_decided_by_the_san() {
    let mut world = World::in_racks([4, 4]);
    for number in 0..4 {
        world.at(secs(10.0), slot(number), Fate::FeedLost);
    }
    world.run(secs(60.0));
    assert_eq!(causes(&world), [rack(0)]);
    assert_eq!(dead(&world, 8), [0, 1, 2, 3]);
}

#[test]
fn two_racks_at_once_are_one_cause_if_they_share_one() {
    let mut world = World::in_racks([10, 10]);
    world.witnesses_answer = false;
    for number in 0..20 {
        world.at(secs(10.0), slot(number), Fate::CutOff);
    }
    world.run(secs(30.0));
    let last = causes(&world).pop();
    assert_eq!(last, Some(Cause::Shared([Label::from("feed a")].into())));
}

#[test]
fn a_server_that_dies_in_a_held_rack_is_told_when_a_witness_knows() {
    let mut world = World::in_racks([6, 20]);
    for number in 0..6 {
        world.at(secs(10.0), slot(number), Fate::CutOff);
    }
    world.at(secs(30.0), slot(3), Fate::PoweredOff);
    world.run(secs(60.0));
    assert_eq!(dead(&world, 26), [3]);
}

#[test]
fn one_that_does_not_come_back_with_its_rack_is_judged_when_the_hold_ends() {
    let mut world = World::in_racks([6, 20]);
    world.witnesses_answer = false;
    for number in 0..6 {
        world.at(secs(10.0), slot(number), Fate::CutOff);
        if number != 3 {
            world.at(secs(40.0), slot(number), Fate::Well);
        }
    }
    world.run(secs(300.0));
    let verdicts = world.verdicts(slot(3));
    let (at, last) = verdicts.last().unwrap();
    assert_eq!(last.status, Status::Unknown);
    assert!(*at >= secs(100.0), "after the stragglers' minute: {at}");
    let told = Finding::CeilingPassed { slot: slot(3) };
    assert_eq!(
        world.told(|f| matches!(f, Finding::CeilingPassed { .. })),
        [told]
    );
}

#[test]
fn servers_that_share_nothing_are_judged_each_alone() {
    let mut world = World::in_racks([1, 30, 1, 30]);
    for number in [0, 31] {
        world.at(secs(10.0), slot(number), Fate::PoweredOff);
    }
    world.run(secs(30.0));
    assert_eq!(dead(&world, 62), [0, 31]);
}

#[test]
fn an_array_that_takes_all_disks_along_is_named_and_nobody_is_given_up() {
    let mut world = World::of(4);
    for number in 0..4 {
        world.at(secs(10.0), slot(number), Fate::DiskLost);
        world.at(secs(75.0), slot(number), Fate::Well);
    }
    world.run(secs(300.0));
    let array = "eql".parse().unwrap();
    assert_eq!(causes(&world), [Cause::Arrays([array].into())]);
    for number in 1..4 {
        let statuses: Vec<_> = world
            .verdicts(slot(number))
            .into_iter()
            .map(|(_, v)| v.status)
            .collect();
        assert_eq!(statuses, [Status::Held]);
    }
}

#[test]
fn disks_lost_together_are_given_up_once_their_array_has_said_for_a_while_that_they_are_gone() {
    let mut world = World::of(4);
    for number in 0..2 {
        world.at(secs(10.0), slot(number), Fate::DiskLost);
    }
    world.run(secs(40.0));
    world.witnesses_answer = false;
    world.run(secs(140.0));
    assert_eq!(
        world.told(|f| matches!(f, Finding::HoldEnded { .. })),
        [],
        "an array that is gone may be the cause"
    );
    world.witnesses_answer = true;
    world.run(secs(300.0));
    for number in 0..2 {
        let (at, last) = world.verdicts(slot(number)).pop().unwrap();
        assert_eq!(last.status, Status::SanLost);
        assert!(secs(200.0) <= at && at <= secs(204.0), "{at}");
    }
}

#[test]
fn a_monitor_that_stood_still_judges_nobody_before_it_listened_again() {
    let mut world = World::of(4);
    world.run(secs(10.0));
    world.sleep(secs(15.0));
    world.run(secs(40.0));
    assert_eq!(causes(&world), [Cause::MonitorStopped]);
    assert_eq!(world.told(|f| matches!(f, Finding::Suspected { .. })), []);
}

#[test]
fn a_server_that_died_while_the_monitor_stood_still_is_told_afterwards() {
    let mut world = World::of(4);
    world.run(secs(10.0));
    world.at(secs(15.0), slot(2), Fate::PoweredOff);
    world.sleep(secs(14.9));
    world.run(secs(40.0));
    assert_eq!(dead(&world, 4), [2]);
    let (at, verdict) = world.verdicts(slot(2))[0].clone();
    assert_eq!(verdict.status, Status::Dead, "and nobody's word is doubted");
    assert!(at < secs(23.0), "{at}");
}

#[test]
fn a_monitor_without_links_suspects_nobody_and_names_them() {
    let mut world = World::of(4);
    world.witnesses_answer = false;
    world.run(secs(10.0));
    for path in Path::BOTH {
        world.detector.own_link(path, false, secs(10.0));
    }
    for number in 0..4 {
        world.at(secs(10.01), slot(number), Fate::CutOff);
        world.at(secs(100.0), slot(number), Fate::Well);
    }
    world.run(secs(100.0));
    for path in Path::BOTH {
        world.detector.own_link(path, true, secs(100.0));
    }
    world.run(secs(200.0));
    assert_eq!(causes(&world), Path::BOTH.map(Cause::OwnLink));
    assert_eq!(world.told(|f| matches!(f, Finding::Suspected { .. })), []);
    assert_eq!(
        world.told(|f| matches!(f, Finding::HoldEnded { .. })).len(),
        2
    );
}

#[test]
fn whose_only_link_is_down_suspects_nobody_before_it_listened_again() {
    // Only the first of them could be heard over the second path.
    for on_one_path in [0, 1] {
        let mut world = World::of(4);
        world.witnesses_answer = false;
        for number in on_one_path..4 {
            world.on_one_path(slot(number));
        }
        world.run(secs(10.0));
        world.detector.own_link(FIRST, false, secs(10.0));
        for number in 0..4 {
            world.at(secs(10.01), slot(number), Fate::PathLost(FIRST));
            if number != 2 {
                world.at(secs(100.0), slot(number), Fate::Well);
            }
        }
        world.run(secs(100.0));
        assert_eq!(causes(&world), [Cause::OwnLink(FIRST)]);
        world.detector.own_link(FIRST, true, secs(100.0));
        world.run(secs(200.0));
        assert_eq!(causes(&world), [Cause::OwnLink(FIRST)]);
        let died = Finding::Suspected {
            slot: slot(2),
            heard: secs(9.74),
        };
        assert_eq!(
            world.told(|f| matches!(f, Finding::Suspected { .. })),
            [died]
        );
        let at = world.told_at(|f| matches!(f, Finding::Suspected { .. }));
        assert!(at[0] <= secs(103.1), "{at:?}");
    }
}

#[test]
fn what_is_silent_over_the_monitors_own_cable_is_no_path_of_a_server() {
    let mut world = World::of(3);
    world.at(secs(5.0), slot(1), Fate::PathLost(Path::Second));
    world.run(secs(10.0));
    world.detector.own_link(Path::Second, false, secs(10.0));
    for number in [0, 2] {
        world.at(secs(10.01), slot(number), Fate::PathLost(Path::Second));
    }
    for number in [0, 1] {
        world.at(secs(60.0), slot(number), Fate::Well);
    }
    world.run(secs(60.0));
    world.detector.own_link(Path::Second, true, secs(60.0));
    world.run(secs(90.0));
    let path = Path::Second;
    let expected = [
        Finding::PathDegraded {
            slot: slot(1),
            path,
        },
        Finding::PathRestored {
            slot: slot(1),
            path,
        },
        Finding::PathDegraded {
            slot: slot(2),
            path,
        },
    ];
    let told = world.told(|finding| {
        matches!(
            finding,
            Finding::PathDegraded { .. } | Finding::PathRestored { .. }
        )
    });
    assert_eq!(told, expected);
}

#[test]
fn with_one_own_link_down_silence_alone_decides_nothing() {
    let mut world = World::of(1);
    world.witnesses_answer = false;
    world.detector.own_link(Path::Second, false, Time::EPOCH);
    world.at(secs(10.0), slot(0), Fate::CutOff);
    world.run(secs(300.0));
    let statuses: Vec<_> = world
        .verdicts(slot(0))
        .into_iter()
        .map(|(_, v)| v.status)
        .collect();
    assert_eq!(statuses, [Status::Held]);
}

#[test]
fn with_one_own_link_down_a_server_that_says_it_lost_its_disk_is_given_up_all_the_same() {
    let mut world = World::of(2);
    world.detector.own_link(Path::Second, false, Time::EPOCH);
    world.at(secs(10.0), slot(0), Fate::DiskLost);
    world.run(secs(100.0));
    let statuses: Vec<_> = world
        .verdicts(slot(0))
        .into_iter()
        .map(|(_, v)| v.status)
        .collect();
    assert_eq!(statuses, [Status::SanLost]);
}

#[test]
fn a_hold_that_nobody_leaves_does_not_capture_who_dies_long_after() {
    let mut world = World::in_racks([6, 20]);
    world.witnesses_answer = false;
    for number in 0..2 {
        world.at(secs(10.0), slot(number), Fate::CutOff);
    }
    world.at(secs(60.0), slot(4), Fate::PoweredOff);
    world.run(secs(200.0));
    let last = |number| world.verdicts(slot(number)).last().map(|(_, v)| v.status);
    assert_eq!(last(0), Some(Status::Held));
    assert_eq!(last(4), Some(Status::Unknown));
}
