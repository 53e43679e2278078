//! The checks of a move, row by row beside the documentation.

use super::*;
use crate::{ActivationMode, ContentIndex, CopyId, Member, MemberPolicy, QueueLength, Version};

struct Case {
    dag: Dag,
    active: CopyState,
    target: CopyState,
    situation: Situation,
}

fn case() -> Case {
    let members = ["EX1", "EX2"].map(|name| name.parse::<MemberName>().unwrap());
    let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2016);
    for member in &members {
        dag = dag.with_member(member.clone(), Member::at("Lab".parse().unwrap()));
    }
    let dag = dag.with_database("DB".parse().unwrap(), &members);
    let state = |member: &MemberName, status| CopyState {
        copy: CopyId::new(&"DB".parse().unwrap(), member),
        status,
        active: status == CopyStatus::Mounted,
        activation_suspended: false,
        suspend_comment: None,
        replay_lag_off: false,
        error: None,
        content_index: ContentIndex::Healthy,
        copy_queue: QueueLength::new(0),
        replay_queue: QueueLength::new(0),
        logs: None,
    };
    Case {
        dag,
        active: state(&members[0], CopyStatus::Mounted),
        target: state(&members[1], CopyStatus::Healthy),
        situation: Situation {
            active_there: 3,
            busy: Some(80),
            suppressed: false,
        },
    }
}

fn policy(case: &mut Case) -> &mut MemberPolicy {
    &mut case
        .dag
        .members
        .get_mut("EX2".parse::<MemberName>().as_ref().unwrap())
        .unwrap()
        .policy
}

/// The target is in neither list of a group where the lists matter.
fn unlist(case: &mut Case) {
    case.dag.activation_mode = ActivationMode::DagOnly;
    case.dag.unlisted = [case.target.copy.member.clone()].into();
}

type Change = fn(&mut Case);

/// What blocks a move, and the switch that leaves that check out, transcribed by hand.
#[rustfmt::skip]
const TABLE: &[(&str, Change, Option<Check>)] = &[
    ("copy status: Failed",             |c| c.target.status = CopyStatus::Failed,                   Some(Check::Health)),
    ("copy status: FailedAndSuspended", |c| c.target.status = CopyStatus::FailedAndSuspended,       Some(Check::Health)),
    ("copy status: Suspended",          |c| c.target.status = CopyStatus::Suspended,                Some(Check::Health)),
    ("active is seeding source",        |c| c.active.status = CopyStatus::SeedingSource,            Some(Check::ActiveCopy)),
    ("replay queue of 7",               |c| c.target.replay_queue = QueueLength::new(7),            Some(Check::Lag)),
    ("copy queue of 10",                |c| c.target.copy_queue = QueueLength::new(10),             Some(Check::Lag)),
    ("queue unknown",                   |c| c.target.copy_queue = QueueLength::UNKNOWN,             Some(Check::Lag)),
    ("target is seeding source",        |c| c.target.status = CopyStatus::SeedingSource,            Some(Check::Lag)),
    ("content index not healthy",       |c| c.target.content_index = ContentIndex::Failed,          Some(Check::ClientExperience)),
    ("soft maximum",                    |c| policy(c).maximum_preferred = Some(3),                  Some(Check::MaximumActiveDatabases)),
    ("CPU of 81 %",                     |c| c.situation.busy = Some(81),                            Some(Check::Cpu)),
    ("too many recent moves",           |c| c.situation.suppressed = true,                          Some(Check::MoveSuppression)),
    ("target in neither list",          unlist,                                                     None),
    ("hard maximum",                    |c| policy(c).maximum_active = Some(3),                     None),
    ("no quorum",                       |c| c.dag.quorum = false,                                   None),
    ("service down",                    |c| c.target.status = CopyStatus::ServiceDown,              None),
    ("activation suspended",            |c| c.target.activation_suspended = true,                   None),
];

fn refused(case: &Case, skip: &[Check]) -> Vec<Refusal> {
    let skip = skip.iter().copied().collect();
    refusals(
        &case.dag,
        Some(&case.active),
        &case.target,
        &case.situation,
        &skip,
    )
}

const SWITCHES: [Check; 7] = [
    Check::Health,
    Check::ActiveCopy,
    Check::Lag,
    Check::ClientExperience,
    Check::MaximumActiveDatabases,
    Check::Cpu,
    Check::MoveSuppression,
];

#[test]
fn each_check_blocks_and_only_its_own_switch_leaves_it_out() {
    assert_eq!(refused(&case(), &[]), []);
    for (what, change, switch) in TABLE {
        let mut case = case();
        change(&mut case);
        assert_ne!(refused(&case, &[]), [], "{what} blocks");
        for skip in SWITCHES {
            let passes = refused(&case, &[skip]).is_empty();
            assert_eq!(passes, Some(skip) == *switch, "{what} with {skip:?}");
        }
    }
}

#[test]
fn a_queue_just_below_the_limit_passes() {
    let mut case = case();
    (case.target.replay_queue, case.target.copy_queue) = (QueueLength::new(6), QueueLength::new(9));
    assert_eq!(refused(&case, &[]), []);
}

#[test]
fn the_suspended_index_of_a_lagged_copy_is_normal() {
    let mut case = case();
    case.target.content_index = ContentIndex::AutoSuspended;
    assert_ne!(refused(&case, &[]), []);
    let database = case.dag.databases.values_mut().next().unwrap();
    let copy = database.copies.get_mut(&case.target.copy.member).unwrap();
    copy.replay_lag = std::time::Duration::from_hours(1);
    assert_eq!(refused(&case, &[]), []);
}

/// Switch · the first version that has it, transcribed by hand.
#[rustfmt::skip]
const SINCE: [(&str, Check, Version); 7] = [
    ("SkipHealthChecks",                 Check::Health,                 Version::V2010),
    ("SkipActiveCopyChecks",             Check::ActiveCopy,             Version::V2010),
    ("SkipLagChecks",                    Check::Lag,                    Version::V2010),
    ("SkipClientExperienceChecks",       Check::ClientExperience,       Version::V2010),
    ("SkipMaximumActiveDatabasesChecks", Check::MaximumActiveDatabases, Version::V2013Cu1),
    ("SkipCpuChecks",                    Check::Cpu,                    Version::V2016),
    ("SkipMoveSuppressionChecks",        Check::MoveSuppression,        Version::V2016),
];

#[test]
fn a_version_refuses_the_switches_of_later_ones() {
    let versions = [
        Version::V2010,
        Version::V2013Cu1,
        Version::V2013,
        Version::V2016,
        Version::V2019,
        Version::SubscriptionEdition,
    ];
    for version in versions {
        for (switch, check, since) in SINCE {
            let mut case = case();
            case.dag.version = version;
            let refusal = Refusal::NotInVersion(switch.to_owned());
            let expected: &[Refusal] = if version < since { &[refusal] } else { &[] };
            assert_eq!(refused(&case, &[check]), expected, "{switch} {version:?}");
        }
    }
}

#[test]
fn before_2016_nobody_looks_at_processors_or_recent_moves() {
    let mut case = case();
    case.situation.busy = Some(100);
    case.situation.suppressed = true;
    assert_eq!(refused(&case, &[]).len(), 2);
    case.dag.version = Version::V2013;
    assert_eq!(refused(&case, &[]), []);
}

#[test]
fn a_member_in_neither_list_may_have_what_is_not_mounted_and_anything_without_coordination() {
    let mut case = case();
    unlist(&mut case);
    let member = case.target.copy.member.clone();
    assert_eq!(refused(&case, &[]), [Refusal::NotListed(member)]);
    case.dag.activation_mode = ActivationMode::Off;
    assert_eq!(refused(&case, &[]), []);
    case.dag.activation_mode = ActivationMode::DagOnly;
    let database = case.dag.databases.values_mut().next().unwrap();
    database.mounted = false;
    assert_eq!(refused(&case, &[]), []);
}

#[test]
fn moves_are_suppressed_while_as_many_as_the_limit_still_count() {
    let hour = |hour| Time::after_epoch(Duration::from_hours(hour));
    let limit = MoveSuppression {
        moves: 2,
        within: Duration::from_hours(3),
    };
    // Hours of the moves · the hour it is · suppressed.
    let table: [(&[u64], u64, bool); 5] = [
        (&[], 5, false),
        (&[4], 5, false),
        (&[3, 4], 5, true),
        (&[2, 4], 5, false),
        (&[0, 1, 2, 3, 4], 5, true),
    ];
    for (moved, now, expected) in table {
        let moved: Vec<Time> = moved.iter().copied().map(hour).collect();
        assert_eq!(limit.suppresses(&moved, hour(now)), expected, "{moved:?}");
    }
}
