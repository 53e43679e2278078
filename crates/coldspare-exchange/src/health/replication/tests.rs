//! Health by Microsoft's names, on a simulated cluster.

use std::time::Duration;

use coldspare_names::Time;

use super::*;
use crate::memory::{Settings, SimulatedCluster};
use crate::{Action, DagControl, Member, concerns};

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn pair() -> SimulatedCluster {
    let members = ["EX1", "EX2"].map(member);
    let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2016);
    dag = dag.with_witness("FS1".parse().unwrap());
    for name in &members {
        dag = dag.with_member(name.clone(), Member::at("Lab".parse().unwrap()));
    }
    let dag = dag.with_database("DB1".parse().unwrap(), &members);
    SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap()
}

/// The checks that the member fails.
async fn failed(cluster: &SimulatedCluster, name: &str) -> Vec<ReplicationCheck> {
    let (dag, copies) = (
        cluster.dag().await.unwrap(),
        cluster.copies().await.unwrap(),
    );
    let services = cluster.services(&member(name)).await.ok();
    let results = replication_health(&dag, &copies, services.as_ref(), &member(name));
    assert_eq!(results.len(), 18);
    results
        .into_iter()
        .filter(|row| !row.is_passed())
        .map(|row| row.check)
        .collect()
}

#[tokio::test]
async fn a_group_at_rest_passes_every_check() {
    assert_eq!(failed(&pair(), "EX1").await, []);
    assert_eq!(failed(&pair(), "EX2").await, []);
}

#[tokio::test]
async fn each_trouble_fails_the_checks_that_are_named_for_it() {
    use ReplicationCheck as C;
    type Change = fn(&SimulatedCluster);
    let table: [(&str, Change, &[C]); 4] = [
        (
            "witness lost",
            |cluster| cluster.set_witness(false),
            &[C::FileShareQuorum],
        ),
        (
            "volume damaged",
            |cluster| {
                cluster
                    .damage_volume(&"DB1".parse().unwrap(), &member("EX2"))
                    .unwrap();
            },
            &[C::DatabaseRedundancy, C::DBCopyFailed],
        ),
        (
            "member lost",
            |cluster| cluster.member_down(&member("EX1")).unwrap(),
            &[C::DagMembersUp, C::DatabaseRedundancy],
        ),
        (
            "services stopped",
            |cluster| cluster.set_services(&member("EX2"), false).unwrap(),
            &[
                C::ReplayService,
                C::TasksRpcListener,
                C::TcpListener,
                C::ServerLocatorService,
                C::DatabaseRedundancy,
                C::DBLogCopyKeepingUp,
                C::DBLogReplayKeepingUp,
            ],
        ),
    ];
    for (what, change, checks) in table {
        let cluster = pair();
        change(&cluster);
        cluster.advance(Time::after_epoch(Duration::from_mins(1)));
        assert_eq!(failed(&cluster, "EX2").await, checks, "{what}");
    }
}

#[tokio::test]
async fn a_suspended_copy_is_named() {
    let cluster = pair();
    let (copy, comment) = ("DB1\\EX2".parse().unwrap(), String::new());
    cluster
        .act(&Action::Suspend { copy, comment })
        .await
        .unwrap();
    assert!(
        failed(&cluster, "EX2")
            .await
            .contains(&ReplicationCheck::DBCopySuspended)
    );
}

/// Sample 3 of the sheet: six copies read Healthy on a server that the cluster has lost.
#[tokio::test]
async fn healthy_copies_on_a_node_out_of_the_cluster_are_not_healthy() {
    let cluster = pair();
    let (mut dag, copies) = (
        cluster.dag().await.unwrap(),
        cluster.copies().await.unwrap(),
    );
    dag.members.get_mut(&member("EX2")).unwrap().node = NodeState::Down;
    assert_eq!(copies[1].status, CopyStatus::Healthy);
    assert_eq!(
        concerns(&dag, &copies, &member("EX2"), &BTreeSet::new()).len(),
        1
    );
}

#[tokio::test]
async fn service_health_has_a_row_for_each_role_and_leaves_the_cluster_service_out() {
    let cluster = pair();
    cluster.set_services(&member("EX1"), false).unwrap();
    let services = cluster.services(&member("EX1")).await.unwrap();
    let roles = |version| -> Vec<Role> {
        service_health(version, &services)
            .into_iter()
            .map(|row| row.role)
            .collect()
    };
    assert_eq!(roles(Version::V2016), [Role::Mailbox]);
    assert_eq!(
        roles(Version::V2010),
        [Role::Mailbox, Role::HubTransport, Role::ClientAccess]
    );
    let row = &service_health(Version::V2016, &services)[0];
    assert!(!row.required_services_running);
    assert!(row.services_not_running.contains(&Service::MSExchangeIS));
    assert!(!row.services_running.contains(&Service::ClusSvc));
}
