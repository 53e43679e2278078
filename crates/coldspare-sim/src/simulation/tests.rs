use coldspare::What;

use super::*;

fn load(site: &str, scenario: &str) -> (Site, Scenario) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let site = Site::load(format!("{folder}/sites/{site}.toml")).unwrap();
    let scenario = Scenario::load(format!("{folder}/scenarios/{scenario}.toml"), &site).unwrap();
    (site, scenario)
}

fn lines(told: &[Told]) -> Vec<String> {
    let line = |told: &Told| {
        format!(
            "{} {}",
            told.at,
            serde_json::to_string(&told.event).unwrap()
        )
    };
    told.iter().map(line).collect()
}

#[test]
fn the_same_seed_tells_the_same_byte_by_byte() {
    let (site, scenario) = load("white-paper", "power-loss");
    let once = simulate(&site, &scenario, 3).unwrap();
    let again = simulate(&site, &scenario, 3).unwrap();
    assert_eq!(lines(&once.told), lines(&again.told));
    let other = simulate(&site, &scenario, 4).unwrap();
    assert_ne!(
        lines(&once.told),
        lines(&other.told),
        "a seed changes something"
    );
}

#[test]
fn the_failover_of_the_paper_ends_as_it_began_but_for_the_server() {
    let (site, scenario) = load("white-paper", "power-loss");
    let outcome = simulate(&site, &scenario, 1).unwrap();
    let told = lines(&outcome.told).join("\n");
    let home =
        |picture: &Picture, persona: &str| picture.home[persona].clone().map(|it| it.to_string());
    assert_eq!(
        home(&outcome.before, "exchange-1").as_deref(),
        Some("r720-1")
    );
    assert_eq!(
        home(&outcome.after, "exchange-1").as_deref(),
        Some("r720-3"),
        "{told}"
    );
    assert_eq!(
        home(&outcome.after, "exchange-2").as_deref(),
        Some("r720-2")
    );
    assert_eq!(outcome.after.active, outcome.before.active, "{told}");
    assert_eq!(outcome.after.spares, ["r720-1".parse().unwrap()]);
    let at = |what| {
        outcome
            .told
            .iter()
            .find(|told| told.event.event == what)
            .map(|told| told.at)
    };
    assert!(
        at(What::DatabaseActivated) < at(What::AgentUp),
        "the group helps itself first"
    );
    assert!(at(What::Fenced) < at(What::Admitted) && at(What::Admitted) < at(What::PoweredOn));
}
