//! The simulated cluster passes, and for each check one that is wrong in that way only fails it.

mod wrong;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use coldspare_names::Time;

use self::wrong::Wrong;
use super::*;
use crate::memory::{Settings, SimulatedCluster};
use crate::switchover::MoveSuppression;
use crate::{Member, Version};

/// The one way in which a group is wrong: the name of the check that must notice.
type Flaw = &'static str;

struct MemoryRig {
    flaw: Flaw,
    version: Version,
    latest: Mutex<Option<(SimulatedCluster, Time)>>,
}

impl MemoryRig {
    fn with(flaw: Flaw, version: Version) -> Self {
        let latest = Mutex::default();
        Self {
            flaw,
            version,
            latest,
        }
    }

    fn cluster(&self) -> SimulatedCluster {
        self.latest.lock().unwrap().clone().unwrap().0
    }

    fn pass(&self, duration: Duration) {
        let mut latest = self.latest.lock().unwrap();
        let (cluster, now) = latest.as_mut().unwrap();
        *now = *now + duration;
        cluster.advance(*now);
    }
}

#[async_trait]
impl Rig for MemoryRig {
    async fn fresh(&self) -> Arc<dyn DagControl> {
        let members @ [first, second] = &self.members();
        let [one, two] = self.databases();
        let mut dag = Dag::new("DAG1".parse().unwrap(), self.version)
            .with_witness("FS1".parse().unwrap())
            .with_database(one, members)
            .with_database(two, &[second.clone(), first.clone()]);
        for member in members {
            dag = dag.with_member(member.clone(), Member::at("Lab".parse().unwrap()));
        }
        let settings = Settings {
            move_suppression: Some(MoveSuppression {
                moves: 3,
                within: Duration::from_hours(24),
            }),
            ..Settings::default()
        };
        let inner = SimulatedCluster::new(dag, settings, Time::EPOCH).unwrap();
        *self.latest.lock().unwrap() = Some((inner.clone(), Time::EPOCH));
        let flaw = self.flaw;
        Arc::new(Wrong { inner, flaw })
    }

    fn members(&self) -> [MemberName; 2] {
        ["EX1", "EX2"].map(|name| name.parse().unwrap())
    }

    fn databases(&self) -> [DatabaseName; 2] {
        ["DB 1", "DB 2"].map(|name| name.parse().unwrap())
    }

    async fn lose(&self, member: &MemberName) {
        self.cluster().member_down(member).unwrap();
        self.pass(Duration::from_secs(5));
    }

    async fn restore(&self, member: &MemberName) {
        self.cluster().member_up(member).unwrap();
        self.pass(Duration::from_mins(2));
    }

    async fn stop_services(&self, member: &MemberName) {
        self.cluster().set_services(member, false).unwrap();
    }

    async fn burden(&self, member: &MemberName) {
        self.cluster().set_busy(member, 100).unwrap();
    }

    async fn settle(&self) {
        self.pass(Duration::from_hours(1));
    }
}

/// With what each version has that another has not.
const VERSIONS: [Version; 4] = [
    Version::V2010,
    Version::V2013,
    Version::V2016,
    Version::V2019,
];

async fn broken_checks(flaw: Flaw, version: Version) -> Vec<&'static str> {
    let violations = check(&MemoryRig::with(flaw, version)).await;
    violations.iter().map(|violation| violation.check).collect()
}

#[tokio::test]
async fn the_simulated_cluster_keeps_the_contract_in_every_version() {
    for version in VERSIONS {
        let violations = check(&MemoryRig::with("none", version)).await;
        assert!(violations.is_empty(), "{version:?}: {violations:#?}");
    }
}

#[tokio::test]
async fn each_check_notices_the_group_that_is_wrong_in_its_way() {
    let rig = MemoryRig::with("none", Version::V2016);
    let results = run(&rig).await;
    let mut others = Vec::new();
    for (name, _) in results {
        let mut broken = BTreeSet::new();
        for version in [Version::V2013, Version::V2016] {
            broken.extend(broken_checks(name, version).await);
        }
        if broken != BTreeSet::from([name]) {
            others.push((name, broken));
        }
    }
    assert_eq!(others, []);
}
