//! A redistribution for real: on a simulated cluster, and with somebody who interferes.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::Time;

use super::*;
use crate::memory::{Settings, SimulatedCluster};
use crate::redistribute::{MoveStatus, redistribute};
use crate::{CopyState, DatabaseName, MailboxServices, Member, MemberName, Version};

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

/// Three members; two databases that prefer the first and are active on the second.
async fn displaced() -> SimulatedCluster {
    let members = ["EX1", "EX2", "EX3"].map(member);
    let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2016);
    for name in &members {
        dag = dag.with_member(name.clone(), Member::at("Lab".parse().unwrap()));
    }
    for name in ["DB1", "DB2"] {
        dag = dag.with_database(name.parse().unwrap(), &members);
    }
    let cluster = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap();
    for name in ["DB1", "DB2"] {
        let away = Move::lossless(&name.parse().unwrap(), &members[1]);
        cluster.act(&Action::Move(away)).await.unwrap();
    }
    cluster.advance(Time::after_epoch(Duration::from_mins(5)));
    cluster
}

const BALANCE: Balance = Balance::ByActivationPreference;

#[tokio::test]
async fn what_is_done_is_what_the_dry_run_said() {
    let cluster = displaced().await;
    let plan = redistribute(
        &cluster.dag().await.unwrap(),
        &cluster.copies().await.unwrap(),
        BALANCE,
    );
    let done = carry_out(&cluster, BALANCE).await.unwrap();
    assert_eq!(done, plan);
    assert_eq!(done.moves.len(), 2);
    let dag = cluster.dag().await.unwrap();
    assert!(
        dag.databases
            .values()
            .all(|of| of.active == member("EX1") && of.mounted)
    );
}

/// What somebody else does just before a move is made, or just after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meddling {
    MovesItBefore,
    DismountsItAfter,
    MovesItFurther,
}

#[derive(Debug)]
struct Meddled {
    inner: SimulatedCluster,
    how: Meddling,
    reads: Mutex<usize>,
}

impl Meddled {
    async fn move_to(&self, database: &DatabaseName, target: &str) {
        let wanted = Move::lossless(database, &member(target));
        self.inner.act(&Action::Move(wanted)).await.unwrap();
    }
}

#[async_trait]
impl DagControl for Meddled {
    async fn dag(&self) -> Result<Dag, Error> {
        let read = {
            let mut reads = self.reads.lock().unwrap();
            *reads += 1;
            *reads
        };
        if read == 2 && self.how == Meddling::MovesItBefore {
            self.move_to(&"DB1".parse().unwrap(), "EX3").await;
        }
        self.inner.dag().await
    }

    async fn copies(&self) -> Result<Vec<CopyState>, Error> {
        self.inner.copies().await
    }

    async fn services(&self, member: &MemberName) -> Result<MailboxServices, Error> {
        self.inner.services(member).await
    }

    async fn act(&self, action: &Action) -> Result<Answer, Error> {
        match (action, self.how) {
            (Action::Move(wanted), Meddling::DismountsItAfter) => {
                let (database, dag) = (wanted.database.clone(), self.inner.dag().await?);
                self.inner.act(&Action::Dismount { database }).await?;
                let from = dag.databases[&wanted.database].active.clone();
                Ok(Answer::Refused(Refusal::NodeNotUp(from)))
            }
            (Action::Move(wanted), Meddling::MovesItFurther)
                if wanted.target == Some(member("EX1")) =>
            {
                self.move_to(&wanted.database, "EX3").await;
                let reads = u64::try_from(*self.reads.lock().unwrap()).unwrap();
                let later = Duration::from_mins(10 * reads);
                self.inner.advance(Time::after_epoch(later));
                Ok(Answer::Refused(Refusal::NotAsMoved))
            }
            _ => self.inner.act(action).await,
        }
    }
}

async fn meddled(how: Meddling) -> (Redistribution, Dag) {
    let inner = displaced().await;
    let control = Meddled {
        inner: inner.clone(),
        how,
        reads: Mutex::default(),
    };
    let done = carry_out(&control, BALANCE).await.unwrap();
    (done, inner.dag().await.unwrap())
}

#[tokio::test]
async fn a_database_that_somebody_else_moved_meanwhile_is_left_alone() {
    let (done, dag) = meddled(Meddling::MovesItBefore).await;
    assert_eq!(done.failed[0].refusals, [Refusal::MovedMeanwhile]);
    assert_eq!(dag.databases[&"DB1".parse().unwrap()].active, member("EX3"));
    assert_eq!(
        done.databases[1].move_status,
        MoveStatus::MoveSucceeded,
        "the other is moved"
    );
}

#[tokio::test]
async fn a_database_that_was_mounted_is_mounted_again_after_a_failed_move() {
    let (done, dag) = meddled(Meddling::DismountsItAfter).await;
    assert_eq!(done.moves, []);
    assert!(
        dag.databases
            .values()
            .all(|of| of.mounted && of.active == member("EX2"))
    );
}

#[tokio::test]
async fn a_database_that_went_elsewhere_is_moved_back() {
    let (done, dag) = meddled(Meddling::MovesItFurther).await;
    assert_eq!(done.moves, []);
    assert!(
        dag.databases
            .values()
            .all(|of| of.mounted && of.active == member("EX2"))
    );
}
