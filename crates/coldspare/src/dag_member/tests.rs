use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_exchange::DatabaseName;
use coldspare_exchange::memory::{Settings, SimulatedCluster};
use coldspare_names::Time;

use super::*;
use crate::test_world::white_paper;

/// The paper's group, one member of it led by us, and the time.
struct Group {
    cluster: SimulatedCluster,
    member: DagMember,
    now: Time,
}

impl Group {
    fn led_by(redistribution: Redistribution) -> Self {
        let dag = white_paper().dags.pop_first().unwrap().1.dag;
        let cluster = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap();
        let member = DagMember::new(
            Arc::new(cluster.clone()),
            "exchange-1".parse().unwrap(),
            redistribution,
        );
        Self {
            cluster,
            member,
            now: Time::EPOCH,
        }
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        self.cluster.advance(self.now);
    }

    async fn active(&self) -> BTreeMap<String, String> {
        let dag = self.cluster.dag().await.unwrap();
        let databases = dag.databases.iter();
        databases
            .map(|(name, of)| (name.to_string(), of.active.to_string()))
            .collect()
    }

    /// The member's machine stops, and the survivor takes its database over.
    async fn lose(&mut self) {
        self.cluster.member_down(&self.member.member).unwrap();
        self.pass(Duration::from_mins(2));
        assert_eq!(self.active().await, active_on("exchange-2", "exchange-2"));
    }

    /// The member's machine runs again, and its services have had their time.
    async fn bring_back(&mut self) {
        self.cluster.member_up(&self.member.member).unwrap();
        self.until(async |member| member.ready().await).await;
    }

    /// Asks again and again; the answers before it was done.
    async fn until(
        &mut self,
        ask: impl AsyncFn(&DagMember) -> Result<Progress, WorkloadError>,
    ) -> Vec<String> {
        let mut waited = Vec::new();
        for _ in 0..7200 {
            match ask(&self.member).await.unwrap() {
                Progress::Done => return waited,
                Progress::Waiting(reason) => waited.push(reason),
            }
            self.pass(Duration::from_secs(1));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        panic!("never done: {:?}", waited.last());
    }
}

fn active_on(first: &str, second: &str) -> BTreeMap<String, String> {
    let both = [("Database-1", first), ("Database-2", second)];
    both.map(|(name, member)| (name.to_owned(), member.to_owned()))
        .into()
}

#[tokio::test(start_paused = true)]
async fn a_member_that_was_lost_is_led_back_until_all_is_as_it_was() {
    let mut group = Group::led_by(Redistribution::Controller);
    let before = group.active().await;
    group.lose().await;
    group.member.ready().await.unwrap_err();
    group.bring_back().await;
    group.until(async |member| member.rejoin().await).await;
    assert_eq!(
        group.active().await,
        active_on("exchange-2", "exchange-2"),
        "repaired, not moved"
    );
    group.until(async |member| member.rebalance().await).await;
    assert_eq!(group.active().await, before);
    let at_rest = group.until(async |member| member.rebalance().await).await;
    assert!(at_rest.is_empty(), "asked again it is done at once");
}

#[tokio::test(start_paused = true)]
async fn where_the_persona_redistributes_itself_it_is_only_waited_for() {
    let mut group = Group::led_by(Redistribution::Persona);
    group.lose().await;
    group.bring_back().await;
    group.until(async |member| member.rejoin().await).await;
    for _ in 0..600 {
        let progress = group.member.rebalance().await.unwrap();
        assert!(matches!(progress, Progress::Waiting(_)));
        group.pass(Duration::from_secs(1));
    }
    assert_eq!(group.active().await, active_on("exchange-2", "exchange-2"));

    // Its start-up item does what the controller would have done.
    let start_up = DagMember::new(
        group.member.control.clone(),
        group.member.member.clone(),
        Redistribution::Controller,
    );
    start_up.rebalance().await.unwrap();
    group.until(async |member| member.rebalance().await).await;
    assert_eq!(group.active().await, active_on("exchange-1", "exchange-2"));
}

#[tokio::test(start_paused = true)]
async fn leaving_moves_what_is_active_here_and_nothing_else() {
    let mut group = Group::led_by(Redistribution::Controller);
    group.until(async |member| member.leave().await).await;
    assert_eq!(group.active().await, active_on("exchange-2", "exchange-2"));
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_databases_have_no_other_home_does_not_leave_and_says_why() {
    let mut group = Group::led_by(Redistribution::Controller);
    group
        .cluster
        .member_down(&"exchange-2".parse().unwrap())
        .unwrap();
    group.pass(Duration::from_mins(2));
    let Progress::Waiting(reason) = group.member.leave().await.unwrap() else {
        panic!("it left")
    };
    assert!(reason.contains("Database-1"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_an_administrator_suspended_is_left_alone() {
    let mut group = Group::led_by(Redistribution::Controller);
    let copy = coldspare_exchange::CopyId {
        database: "Database-2".parse::<DatabaseName>().unwrap(),
        member: group.member.member.clone(),
    };
    let suspend = Action::Suspend {
        copy: copy.clone(),
        comment: "maintenance of the disk".to_owned(),
    };
    group.cluster.act(&suspend).await.unwrap();
    group.pass(Duration::from_mins(1));
    group.lose().await;
    group.bring_back().await;
    group.until(async |member| member.rejoin().await).await;
    let copies = group.cluster.copies().await.unwrap();
    let state = copies.iter().find(|state| state.copy == copy).unwrap();
    assert_eq!(state.status, coldspare_exchange::CopyStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_does_not_answer_is_an_error_that_names_the_member() {
    let group = Group::led_by(Redistribution::Controller);
    group.cluster.set_answering(false);
    let error = group.member.rejoin().await.unwrap_err();
    assert!(
        error.to_string().starts_with("rejoin exchange-1: "),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_resuming_does_not_mend_is_seeded_anew() {
    let mut group = Group::led_by(Redistribution::Controller);
    let database: DatabaseName = "Database-1".parse().unwrap();
    group.lose().await;
    let member = group.member.member.clone();
    group.cluster.damage_volume(&database, &member).unwrap();
    group.bring_back().await;
    let waited = group.until(async |member| member.rejoin().await).await;
    assert!(!waited.is_empty(), "it was broken");
    group.until(async |member| member.rebalance().await).await;
    assert_eq!(group.active().await, active_on("exchange-1", "exchange-2"));
}
