//! The failover of the paper, and every way in which it may go wrong: each scenario file, run from
//! end to end with all checkers watching.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare::site::Site;
use coldspare::{Devices, Told, What};
use coldspare_bmc::{
    Bmc, BootSource, Error, Inventory, PowerCommand, Reading, RestorePolicy, Settings,
};
use coldspare_invariants::{Checked, run, run_through};
use coldspare_sim::Scenario;

fn play(site: &str, scenario: &str) -> Checked {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let site = Site::load(examples.join(format!("sites/{site}.toml")));
    let site = site.unwrap_or_else(|errors| panic!("{errors}"));
    let file = examples.join(format!("scenarios/{scenario}.toml"));
    let scenario = Scenario::load(file, &site).unwrap_or_else(|errors| panic!("{errors}"));
    let checked = run(&site, &scenario, 1).expect("a data centre");
    assert!(checked.violations.is_empty(), "{:?}", checked.violations);
    checked
}

fn on_paper(scenario: &str) -> Checked {
    play("white-paper", scenario)
}

fn all(checked: &Checked, what: What) -> Vec<&Told> {
    checked
        .outcome
        .told
        .iter()
        .filter(|told| told.event.event == what)
        .collect()
}

fn home<'a>(checked: &'a Checked, persona: &str) -> Option<&'a str> {
    checked.outcome.after.home[persona]
        .as_ref()
        .map(coldspare_names::ServerName::as_str)
}

/// Nothing was taken from anybody, and everything is as it was.
fn nothing_moves(checked: &Checked) {
    for what in [What::Placed, What::Fenced, What::ShutOut, What::PoweredOn] {
        assert!(all(checked, what).is_empty(), "{:?}", all(checked, what));
    }
    assert_eq!(checked.outcome.after.home, checked.outcome.before.home);
}

fn moved(checked: &Checked, to: &str) {
    assert_eq!(home(checked, "exchange-1"), Some(to));
    assert_eq!(
        home(checked, "exchange-2"),
        Some("r720-2"),
        "exactly one persona moves"
    );
    assert_eq!(checked.outcome.after.active, checked.outcome.before.active);
}

fn reason(told: &Told) -> &str {
    told.event.reason.as_deref().unwrap_or_default()
}

#[test]
fn the_papers_failover_ends_as_it_began_but_for_the_server() {
    let checked = on_paper("power-loss");
    moved(&checked, "r720-3");
    let told = &checked.outcome.told;
    let first = |what: What| {
        let found = told.iter().find(|told| {
            told.event.event == what
                && told
                    .event
                    .about
                    .persona
                    .as_ref()
                    .is_none_or(|name| name.as_str() == "exchange-1")
        });
        found.map_or_else(|| panic!("no {what:?}"), |told| told.at)
    };
    // The group helps itself, by its own detection, long before the persona is back.
    assert!(first(What::DatabaseActivated) < first(What::AgentUp));
    let order = [
        What::Suspected,
        What::Verdict,
        What::Placed,
        What::Fenced,
        What::Admitted,
        What::PoweredOn,
        What::AgentUp,
        What::GuestConfigured,
        What::ServicesReady,
        What::CopiesHealthy,
        What::Redistributed,
        What::Restored,
    ];
    for pair in order.windows(2) {
        assert!(first(pair[0]) <= first(pair[1]), "{pair:?}");
    }
}

#[test]
fn a_server_that_died_with_its_management_controller_is_isolated() {
    let checked = on_paper("feed-loss");
    moved(&checked, "r720-3");
    assert!(reason(all(&checked, What::Fenced)[0]).contains("every port of it is parked"));
}

#[test]
fn what_is_no_dead_server_moves_nothing() {
    for scenario in [
        "bmc-loss",
        "san-port-loss",
        "array-loss",
        "bmc-lies-off",
        "switch-loss",
    ] {
        nothing_moves(&on_paper(scenario));
    }
}

#[test]
fn a_hung_agent_is_an_alarm_and_no_reason_to_move() {
    let checked = on_paper("agent-hang");
    nothing_moves(&checked);
    assert!(!is_cut_off(&checked), "its switch ports have links");
    assert!(!all(&checked, What::Alarm).is_empty());
}

/// Whether an alarm says that a server is cut off from the network.
fn is_cut_off(checked: &Checked) -> bool {
    let alarms = all(checked, What::Alarm).into_iter();
    let mut reasons = alarms.filter_map(|told| told.event.reason.as_ref());
    reasons.any(|reason| reason.contains("cut off from the network"))
}

#[test]
fn a_server_without_lan_that_writes_on_is_an_alarm_that_names_its_cables_and_no_reason_to_move() {
    let checked = on_paper("cables-pulled");
    nothing_moves(&checked);
    assert!(is_cut_off(&checked));
}

#[test]
fn a_lost_nic_moves_its_networks_to_the_other_channel() {
    let checked = on_paper("nic-loss");
    nothing_moves(&checked);
    let moved = all(&checked, What::ChannelFailover);
    let is_mapi = |told: &&&Told| {
        told.event
            .about
            .network
            .as_ref()
            .is_some_and(|it| it.as_str() == "mapi")
    };
    let mapi = moved.iter().find(is_mapi).expect("MAPI moves");
    assert_eq!(
        mapi.event
            .about
            .channel
            .map(coldspare_names::Channel::number),
        Some(4)
    );
}

#[test]
fn a_controller_that_hears_nobody_doubts_itself() {
    for scenario in ["controller-link-loss", "lan-loss"] {
        let checked = on_paper(scenario);
        nothing_moves(&checked);
        let held = all(&checked, What::Held);
        let names_it = |told: &&Told| reason(told).contains("the monitor's own link");
        assert!(held.iter().any(names_it), "{scenario}: {held:?}");
    }
}

#[test]
fn a_frozen_server_is_fenced_and_harmless_when_it_thaws() {
    moved(&on_paper("server-freeze"), "r720-3");
}

#[test]
fn power_that_returns_makes_no_second_home() {
    moved(&on_paper("power-return"), "r720-3");
}

#[test]
fn a_management_controller_that_says_on_does_not_stop_the_recovery() {
    let checked = on_paper("bmc-lies-on");
    moved(&checked, "r720-3");
    assert!(
        reason(all(&checked, What::Fenced)[0]).contains("parked"),
        "by isolation"
    );
}

#[test]
fn a_crashed_controller_goes_on_where_it_stopped() {
    moved(&on_paper("controller-crash"), "r720-3");
}

#[test]
fn a_repaired_server_is_a_spare_again() {
    let checked = on_paper("repair");
    moved(&checked, "r720-3");
    assert!(
        checked
            .outcome
            .after
            .spares
            .iter()
            .any(|spare| spare.as_str() == "r720-1")
    );
}

#[test]
fn a_spare_that_does_not_boot_is_fenced_and_scrubbed_like_any_other() {
    let checked = play("two-spares", "boot-failure");
    assert_eq!(home(&checked, "exchange-1"), Some("r720-4"));
    let about = |what| {
        let names = all(&checked, what)
            .into_iter()
            .filter_map(|told| told.event.about.server.clone());
        names.map(|name| name.to_string()).collect::<Vec<_>>()
    };
    assert!(about(What::Fenced).contains(&"r720-3".to_owned()));
    assert!(
        about(What::Scrubbed)
            .iter()
            .filter(|name| *name == "r720-3")
            .count()
            > 1
    );
}

#[test]
fn a_second_server_lost_during_the_first_failover_is_recovered_too() {
    let checked = play("two-spares", "second-loss");
    assert!(home(&checked, "exchange-1").is_some() && home(&checked, "exchange-2").is_some());
    assert_eq!(checked.outcome.after.active, checked.outcome.before.active);
}

#[test]
fn without_a_spare_the_dead_server_is_not_touched_and_may_come_back() {
    let checked = play("no-spare", "no-spare");
    let waiting = all(&checked, What::Waiting);
    assert!(
        !waiting.is_empty() && !waiting[0].event.explanation.is_empty(),
        "{waiting:?}"
    );
    assert!(all(&checked, What::Fenced).is_empty());
    assert_eq!(home(&checked, "exchange-1"), Some("r720-1"));
}

#[test]
fn a_fitting_spare_of_another_pool_is_never_used() {
    let checked = play("two-pools", "power-loss");
    assert_eq!(home(&checked, "exchange-1"), None);
    assert!(all(&checked, What::Placed).is_empty());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |checked: &Checked| {
        let told = checked.outcome.told.iter();
        let lines = told.map(|told| {
            format!(
                "{} {}",
                told.at,
                serde_json::to_string(&told.event).unwrap()
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(bytes(&on_paper("feed-loss")), bytes(&on_paper("feed-loss")));
}

#[test]
fn a_persona_may_redistribute_itself_when_it_starts() {
    let site = include_str!("../examples/sites/white-paper.toml");
    let (by_us, by_itself) = (
        "redistribution = \"controller\"",
        "redistribution = \"persona\"",
    );
    assert!(site.contains(by_us));
    let site = Site::parse(&site.replace(by_us, by_itself), "white-paper.toml").unwrap();
    let scenario = include_str!("../examples/scenarios/power-loss.toml");
    let scenario = Scenario::parse(scenario, "power-loss.toml", &site).unwrap();
    let checked = run(&site, &scenario, 1).unwrap();
    assert!(checked.violations.is_empty(), "{:?}", checked.violations);
    moved(&checked, "r720-3");
    assert!(!all(&checked, What::Redistributed).is_empty());
}

#[test]
fn a_damaged_copy_of_a_member_that_nobody_moved_is_left_to_people() {
    let site = include_str!("../examples/sites/white-paper.toml");
    let site = Site::parse(site, "white-paper.toml").unwrap();
    let scenario = "duration = \"143m\"\n\
        [[fault]]\nat = \"10m\"\nkind = \"power-loss\"\nserver = \"r720-1\"\n\
        [[fault]]\nat = \"1035s\"\nkind = \"volume-damage\"\n\
        database = \"Database-2\"\nmember = \"exchange-2\"\n\
        [[fault]]\nat = \"1937s\"\nkind = \"repair\"\nserver = \"r720-1\"\n";
    let scenario = Scenario::parse(scenario, "damage.toml", &site).unwrap();
    let checked = run(&site, &scenario, 1).unwrap();
    assert!(checked.violations.is_empty(), "{:?}", checked.violations);
    assert_eq!(home(&checked, "exchange-1"), Some("r720-3"));
}

#[test]
fn a_server_that_lost_its_san_while_an_array_was_lost_is_taken_from_when_the_array_is_back() {
    let site = include_str!("../examples/sites/white-paper.toml");
    let site = Site::parse(site, "white-paper.toml").unwrap();
    let scenario = "duration = \"2h\"\n\
        [[fault]]\nat = \"10m\"\nkind = \"array-loss\"\narray = \"ps6110\"\nfor = \"14m\"\n\
        [[fault]]\nat = \"13m\"\nkind = \"san-loss\"\nserver = \"r720-1\"\n";
    let scenario = Scenario::parse(scenario, "both.toml", &site).unwrap();
    let checked = run(&site, &scenario, 1).unwrap();
    assert!(checked.violations.is_empty(), "{:?}", checked.violations);
    assert_eq!(home(&checked, "exchange-1"), Some("r720-3"));
    assert_eq!(home(&checked, "exchange-2"), Some("r720-2"));
}

/// A management controller whose driver is broken.
#[derive(Debug)]
struct Panics(Arc<dyn Bmc>);

#[async_trait]
impl Bmc for Panics {
    async fn read(&self) -> Result<Reading, Error> {
        self.0.read().await
    }

    async fn set_power(&self, _: PowerCommand) -> Result<(), Error> {
        panic!("a fault in a driver")
    }

    async fn settings(&self) -> Result<Settings, Error> {
        self.0.settings().await
    }

    async fn set_boot(&self, _: &BootSource) -> Result<(), Error> {
        panic!("a fault in a driver")
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error> {
        self.0.set_restore_policy(policy).await
    }

    async fn inventory(&self) -> Result<Inventory, Error> {
        self.0.inventory().await
    }
}

#[test]
fn a_driver_that_panics_fails_its_step_and_nothing_else() {
    let site = include_str!("../examples/sites/white-paper.toml");
    let site = Site::parse(site, "white-paper.toml").unwrap();
    let scenario = include_str!("../examples/scenarios/server-freeze.toml");
    let scenario = Scenario::parse(scenario, "server-freeze.toml", &site).unwrap();
    let through = |mut devices: Devices| {
        let bmc = devices.bmcs.get_mut("r720-1").unwrap();
        *bmc = Arc::new(Panics(bmc.clone()));
        devices
    };
    // Nobody can power the frozen server off: it is isolated.
    let checked = run_through(&site, &scenario, 1, through).unwrap();
    moved(&checked, "r720-3");
    assert!(reason(all(&checked, What::Fenced)[0]).contains("every port of it is parked"));
}
