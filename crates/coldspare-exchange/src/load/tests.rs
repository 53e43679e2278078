//! The sizing table, and the double load of the survivor.

use super::*;
use crate::Member;

/// Messages a day · 2010 alone · 2010 in a group · 2013 and later · logs a day, transcribed by
/// hand from a sheet that marks it as recalled from memory.
const TABLE: [(u64, &str, &str, &str, u64); 6] = [
    (50, "0.060", "0.050", "0.034", 10),
    (100, "0.120", "0.100", "0.067", 20),
    (150, "0.180", "0.150", "0.101", 30),
    (200, "0.240", "0.200", "0.134", 40),
    (300, "0.360", "0.300", "0.201", 60),
    (500, "0.600", "0.500", "0.335", 100),
];

#[test]
fn a_mailbox_costs_what_the_table_says() {
    for (messages, alone, group, later, logs) in TABLE {
        assert_eq!(mailbox_iops_alone(messages).to_string(), alone);
        assert_eq!(mailbox_iops(Version::V2010, messages).to_string(), group);
        assert_eq!(mailbox_iops(Version::V2013, messages).to_string(), later);
        assert_eq!(
            mailbox_iops(Version::SubscriptionEdition, messages).to_string(),
            later
        );
        assert_eq!(mailbox_logs_a_day(messages), logs);
    }
}

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn ring(members: usize, version: Version) -> (Dag, LoadModel) {
    let names: Vec<MemberName> = (1..=members).map(|n| member(&format!("EX{n}"))).collect();
    let mut dag = Dag::new("DAG1".parse().unwrap(), version);
    let mut model = LoadModel::default();
    for (number, name) in names.iter().enumerate() {
        dag = dag.with_member(name.clone(), Member::at("Lab".parse().unwrap()));
        let database: DatabaseName = format!("DB{number}").parse().unwrap();
        let second = names[(number + 1) % members].clone();
        dag = dag.with_database(database.clone(), &[name.clone(), second]);
        let of = DatabaseLoad {
            mailboxes: 1_000,
            messages_a_day: 100,
        };
        model.databases.insert(database, of);
    }
    (dag, model)
}

#[test]
fn the_survivor_of_the_paper_carries_twice_the_active_databases() {
    let (dag, model) = ring(2, Version::V2013);
    let normal = model.servers(&dag)[&member("EX2")];
    assert_eq!((normal.active, normal.passive), (1, 1));
    assert_eq!(
        normal.iops.to_string(),
        "120.600",
        "67 active and 33.5 passive, and a fifth"
    );
    let degraded = model.after(&dag, &BTreeSet::from([member("EX1")]));
    let survivor = degraded.servers[&member("EX2")];
    assert_eq!((survivor.active, survivor.passive), (2, 0));
    assert_eq!(survivor.iops.to_string(), "160.800");
    assert_eq!(degraded.servers[&member("EX1")], ServerLoad::default());
}

#[test]
fn in_2010_a_passive_copy_costs_as_much_as_an_active_one() {
    let (dag, model) = ring(2, Version::V2010);
    let load = model.servers(&dag)[&member("EX1")];
    assert_eq!(load.iops.to_string(), "240.000", "200, and a fifth");
}

#[test]
fn risks_name_who_is_overloaded_and_what_no_server_is_left_for() {
    let (dag, mut model) = ring(4, Version::V2013);
    for name in dag.members.keys() {
        model.capacity.insert(name.clone(), Iops::new(250));
    }
    let risks = model.risks(&dag);
    let pairs: Vec<Vec<String>> = risks
        .iter()
        .map(|risk| risk.lost.iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(
        pairs,
        [
            ["EX1", "EX2"],
            ["EX1", "EX4"],
            ["EX2", "EX3"],
            ["EX3", "EX4"]
        ]
    );
    assert!(
        risks
            .iter()
            .all(|risk| risk.unserved.len() == 1 && risk.overloaded.is_empty())
    );
    for capacity in model.capacity.values_mut() {
        *capacity = Iops::new(160);
    }
    let risks = model.risks(&dag);
    let single = &risks[0];
    assert_eq!(single.lost, BTreeSet::from([member("EX1")]));
    assert_eq!(single.overloaded.keys().next(), Some(&member("EX2")));
}
