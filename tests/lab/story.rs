//! The laboratory and the simulation, on one site, tell one story.

use std::collections::BTreeMap;

use coldspare::site::Site;
use coldspare_sim::{Scenario, simulate};
use serde_json::Value;

const SITE: &str = include_str!("../../examples/lab/site.toml");
/// The same as in the laboratory, in the order of size of its parts' durations.
const SCENARIO: &str = r#"
duration = "5m"
[latency]
post = "2s"
boot = "8s"
services = "0s"
power-off = "100ms"
bmc-call = "100ms"
switch-call = "50ms"
array-call = "20ms"

[[fault]]
at = "1m"
kind = "power-loss"
server = "r1"
"#;

/// Which stage of a failover an event belongs to; none: it is not about the failover.
fn stage(event: &str) -> Option<&'static str> {
    Some(match event {
        "suspected" | "verdict" => "1 judge",
        "placed" | "reserved" => "2 place",
        "disarmed" | "shut-out" | "parked" | "fenced" | "wired" | "armed" => "3 take and prepare",
        "admitted" | "powered-on" => "4 give",
        "agent-up" | "guest-configured" | "services-ready" | "restored" => "5 then",
        "scrubbed" => "6 scrub",
        _ => return None,
    })
}

/// For every stage and subject, what was told of it, in order, from the fault on.
fn story(events: &[Value]) -> BTreeMap<(&'static str, String), Vec<String>> {
    let mut story = BTreeMap::<_, Vec<String>>::new();
    let from = events.iter().position(|event| event["event"] == "fault");
    for event in &events[from.expect("something breaks")..] {
        let what = event["event"].as_str().unwrap();
        let Some(stage) = stage(what) else { continue };
        let subject: Vec<_> = ["server", "persona", "switch", "array", "volume"]
            .into_iter()
            .filter_map(|key| Some(format!("{key} {}", event[key].as_str()?)))
            .collect();
        let status = event["status"].as_str().unwrap_or_default();
        let told = format!("{what} {status}");
        story
            .entry((stage, subject.join(", ")))
            .or_default()
            .push(told.trim().to_owned());
    }
    story
}

/// That a run of `power` in the laboratory and one in the simulation tell the same.
pub(crate) fn assert_same(lab: &[Value]) {
    let site = Site::parse(SITE, "examples/lab/site.toml").unwrap();
    let scenario = Scenario::parse(SCENARIO, "power", &site).unwrap();
    let outcome = simulate(&site, &scenario, 1).unwrap();
    let simulated: Vec<_> = outcome
        .told
        .iter()
        .map(|told| serde_json::to_value(&told.event).unwrap())
        .collect();
    assert_eq!(story(lab), story(&simulated));
}

#[test]
fn the_simulation_restores_the_laboratorys_site_too() {
    let site = Site::parse(SITE, "examples/lab/site.toml").unwrap();
    let scenario = Scenario::parse(SCENARIO, "power", &site).unwrap();
    let outcome = simulate(&site, &scenario, 1).unwrap();
    let home = outcome.after.home["web-1"].as_ref().unwrap();
    assert_eq!(home.as_str(), "r2");
}
