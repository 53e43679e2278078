//! The simulated cluster behaves like a group of real servers.

mod by_itself;
mod chance;
mod copy_list;
mod datacenter;
mod failures;
mod logs;
mod pages;
mod seeding;
mod space;
mod switchovers;

use std::time::Duration;

use coldspare_names::Time;

use super::*;
use crate::{CopyId, CopyStatus, Member, SeedParts, Version};

/// The paper's group, and a clock.
pub(super) struct Lab {
    pub(super) cluster: SimulatedCluster,
    now: Time,
}

pub(super) fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

pub(super) fn database(name: &str) -> DatabaseName {
    name.parse().unwrap()
}

pub(super) fn copy(identity: &str) -> CopyId {
    identity.parse().unwrap()
}

pub(super) fn group(members: &[&str], databases: &[(&str, &[&str])]) -> Dag {
    let mut dag =
        Dag::new("DAG1".parse().unwrap(), Version::V2010).with_witness("FS1".parse().unwrap());
    for name in members {
        dag = dag.with_member(member(name), Member::at("Lab".parse().unwrap()));
    }
    for (name, on) in databases {
        let on: Vec<MemberName> = on.iter().map(|name| member(name)).collect();
        dag = dag.with_database(database(name), &on);
    }
    dag
}

pub(super) fn pair() -> Dag {
    group(
        &["EX1", "EX2"],
        &[("DB1", &["EX1", "EX2"]), ("DB2", &["EX2", "EX1"])],
    )
}

impl Lab {
    pub(super) fn new(dag: Dag, settings: Settings) -> Self {
        let now = Time::EPOCH;
        let cluster = SimulatedCluster::new(dag, settings, now).unwrap();
        Self { cluster, now }
    }

    pub(super) fn paper() -> Self {
        Self::new(pair(), Settings::default())
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.cluster.advance(self.now);
    }

    pub(super) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub(super) fn minutes(&mut self, minutes: u64) {
        self.pass(Duration::from_mins(minutes));
    }

    pub(super) fn dag(&self) -> Dag {
        self.cluster.world().dag()
    }

    /// Where a database is active, and whether it is mounted.
    pub(super) fn home(&self, name: &str) -> (String, bool) {
        let dag = self.dag();
        let database = &dag.databases[&database(name)];
        (database.active.to_string(), database.mounted)
    }

    pub(super) fn state(&self, identity: &str) -> CopyState {
        let copies = self.cluster.world().copy_states();
        let id = copy(identity);
        copies.into_iter().find(|state| state.copy == id).unwrap()
    }

    pub(super) fn status(&self, identity: &str) -> CopyStatus {
        self.state(identity).status
    }

    pub(super) fn act(&self, action: &Action) -> Answer {
        self.cluster.world().act(action).unwrap()
    }

    pub(super) fn done(&self, action: &Action) {
        assert_eq!(self.act(action), Answer::Done, "{action}");
    }

    pub(super) fn load(&self, name: &str, logs_an_hour: u64) {
        let load = LoadProfile::steady(logs_an_hour);
        self.cluster.set_load(&database(name), load).unwrap();
    }
}

#[test]
fn an_idle_group_has_nothing_to_do() {
    let mut lab = Lab::paper();
    assert_eq!(lab.cluster.next_event(), None);
    lab.load("DB1", 1_000);
    assert_eq!(
        lab.cluster.next_event(),
        None,
        "not even under a steady load"
    );
    lab.minutes(60);
    assert_eq!(lab.cluster.drain_events(), []);
    assert_eq!(lab.cluster.logs_kept(&database("DB1")), Ok(1_001));
}

#[test]
fn a_group_that_cannot_be_is_refused_with_every_reason() {
    let dag = group(&["EX1"], &[("DB1", &["EX1", "EX2"])]);
    let refused = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH);
    let told = refused.unwrap_err().to_string();
    assert_eq!(
        told,
        "DAG1 cannot be: DB1\\EX2 is on a server that is no member"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_as_long_as_it_is_set_to_and_fails_when_nobody_answers() {
    let latency = Duration::from_secs(3);
    let lab = Lab::new(
        pair(),
        Settings {
            latency,
            ..Settings::default()
        },
    );
    let within = |limit| tokio::time::timeout(limit, lab.cluster.dag());
    assert!(within(Duration::from_millis(2_999)).await.is_err());
    assert!(within(Duration::from_millis(3_001)).await.is_ok());
    lab.cluster.set_answering(false);
    assert!(matches!(
        lab.cluster.dag().await,
        Err(Error::Unreachable { retry: true, .. })
    ));
}
