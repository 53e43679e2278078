//! Every checker catches the controller that it is there for, and no checker speaks whose property
//! holds.
//!
//! A controller that skips something is played by a device handle that says it was done, and does
//! nothing: what follows is exactly what would follow from such a controller. Where two safeguards
//! each suffice the controller has to skip both, or nothing follows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod array;
mod bmc;
mod switch;
mod workload;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use coldspare::site::{ArrayDriver, Site};
use coldspare::{Devices, Event, What};
use coldspare_exchange::{Action, Check, CopyId, DagControl, DialOverride, Move};
use coldspare_invariants::{Checked, Violation, run_telling, run_through, run_watched};
use coldspare_names::{ServerName, Time};
use coldspare_network::{Membership, SwitchPlan, VlanId};
use coldspare_san::{ArrayTraits, StampKeeper};
use coldspare_sim::{Fault, FaultKind, Scenario, Truth};
use futures::FutureExt;

use array::MutantArray;
use bmc::MutantBmc;
use switch::MutantSwitch;
use workload::NeverRebalances;

const PAPER: &str = include_str!("../../examples/sites/white-paper.toml");
const WITH_DOMAIN_CONTROLLER: &str = include_str!("../../examples/sites/domain-controller.toml");

const ONE_HOME: &str = "one home a persona";
const ONE_WRITER: &str = "one writer a volume";
const BUSINESS: &str = "no port on a VLAN without business";
const GENERATIONS: &str = "no generation goes back";
const LOGS: &str = "no acknowledged log lost beyond the dial";
const RESTORED: &str = "restored, or explained and impossible";
const SPARES: &str = "no spare lost";
const HEALED: &str = "a healed site converges";

fn paper() -> Site {
    Site::parse(PAPER, "white-paper.toml").unwrap()
}

fn server(name: &str) -> ServerName {
    name.parse().unwrap()
}

/// Two hours in which something breaks after ten minutes.
fn two_hours(kind: FaultKind, lasts: Option<Duration>) -> Scenario {
    let mut scenario = Scenario::quiet(Duration::from_hours(2));
    let at = Time::after_epoch(Duration::from_mins(10));
    scenario.faults = vec![Fault { at, kind, lasts }];
    scenario
}

/// The server of the first persona loses its power, for so long.
fn power_loss(lasts: Option<Duration>) -> Scenario {
    let server = server("r720-1");
    two_hours(FaultKind::PowerLoss { server }, lasts)
}

/// The server of the first persona does nothing, and could go on at any moment.
fn freeze() -> Scenario {
    let server = server("r720-1");
    two_hours(FaultKind::ServerFreeze { server }, None)
}

/// What is found when a controller with these mutations looks after the site.
fn found(
    site: &Site,
    scenario: &Scenario,
    mutant: impl Fn(&mut Devices) + Send + 'static,
) -> Vec<Violation> {
    let through = move |mut devices| {
        mutant(&mut devices);
        devices
    };
    run_through(site, scenario, 1, through).unwrap().violations
}

/// Exactly these checkers speak.
#[track_caller]
fn assert_caught<const N: usize>(found: &[Violation], by: [&str; N]) {
    let speak: BTreeSet<_> = found.iter().map(|violation| violation.invariant).collect();
    assert_eq!(speak, BTreeSet::from(by), "{found:?}");
}

fn mutate_power(devices: &mut Devices, mutation: bmc::Mutation) {
    for bmc in devices.bmcs.values_mut() {
        *bmc = Arc::new(MutantBmc::new(bmc.clone(), mutation));
    }
}

fn mutate_power_of(devices: &mut Devices, name: &str, mutation: bmc::Mutation) {
    let bmc = devices.bmcs.get_mut(name).unwrap();
    *bmc = Arc::new(MutantBmc::new(bmc.clone(), mutation));
}

fn mutate_ports(devices: &mut Devices, alters: fn(&mut SwitchPlan)) {
    for switch in devices.switches.values_mut() {
        *switch = Arc::new(MutantSwitch::new(switch.clone(), alters));
    }
}

fn mutate_volumes(devices: &mut Devices, mutation: array::Mutation) {
    for array in devices.arrays.values_mut() {
        *array = Arc::new(MutantArray::new(array.clone(), mutation));
    }
}

fn never_parks(plan: &mut SwitchPlan) {
    plan.retain(|_, wanted| *wanted != Membership::Parked);
}

/// Adds the replication network to whatever a port shall pass.
fn wires_too_much(plan: &mut SwitchPlan) {
    let open = plan
        .values_mut()
        .filter(|wanted| **wanted != Membership::Parked);
    for wanted in open {
        let mut vlans = wanted.vlans();
        vlans.insert(VlanId::new(104).unwrap());
        *wanted = Membership::tagged(vlans);
    }
}

#[test]
fn a_controller_without_a_mutation_violates_nothing() {
    for scenario in [power_loss(None), freeze()] {
        assert_caught(&found(&paper(), &scenario, |_| ()), []);
    }
}

#[test]
fn who_skips_one_of_the_safeguards_is_saved_by_the_others() {
    let found_without = |mutant: fn(&mut Devices)| found(&paper(), &freeze(), mutant);
    let unproven = found_without(|devices| {
        mutate_power_of(devices, "r720-1", bmc::Mutation::TakesAskingForProof);
    });
    assert_caught(&unproven, []);
    let admitted = found_without(|devices| {
        mutate_volumes(devices, array::Mutation::NeverShutsOut);
    });
    assert_caught(&admitted, []);
    let connected = found_without(|devices| mutate_ports(devices, never_parks));
    assert_caught(&connected, []);
}

#[test]
fn who_admits_before_there_is_proof_gets_a_second_home() {
    // The frozen server stays on, and nobody parks its ports: when it thaws, it answers.
    let found = found(&paper(), &freeze(), |devices| {
        mutate_power_of(devices, "r720-1", bmc::Mutation::TakesAskingForProof);
        mutate_ports(devices, never_parks);
    });
    assert_caught(&found, [ONE_HOME]);
}

#[test]
fn who_admits_before_there_is_proof_gets_a_second_writer() {
    let found = found(&paper(), &freeze(), |devices| {
        mutate_power_of(devices, "r720-1", bmc::Mutation::TakesAskingForProof);
        mutate_volumes(devices, array::Mutation::NeverShutsOut);
    });
    assert_caught(&found, [ONE_HOME, ONE_WRITER]);
}

#[test]
fn who_believes_a_stored_proof_gets_a_second_writer() {
    // It was off when it was looked at, and is on again when the spare is admitted: two servers
    // fight for the volumes to the end, each of its own generation.
    let scenario = power_loss(Some(Duration::from_mins(1)));
    let found = found(&paper(), &scenario, |devices| {
        mutate_power_of(devices, "r720-1", bmc::Mutation::KeepsProofs);
        mutate_volumes(devices, array::Mutation::NeverShutsOut);
    });
    assert_caught(&found, [ONE_HOME, ONE_WRITER, GENERATIONS, HEALED]);
}

#[test]
fn who_does_not_scrub_loses_a_spare() {
    let scenario = power_loss(Some(Duration::from_mins(5)));
    let found = found(&paper(), &scenario, |devices| {
        mutate_power_of(devices, "r720-1", bmc::Mutation::NeverDisarms);
    });
    assert_caught(&found, [SPARES]);
}

#[test]
fn who_leaves_the_old_port_on_a_shared_vlan_loses_a_spare() {
    let scenario = power_loss(Some(Duration::from_mins(5)));
    let found = found(&paper(), &scenario, |devices| {
        mutate_ports(devices, never_parks);
    });
    assert_caught(&found, [SPARES]);
}

#[test]
fn who_wires_a_network_that_the_persona_is_not_on_is_caught() {
    let site = Site::parse(WITH_DOMAIN_CONTROLLER, "domain-controller.toml").unwrap();
    let server = server("r720-4");
    let scenario = two_hours(FaultKind::PowerLoss { server }, None);
    let found = found(&site, &scenario, |devices| {
        mutate_ports(devices, wires_too_much);
    });
    assert_caught(&found, [BUSINESS]);
}

#[test]
fn a_stale_generation_is_caught_where_no_array_refuses_it() {
    let mut site = paper();
    let late = |devices: &mut Devices| mutate_volumes(devices, array::Mutation::GivesLate);
    assert_caught(&found(&site, &power_loss(None), late), []);

    for array in site.arrays.values_mut() {
        let traits = ArrayTraits {
            stamps: StampKeeper::Nobody,
            ..array.driver.traits()
        };
        array.driver = ArrayDriver::Memory { traits };
    }
    assert_caught(&found(&site, &power_loss(None), late), [GENERATIONS]);
}

#[test]
fn who_does_not_power_on_a_spare_that_works_is_caught() {
    let found = found(&paper(), &power_loss(None), |devices| {
        mutate_power(devices, bmc::Mutation::NeverPowersOn);
    });
    assert_caught(&found, [RESTORED]);
}

#[test]
fn who_keeps_to_itself_that_a_persona_waits_is_caught() {
    // The agent's silence is an alarm, and the first failover ends well: no word about either
    // excuses that nobody hears of the second, for which no server is left.
    let minutes = Duration::from_mins;
    let server = server("r720-1");
    let lost = |feed: &str| FaultKind::FeedLoss {
        feed: feed.parse().unwrap(),
    };
    let faults = [
        (1, FaultKind::AgentHang { server }, Some(minutes(5))),
        (10, lost("a"), None),
        (60, lost("c"), None),
    ];
    let faults = faults.map(|(at, kind, lasts)| Fault {
        at: Time::after_epoch(minutes(at)),
        kind,
        lasts,
    });
    let scenario = Scenario {
        faults: faults.into(),
        ..Scenario::quiet(Duration::from_hours(3))
    };
    let found = |tells: fn(&Event) -> bool| {
        let checked = run_telling(&paper(), &scenario, 1, tells);
        checked.unwrap().violations
    };
    assert_caught(&found(|_| true), []);
    assert_caught(&found(|event| event.event != What::Waiting), [RESTORED]);
}

#[test]
fn who_does_not_bring_databases_back_is_caught() {
    let scenario = power_loss(Some(Duration::from_mins(5)));
    let found = found(&paper(), &scenario, |devices| {
        for workload in devices.workloads.values_mut() {
            *workload = Arc::new(NeverRebalances(workload.clone()));
        }
    });
    assert_caught(&found, [HEALED]);
}

#[test]
fn who_gives_up_logs_beyond_the_dial_is_caught() {
    // The spare's management controller is away for a moment: that harms nobody, but is looked at.
    let glance = FaultKind::BmcLoss {
        server: server("r720-3"),
    };
    let moment = Some(Duration::from_secs(1));
    let mut scenario = power_loss(None);
    scenario.faults.extend([5, 11].map(|minutes| Fault {
        at: Time::after_epoch(Duration::from_mins(minutes)),
        kind: glance.clone(),
        lasts: moment,
    }));
    let mut steps = vec![(11, force_a_copy as fn(&Truth<'_>)), (5, hold_a_copy_back)];
    let onlooker = move |now: Time, truth: &Truth<'_>| {
        let due = |minutes: u64| now >= Time::after_epoch(Duration::from_mins(minutes));
        if let Some((_, step)) = steps.pop_if(|(minutes, _)| due(*minutes)) {
            step(truth);
        }
    };
    let Checked { violations, .. } =
        run_watched(&paper(), &scenario, 1, Box::new(onlooker)).unwrap();
    assert_caught(&violations, [LOGS]);
}

fn passive() -> CopyId {
    CopyId::new(
        &"Database-1".parse().unwrap(),
        &"exchange-2".parse().unwrap(),
    )
}

fn ask(truth: &Truth<'_>, action: &Action) {
    let group = truth.group(&"dag-1".parse().unwrap()).unwrap();
    group.advance(truth.now());
    let answer = group.act(action).now_or_never().unwrap().unwrap();
    assert!(
        !matches!(answer, coldspare_exchange::Answer::Refused(_)),
        "{answer:?}"
    );
}

fn hold_a_copy_back(truth: &Truth<'_>) {
    let comment = "held back".to_owned();
    ask(
        truth,
        &Action::Suspend {
            copy: passive(),
            comment,
        },
    );
}

/// Activates the copy without the five minutes that it lacks.
fn force_a_copy(truth: &Truth<'_>) {
    let (copy, replication_only) = (passive(), false);
    ask(
        truth,
        &Action::Resume {
            copy,
            replication_only,
        },
    );
    let lossless = Move::lossless(&passive().database, &passive().member);
    ask(
        truth,
        &Action::Move(Move {
            dial: DialOverride::BestEffort,
            skip: [Check::Health, Check::Lag, Check::ClientExperience].into(),
            ..lossless
        }),
    );
}
