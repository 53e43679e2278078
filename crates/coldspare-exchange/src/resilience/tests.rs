//! How the paper's group stands, before, during and after.

use std::time::Duration;

use coldspare_names::Time;

use super::*;
use crate::memory::{Settings, SimulatedCluster};
use crate::{DagControl, Member, Version};

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn paper() -> SimulatedCluster {
    let pair = ["EX1", "EX2"].map(member);
    let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2010);
    dag = dag.with_witness("FS1".parse().unwrap());
    for name in &pair {
        dag = dag.with_member(name.clone(), Member::at("Lab".parse().unwrap()));
    }
    let dag = dag
        .with_database("DB1".parse().unwrap(), &pair)
        .with_database("DB2".parse().unwrap(), &[pair[1].clone(), pair[0].clone()]);
    SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap()
}

async fn stands(cluster: &SimulatedCluster, minute: u64) -> Resilience {
    cluster.advance(Time::after_epoch(Duration::from_mins(minute)));
    resilience(
        &cluster.dag().await.unwrap(),
        &cluster.copies().await.unwrap(),
    )
}

#[tokio::test]
async fn a_group_at_rest_is_not_degraded_and_can_lose_one() {
    let stands = stands(&paper(), 0).await;
    assert_eq!(stands.degraded, []);
    assert_eq!(stands.losses_until_no_quorum, 2);
    assert_eq!(stands.weakest().unwrap().1, 2);
    let even = ActiveDatabases {
        now: 1,
        preferred: 1,
    };
    assert!(stands.active.values().all(|active| *active == even));
}

#[tokio::test]
async fn a_lost_member_leaves_a_double_load_and_nothing_more_to_lose() {
    let cluster = paper();
    cluster.member_down(&member("EX1")).unwrap();
    let stands = stands(&cluster, 1).await;
    let degraded: Vec<String> = stands.degraded.iter().map(ToString::to_string).collect();
    assert_eq!(
        degraded,
        [
            "the node EX1 is Down",
            "DB1 is active on EX2, not on EX1",
            "DB1\\EX1 is ServiceDown",
            "DB2\\EX1 is ServiceDown",
        ]
    );
    assert_eq!(
        stands.active[&member("EX2")],
        ActiveDatabases {
            now: 2,
            preferred: 1
        }
    );
    assert_eq!(stands.losses_until_no_quorum, 1);
    assert_eq!(
        stands.weakest().unwrap().1,
        1,
        "the next loss costs a database"
    );
}

#[tokio::test]
async fn without_quorum_there_is_nothing_left_to_lose() {
    let cluster = paper();
    cluster.set_witness(false);
    cluster.member_down(&member("EX1")).unwrap();
    let stands = stands(&cluster, 1).await;
    assert_eq!(stands.losses_until_no_quorum, 0);
    assert_eq!(stands.degraded[0], Degradation::NoQuorum);
    assert!(stands.degraded.contains(&Degradation::Witness));
}
