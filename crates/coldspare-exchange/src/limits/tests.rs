//! Each limit, just within it and just beyond.

use super::*;
use crate::{Member, WitnessName};

fn member(number: usize) -> MemberName {
    format!("EX{number}").parse().unwrap()
}

fn group(members: usize, databases: usize) -> Dag {
    let names: Vec<MemberName> = (1..=members).map(member).collect();
    let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2016);
    for name in &names {
        dag = dag.with_member(name.clone(), Member::at("Lab".parse().unwrap()));
    }
    for number in 0..databases {
        dag = dag.with_database(format!("DB{number}").parse().unwrap(), &names);
    }
    dag
}

fn told(dag: &Dag) -> Vec<String> {
    dag.defects().iter().map(ToString::to_string).collect()
}

fn first_copy(dag: &mut Dag) -> &mut crate::CopySettings {
    let database = dag.databases.values_mut().next().unwrap();
    database.copies.values_mut().next().unwrap()
}

/// Sixteen members with sixteen copies of a hundred databases are the largest group there is.
#[test]
fn the_largest_group_has_no_defect() {
    assert_eq!(told(&group(16, 100)), [] as [&str; 0]);
}

#[test]
fn each_limit_is_named_when_it_is_exceeded() {
    let dag = group(17, 0);
    assert_eq!(told(&dag), ["it has 17 members, at most 16 are allowed"]);
    let told_first = |dag: &Dag| told(dag)[0].clone();
    assert_eq!(
        told_first(&group(1, 101)),
        "EX1 has 101 databases, its edition allows 100"
    );
    let mut dag = group(1, 6);
    dag.members.get_mut(&member(1)).unwrap().edition = Edition::Standard;
    assert_eq!(
        told_first(&dag),
        "EX1 has 6 databases, its edition allows 5"
    );
    for lag in [LAG, LAG + Duration::from_secs(1)] {
        let mut dag = group(2, 1);
        first_copy(&mut dag).replay_lag = lag;
        assert_eq!(dag.defects().len(), usize::from(lag > LAG));
        first_copy(&mut dag).replay_lag = Duration::ZERO;
        first_copy(&mut dag).truncation_lag = lag;
        assert_eq!(dag.defects().len(), usize::from(lag > LAG));
    }
    let mut dag = group(2, 0);
    dag.preference_moves = Some(PREFERENCE_MOVES + Duration::from_secs(1));
    assert_eq!(dag.defects(), [Defect::PreferenceMoves]);
}

/// Version · edition · databases, active and passive, that a server may have mounted, transcribed
/// by hand.
#[rustfmt::skip]
const DATABASES: &[(Version, Edition, usize)] = &[
    (Version::V2010,               Edition::Standard,   5),
    (Version::V2010,               Edition::Enterprise, 100),
    (Version::V2013Cu1,            Edition::Standard,   5),
    (Version::V2013Cu1,            Edition::Enterprise, 50),
    (Version::V2013,               Edition::Standard,   5),
    (Version::V2013,               Edition::Enterprise, 100),
    (Version::V2016,               Edition::Standard,   5),
    (Version::V2016,               Edition::Enterprise, 100),
    (Version::V2019,               Edition::Standard,   5),
    (Version::V2019,               Edition::Enterprise, 100),
    (Version::SubscriptionEdition, Edition::Standard,   5),
    (Version::SubscriptionEdition, Edition::Enterprise, 100),
];

#[test]
fn a_server_takes_as_many_databases_as_its_version_and_edition_allow() {
    for (version, edition, limit) in DATABASES {
        for count in [*limit, limit + 1] {
            let mut dag = group(1, count);
            dag.version = *version;
            dag.members.get_mut(&member(1)).unwrap().edition = *edition;
            let exceeded = Defect::Databases {
                member: member(1),
                count,
                limit: *limit,
            };
            let expected: &[Defect] = if count > *limit { &[exceeded] } else { &[] };
            assert_eq!(dag.defects(), expected, "{version:?} {edition:?}");
        }
    }
}

#[test]
fn a_description_that_contradicts_itself_is_told_so() {
    let mut dag = group(2, 1);
    first_copy(&mut dag).preference = std::num::NonZeroU8::new(2).unwrap();
    assert_eq!(
        told(&dag),
        ["DB0\\EX2 has preference 2: each of 1 to 2 once is allowed"]
    );
    let mut dag = group(2, 1);
    dag.members.remove(&member(2));
    assert_eq!(told(&dag), ["DB0\\EX2 is on a server that is no member"]);
    let mut dag = group(2, 1);
    dag.databases.values_mut().next().unwrap().active = member(3);
    assert_eq!(
        told(&dag),
        ["DB0 is active on EX3, which has no copy of it"]
    );
    let mut dag = group(2, 0);
    dag.unlisted = [member(2), member(3)].into();
    assert_eq!(
        told(&dag),
        ["EX3 is in neither list, which is for members that are not stopped"]
    );
    dag.stopped = [member(2)].into();
    assert_eq!(told(&dag).len(), 2, "a stopped member is in a list");
    let witness = WitnessName::new("ex2.example.com").unwrap();
    assert_eq!(
        told(&group(2, 0).with_witness(witness)),
        ["the witness ex2 is a member"]
    );
}
