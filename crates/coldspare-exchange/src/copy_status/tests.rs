//! The table of statuses, row by row beside the documentation.

use proptest::prelude::*;

use super::*;

/// Status · only on · heals · automatic target · resume · reseed, transcribed by hand.
#[rustfmt::skip]
const TABLE: [(&str, &str, &str, bool, &str, &str); 19] = [
    ("Mounted",                        "active",  "-",                false, "no",          "no"),
    ("Mounting",                       "active",  "yes",              false, "no",          "no"),
    ("Dismounting",                    "active",  "yes",              false, "no",          "no"),
    ("Dismounted",                     "active",  "by mount request", false, "no",          "no"),
    ("Healthy",                        "passive", "-",                true,  "lifts block", "after suspend"),
    ("DisconnectedAndHealthy",         "passive", "yes",              true,  "no",          "after suspend"),
    ("Resynchronizing",                "passive", "yes",              false, "no",          "after suspend"),
    ("DisconnectedAndResynchronizing", "passive", "yes",              true,  "no",          "after suspend"),
    ("Initializing",                   "passive", "yes",              false, "no",          "after suspend"),
    ("Failed",                         "passive", "yes",              false, "no",          "after suspend"),
    ("FailedAndSuspended",             "passive", "no",               false, "yes",         "yes"),
    ("Suspended",                      "passive", "no",               false, "yes",         "yes"),
    ("Seeding",                        "passive", "yes",              false, "no",          "running"),
    ("SeedingSource",                  "any",     "yes",              true,  "no",          "no"),
    ("ServiceDown",                    "any",     "yes",              false, "no",          "no"),
    ("SinglePageRestore",              "passive", "yes",              false, "no",          "no"),
    ("Misconfigured",                  "any",     "no",               false, "no",          "no"),
    ("NonExchangeReplication",         "any",     "no",               false, "no",          "no"),
    ("Unknown",                        "any",     "no",               false, "no",          "no"),
];

#[test]
fn every_status_permits_what_the_table_says() {
    for (name, place, heals, automatic_target, resume, reseed) in TABLE {
        let permits = name.parse::<CopyStatus>().unwrap().permits();
        let expected = Permits {
            place: match place {
                "active" => Place::Active,
                "passive" => Place::Passive,
                _ => Place::Any,
            },
            heals: match heals {
                "-" => Heals::NotNeeded,
                "yes" => Heals::ByItself,
                "no" => Heals::No,
                _ => Heals::ByMountRequest,
            },
            automatic_target,
            resume: match resume {
                "yes" => Resume::Restarts,
                "lifts block" => Resume::LiftsActivationBlock,
                _ => Resume::Useless,
            },
            reseed: match reseed {
                "yes" => Reseed::Allowed,
                "after suspend" => Reseed::AfterSuspend,
                "running" => Reseed::Running,
                _ => Reseed::No,
            },
        };
        assert_eq!(permits, expected, "{name}");
    }
    assert_eq!(TABLE.len(), CopyStatus::ALL.len());
}

#[test]
fn the_spaced_text_of_the_graphical_tools_means_the_same() {
    for (text, status) in [
        ("FailedAndSuspended", CopyStatus::FailedAndSuspended),
        ("Failed and Suspended", CopyStatus::FailedAndSuspended),
        ("failed and suspended", CopyStatus::FailedAndSuspended),
        ("FAILED-AND-SUSPENDED", CopyStatus::FailedAndSuspended),
        (
            "Disconnected and Healthy",
            CopyStatus::DisconnectedAndHealthy,
        ),
        ("Service Down", CopyStatus::ServiceDown),
        ("Seeding Source", CopyStatus::SeedingSource),
    ] {
        assert_eq!(text.parse(), Ok(status), "{text}");
    }
    assert!("Failed & Suspended".parse::<CopyStatus>().is_err());
    assert!("".parse::<CopyStatus>().is_err());
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(index in 0..CopyStatus::ALL.len()) {
        let status = CopyStatus::ALL[index];
        prop_assert_eq!(status.to_string().parse(), Ok(status));
        let json = serde_json::to_string(&status).unwrap();
        prop_assert_eq!(serde_json::from_str::<CopyStatus>(&json).unwrap(), status);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = text.parse::<CopyStatus>();
    }
}
