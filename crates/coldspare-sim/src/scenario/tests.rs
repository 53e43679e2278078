use proptest::prelude::*;

use super::*;
use crate::FaultKind;

fn site() -> Site {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/sites/white-paper.toml"
    );
    Site::load(file).unwrap()
}

fn wrong(text: &str) -> String {
    Scenario::parse(text, "scenario.toml", &site())
        .unwrap_err()
        .to_string()
}

#[test]
fn reads_what_breaks_and_when() {
    let text = r#"
        duration = "90m"
        latency = { post = "1m", replay-rate = 100 }
        [[fault]]
        at = "10m"
        kind = "nic-loss"
        server = "r720-1"
        channel = 3
        for = "30s"
    "#;
    let scenario = Scenario::parse(text, "scenario.toml", &site()).unwrap();
    assert_eq!(scenario.latency.post, Duration::from_mins(1));
    assert_eq!(scenario.latency.boot, Latency::default().boot);
    let [fault] = &scenario.faults[..] else {
        panic!("one fault")
    };
    assert_eq!(fault.at.since_epoch(), Duration::from_mins(10));
    assert_eq!(fault.lasts, Some(Duration::from_secs(30)));
    assert!(matches!(&fault.kind, FaultKind::NicLoss { channel, .. } if channel.number() == 3));
}

#[test]
fn says_where_a_mistake_is_and_what_was_meant() {
    let text = r#"duration = "90m"
durration = "1h"
[latency]
pots = "1m"
boot = "a while"
[[fault]]
at = "2h"
kind = "power-loss"
server = "r720-9"
[[fault]]
at = "1m"
kind = "power-los"
[[fault]]
at = "1m"
kind = "repair"
server = "r720-1"
for = "1m"
[[fault]]
at = "1m"
kind = "nic-loss"
server = "r720-1"
channel = 9
"#;
    let told = wrong(text);
    for expected in [
        r#"scenario.toml:2:1: durration: this key is not known here: "durration"; did you mean "duration"?"#,
        r#"scenario.toml:4:1: latency.pots: this key is not known here: "pots"; did you mean "post"?"#,
        "scenario.toml:5:1: latency.boot: ",
        "scenario.toml:7:1: fault[0].at: it is after the end of the run",
        r#"fault[0].server: the site has no server "r720-9"; did you mean "r720-1"?"#,
        r#"fault[1].kind: there is no fault "power-los"; did you mean "power-loss"?"#,
        "fault[2].for: this is not over by itself",
        "fault[3].channel: r720-1 has no NIC on channel 9",
    ] {
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
}

#[test]
fn refuses_what_is_no_scenario_at_all() {
    for (text, reason) in [
        ("", "it is empty"),
        ("duration =", "scenario.toml:1:"),
        ("fault = 3", "the key \"duration\" is missing"),
        (
            "duration = '1m'\nfault = [3]",
            "expected table, found integer",
        ),
        ("duration = '-1m'", "cannot be negative"),
        ("duration = '900000h'", "longer than a year"),
        (
            "duration = '1m'\nlatency = { variation = 100 }",
            "below 100",
        ),
    ] {
        let told = wrong(text);
        assert!(told.contains(reason), "{text:?}: {told}");
    }
}

#[test]
fn every_scenario_that_comes_with_it_is_one() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let sites = ["white-paper", "two-spares", "no-spare"];
    let sites = sites.map(|name| Site::load(format!("{folder}/sites/{name}.toml")).unwrap());
    for file in std::fs::read_dir(format!("{folder}/scenarios")).unwrap() {
        let path = file.unwrap().path();
        let good = sites.iter().any(|site| Scenario::load(&path, site).is_ok());
        assert!(
            good,
            "{}: {}",
            path.display(),
            Scenario::load(&path, &sites[0]).unwrap_err()
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in r#"(\PC|\n|duration = "1m"|\[\[fault\]\]\n|kind = |at = |"){0,40}"#,
    ) {
        let _ = Scenario::parse(&text, "scenario.toml", &site());
    }

    #[test]
    fn no_value_makes_it_panic(
        kind in "(power-loss|bmc-lies|san-port-loss|nic-loss|volume-damage|feed-loss)",
        value in r#"(-?[0-9]{1,20}|"[a-z0-9-]{0,8}"|\[\]|\{\}|true|1e400)"#,
    ) {
        let keys = ["server", "channel", "port", "reads", "database", "member", "feed", "for"];
        let lines: String = keys.map(|key| format!("{key} = {value}\n")).concat();
        let text = format!("duration = '1h'\n[[fault]]\nat = '1m'\nkind = '{kind}'\n{lines}");
        let _ = Scenario::parse(&text, "scenario.toml", &site());
    }
}
