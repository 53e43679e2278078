//! Maintenance: the order of its steps, its undo, and the whole way on a simulated cluster.

use std::collections::BTreeSet;

use coldspare_names::Time;
use mockall::{Sequence, mock, predicate};

use super::*;
use crate::Member;
use crate::memory::{Settings, SimulatedCluster};

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn cluster(members: &[&str], version: Version) -> SimulatedCluster {
    let names: Vec<MemberName> = members.iter().map(|name| member(name)).collect();
    let mut dag = Dag::new("DAG1".parse().unwrap(), version).with_witness("FS".parse().unwrap());
    for name in &names {
        dag = dag.with_member(name.clone(), Member::at("Lab".parse().unwrap()));
    }
    let dag = dag.with_database("DB1".parse().unwrap(), &names);
    SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap()
}

async fn steps(cluster: &SimulatedCluster, fewer: bool) -> Result<Vec<MaintenanceStep>, Refusal> {
    let (dag, copies) = (
        cluster.dag().await.unwrap(),
        cluster.copies().await.unwrap(),
    );
    start(&dag, &copies, &member("EX1"), &member("EX2"), fewer)
}

fn told<'a>(actions: impl IntoIterator<Item = &'a Action>) -> Vec<String> {
    actions.into_iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_steps_come_in_the_documented_order() {
    let cluster = cluster(&["EX1", "EX2", "EX3"], Version::V2016);
    let steps = steps(&cluster, false).await.unwrap();
    assert_eq!(
        told(steps.iter().map(|step| &step.action)),
        [
            "set HubTransport of EX1 to Draining",
            "restart MSExchangeTransport on EX1",
            "set UMCallRouter of EX1 to Draining",
            "set the activation policy of EX1 to Blocked",
            "pause node EX1",
            "activate DB1 on its best copy",
            "make EX2 the primary active manager",
            "redirect the messages of EX1 to EX2",
            "set ServerWideOffline of EX1 to Inactive",
        ]
    );
    assert_eq!(
        told(&stop(&cluster.dag().await.unwrap(), &member("EX2"))),
        [
            "set ServerWideOffline of EX2 to Active",
            "set UMCallRouter of EX2 to Active",
            "resume node EX2",
            "set the activation policy of EX2 to Unrestricted",
            "resume DB1\\EX2",
            "set HubTransport of EX2 to Active",
            "restart MSExchangeTransport on EX2",
        ]
    );
}

#[tokio::test]
async fn exchange_2010_has_no_component_states() {
    let cluster = cluster(&["EX1", "EX2", "EX3"], Version::V2010);
    let steps = steps(&cluster, false).await.unwrap();
    assert_eq!(
        told(steps.iter().map(|step| &step.action)),
        [
            "set the activation policy of EX1 to Blocked",
            "pause node EX1",
            "activate DB1 on its best copy",
            "make EX2 the primary active manager",
        ]
    );
}

#[tokio::test]
async fn a_pair_needs_to_be_told_that_one_copy_is_enough() {
    let cluster = cluster(&["EX1", "EX2"], Version::V2016);
    let refused = Refusal::TooFewCopies {
        database: "DB1".parse().unwrap(),
        left: 1,
    };
    assert_eq!(steps(&cluster, false).await, Err(refused));
    assert!(steps(&cluster, true).await.is_ok());
}

#[tokio::test]
async fn a_member_goes_out_of_service_and_comes_back() {
    let cluster = cluster(&["EX1", "EX2", "EX3"], Version::V2016);
    let left = |dag: &Dag, services: &MailboxServices| in_service(dag, services, &member("EX1"));
    let (dag, services) = (
        cluster.dag().await.unwrap(),
        cluster.services(&member("EX1")).await,
    );
    assert!(left(&dag, &services.unwrap()).len() > 10);
    let steps = steps(&cluster, false).await.unwrap();
    assert_eq!(carry_out(&cluster, &steps).await, Ok(Outcome::Done));
    let (dag, services) = (
        cluster.dag().await.unwrap(),
        cluster.services(&member("EX1")).await,
    );
    assert_eq!(left(&dag, &services.unwrap()), []);
    assert!(dag.databases.values().all(|database| database.mounted));
    for action in stop(&dag, &member("EX1")) {
        assert_eq!(cluster.act(&action).await, Ok(Answer::Done), "{action}");
    }
    let dag = cluster.dag().await.unwrap();
    assert_eq!(dag.members[&member("EX1")].node, NodeState::Up);
    assert_eq!(
        dag.databases[&"DB1".parse().unwrap()].active,
        member("EX2"),
        "not by itself"
    );
}

#[tokio::test]
async fn mail_that_waits_keeps_a_member_in_service_until_it_is_handed_on() {
    let cluster = cluster(&["EX1", "EX2", "EX3"], Version::V2016);
    cluster.set_queued_messages(&member("EX1"), 7).unwrap();
    let left = async |member_name: &str| {
        let dag = cluster.dag().await.unwrap();
        let name = member(member_name);
        let services = cluster.services(&name).await.unwrap();
        let left = in_service(&dag, &services, &name);
        left.contains(&InService::Messages(7))
    };
    assert!(left("EX1").await);
    let steps = steps(&cluster, false).await.unwrap();
    assert_eq!(carry_out(&cluster, &steps).await, Ok(Outcome::Done));
    assert!(!left("EX1").await);
    assert!(left("EX2").await, "nothing is lost on the way");
}

#[tokio::test]
async fn in_2010_mail_is_not_handed_on_and_components_have_no_state() {
    let cluster = cluster(&["EX1", "EX2", "EX3"], Version::V2010);
    cluster.set_queued_messages(&member("EX1"), 7).unwrap();
    let redirect = Action::RedirectMessages {
        member: member("EX1"),
        target: member("EX2"),
    };
    let set = component(
        &member("EX1"),
        Component::HubTransport,
        ComponentState::Draining,
    )
    .action;
    for action in [redirect, set] {
        let answer = cluster.act(&action).await;
        let refused = matches!(answer, Ok(Answer::Refused(Refusal::NotInVersion(_))));
        assert!(refused, "{action}");
    }
    let steps = steps(&cluster, false).await.unwrap();
    assert_eq!(carry_out(&cluster, &steps).await, Ok(Outcome::Done));
}

#[tokio::test]
async fn a_step_that_is_refused_takes_everything_back_but_moves() {
    let cluster = cluster(&["EX1", "EX2", "EX3"], Version::V2016);
    let before = cluster.dag().await.unwrap();
    let mut steps = steps(&cluster, false).await.unwrap();
    let to = member("EX1");
    let refused = Action::MovePrimary { to: to.clone() };
    steps.insert(7, MaintenanceStep::without_undo(refused.clone()));
    let outcome = carry_out(&cluster, &steps).await;
    let refusal = Refusal::NodeNotUp(to);
    assert_eq!(
        outcome,
        Ok(Outcome::Undone {
            action: refused,
            refusal
        })
    );
    let mut after = cluster.dag().await.unwrap();
    for (name, database) in &mut after.databases {
        assert_eq!(database.active, member("EX2"), "a move is not taken back");
        database.active = before.databases[name].active.clone();
    }
    after.primary_active_manager = before.primary_active_manager.clone();
    assert_eq!(after, before);
}

mock! {
    #[derive(Debug)]
    Control {}

    #[async_trait::async_trait]
    impl DagControl for Control {
        async fn dag(&self) -> Result<Dag, Error>;
        async fn copies(&self) -> Result<Vec<CopyState>, Error>;
        async fn services(&self, member: &MemberName) -> Result<MailboxServices, Error>;
        async fn act(&self, action: &Action) -> Result<Answer, Error>;
    }
}

#[tokio::test]
async fn what_was_done_is_taken_back_last_first() {
    let set = |number: u32| Action::MovePrimary {
        to: member(&format!("EX{number}")),
    };
    let step = |number| MaintenanceStep {
        action: set(number),
        undo: Some(set(10 + number)),
    };
    let mut control = MockControl::new();
    let mut order = Sequence::new();
    let expected = [
        (1, Answer::Done),
        (2, Answer::Done),
        (3, Answer::Refused(Refusal::NoQuorum)),
        (12, Answer::Done),
        (11, Answer::Done),
    ];
    for (number, answer) in expected {
        let asked = predicate::eq(set(number));
        let call = control
            .expect_act()
            .with(asked)
            .times(1)
            .in_sequence(&mut order);
        call.returning(move |_| Ok(answer.clone()));
    }
    let outcome = carry_out(&control, &[step(1), step(2), step(3)]).await;
    assert!(matches!(outcome, Ok(Outcome::Undone { .. })));
}

#[test]
fn a_component_works_only_if_nobody_holds_it_back() {
    let mut services = MailboxServices::default();
    assert_eq!(
        services.component(Component::HubTransport),
        ComponentState::Active
    );
    let wanted = services
        .components
        .entry(Component::HubTransport)
        .or_default();
    wanted.insert(Requester::Functional, ComponentState::Inactive);
    wanted.insert(Requester::Maintenance, ComponentState::Active);
    assert_eq!(
        services.component(Component::HubTransport),
        ComponentState::Inactive
    );
    let others: BTreeSet<Component> = Component::ALL.iter().copied().collect();
    assert_eq!(others.len(), Component::ALL.len());
}
