//! What of a copy is seeded, and over which network.

use super::*;
use crate::{ContentIndex, Refusal};

const ALL: [SeedParts; 3] = [
    SeedParts::DatabaseAndIndex,
    SeedParts::Database,
    SeedParts::Index,
];

/// Three copies, of which the last two are suspended, the index of each failed.
fn suspended(version: Version) -> Lab {
    let members = ["EX1", "EX2", "EX3"];
    let dag = group(&members, &[("DB1", &members)]);
    let mut lab = Lab::new(Dag { version, ..dag }, Settings::default());
    lab.load("DB1", 3_600);
    lab.minutes(10);
    for name in ["EX2", "EX3"] {
        let failed = ContentIndex::Failed;
        let (of, on) = (database("DB1"), member(name));
        lab.cluster.set_content_index(&of, &on, failed).unwrap();
        let (copy, comment) = (CopyId::new(&of, &on), String::new());
        lab.done(&Action::Suspend { copy, comment });
    }
    lab
}

fn reseed(identity: &str, parts: SeedParts) -> Action {
    Action::Reseed {
        copy: copy(identity),
        parts,
        source: None,
        manual_resume: true,
    }
}

fn resume(lab: &mut Lab) {
    let (copy, replication_only) = (copy("DB1\\EX2"), false);
    lab.done(&Action::Resume {
        copy,
        replication_only,
    });
    lab.minutes(30);
}

/// What is seeded · the database is new · the index is new, transcribed by hand.
const SEEDED: [(SeedParts, bool, bool); 3] = [
    (SeedParts::DatabaseAndIndex, true, true),
    (SeedParts::Database, true, false),
    (SeedParts::Index, false, true),
];

#[test]
fn what_is_seeded_is_new_and_the_rest_stays_as_it_was() {
    for (parts, database, index) in SEEDED {
        let mut lab = suspended(Version::V2013);
        let before = lab.state("DB1\\EX2").logs.unwrap().replayed;
        lab.done(&reseed("DB1\\EX2", parts));
        assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Seeding);
        lab.minutes(15);
        let state = lab.state("DB1\\EX2");
        assert_eq!(state.status, CopyStatus::Suspended);
        assert_eq!(state.logs.unwrap().replayed > before, database, "{parts:?}");
        let healthy = state.content_index == ContentIndex::Healthy;
        assert_eq!(healthy, index, "{parts:?}");
        resume(&mut lab);
        assert_eq!(lab.status("DB1\\EX2"), CopyStatus::Healthy);
    }
}

#[test]
fn a_seeding_that_is_ended_costs_what_it_seeded() {
    for (parts, database, index) in SEEDED {
        let mut lab = suspended(Version::V2013);
        let (of, on) = (super::database("DB1"), member("EX2"));
        let healthy = ContentIndex::Healthy;
        lab.cluster.set_content_index(&of, &on, healthy).unwrap();
        lab.done(&reseed("DB1\\EX2", parts));
        lab.minutes(1);
        let copy = CopyId::new(&of, &on);
        lab.done(&Action::CancelSeeding { copy });
        let state = lab.state("DB1\\EX2");
        assert_eq!(state.status, CopyStatus::FailedAndSuspended);
        let failed = state.content_index == ContentIndex::Failed;
        assert_eq!(failed, index, "{parts:?}");
        resume(&mut lab);
        let lost = lab.status("DB1\\EX2") == CopyStatus::FailedAndSuspended;
        assert_eq!(lost, database, "{parts:?}");
    }
}

#[test]
fn a_source_seeds_two_copies_at_once_only_if_both_get_the_database_alone() {
    for first in ALL {
        for second in ALL {
            let lab = suspended(Version::V2013);
            lab.done(&reseed("DB1\\EX2", first));
            let answer = lab.act(&reseed("DB1\\EX3", second));
            let both = first == SeedParts::Database && second == SeedParts::Database;
            let expected = if both {
                Answer::Done
            } else {
                Answer::Refused(Refusal::SeedInProgress)
            };
            assert_eq!(answer, expected, "{first:?} and {second:?}");
        }
    }
}

#[test]
fn a_content_index_goes_over_the_mapi_network_always() {
    for parts in ALL {
        let mut lab = suspended(Version::V2013);
        lab.done(&reseed("DB1\\EX2", parts));
        lab.cluster.set_mapi_network(&member("EX2"), false).unwrap();
        lab.minutes(15);
        let seeded = lab.status("DB1\\EX2") == CopyStatus::Suspended;
        assert_eq!(seeded, parts == SeedParts::Database, "{parts:?}");
        let answer = lab.act(&reseed("DB1\\EX2", parts));
        let off = Answer::Refused(Refusal::MapiNetworkDown(member("EX2")));
        assert_eq!(answer == off, parts != SeedParts::Database, "{answer:?}");
    }
}

#[test]
fn a_version_without_an_index_in_each_copy_seeds_the_database_over_any_network() {
    let lab = suspended(Version::V2019);
    lab.cluster.set_mapi_network(&member("EX2"), false).unwrap();
    let answer = lab.act(&reseed("DB1\\EX2", SeedParts::Index));
    assert!(
        matches!(answer, Answer::Refused(Refusal::NotInVersion(_))),
        "{answer:?}"
    );
    lab.done(&reseed("DB1\\EX2", SeedParts::DatabaseAndIndex));
}
