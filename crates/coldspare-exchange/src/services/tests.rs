//! The services that servers need, beside the documentation.

use super::*;

/// Automatic and required on mailbox servers of 2013 and later, transcribed by hand.
const LATER: [&str; 20] = [
    "MSExchangeADTopology",
    "MSExchangeIS",
    "MSExchangeRepl",
    "MSExchangeDagMgmt",
    "MSExchangeDelivery",
    "MSExchangeSubmission",
    "MSExchangeTransport",
    "MSExchangeFrontEndTransport",
    "MSExchangeMailboxAssistants",
    "MSExchangeMailboxReplication",
    "MSExchangeRPC",
    "MSExchangeFastSearch",
    "HostControllerService",
    "MSExchangeServiceHost",
    "MSExchangeThrottling",
    "MSExchangeDiagnostics",
    "MSExchangeHM",
    "MSExchangeHMRecovery",
    "MSComplianceAudit",
    "MSExchangeCompliance",
];

const OF_WINDOWS: [&str; 4] = ["ClusSvc", "W3SVC", "IISAdmin", "WinRM"];

const ONLY_2010: [&str; 5] = [
    "MSExchangeSearch",
    "MSExchangeSA",
    "MSExchangeMailSubmission",
    "MSExchangeAB",
    "MSExchangeFDS",
];

fn needed(version: Version) -> Vec<String> {
    let roles = Role::ALL.iter().copied().collect();
    required(version, &roles)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_server_needs_the_services_that_are_documented_for_its_version() {
    let sorted =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(ToString::to_string).collect() };
    let later: BTreeSet<String> = needed(Version::V2016).into_iter().collect();
    assert_eq!(later, sorted(&[&LATER[..], &OF_WINDOWS[..]].concat()));
    let early: BTreeSet<String> = needed(Version::V2010).into_iter().collect();
    assert!(early.is_superset(&sorted(&ONLY_2010)));
    assert!(early.is_disjoint(&sorted(&["MSExchangeDagMgmt", "MSExchangeHM"])));
}

#[test]
fn the_directory_starts_first_and_store_and_replication_before_the_rest() {
    for version in [Version::V2010, Version::V2016] {
        let order = needed(version);
        let at = |name: &str| order.iter().position(|service| service == name).unwrap();
        assert_eq!(at("MSExchangeADTopology"), 0);
        assert!(at("ClusSvc") < at("MSExchangeRepl"));
        assert!(at("MSExchangeRepl") < at("MSExchangeTransport"));
        assert!(at("MSExchangeIS") < at("MSExchangeMailboxAssistants"));
    }
}

/// The names are read as monitoring prints them.
#[test]
fn the_services_of_a_real_report_are_known() {
    let printed = [
        "IISAdmin",
        "MSExchangeADTopology",
        "MSExchangeDelivery",
        "MSExchangeIS",
        "MSExchangeMailboxAssistants",
        "MSExchangeRepl",
        "MSExchangeRPC",
        "MSExchangeServiceHost",
        "MSExchangeSubmission",
        "MSExchangeThrottling",
        "W3Svc",
        "WinRM",
    ];
    for name in printed {
        assert!(name.parse::<Service>().is_ok(), "{name}");
    }
}
