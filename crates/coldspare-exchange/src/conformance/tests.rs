//! The simulated cluster passes, and for each check one that is wrong in that way only fails it.

use std::sync::Mutex;
use std::time::Duration;

use coldspare_names::Time;

use super::*;
use crate::memory::{Event, Happening, Settings, SimulatedCluster};
use crate::{
    ActivationPolicy, Check, LogPositions, MailboxServices, Member, MemberPolicy, NodeState,
    Version,
};

/// The one way in which a group is wrong: the name of the check that must notice.
type Flaw = &'static str;

struct MemoryRig {
    flaw: Flaw,
    latest: Mutex<Option<(SimulatedCluster, Time)>>,
}

impl MemoryRig {
    fn with(flaw: Flaw) -> Self {
        let latest = Mutex::default();
        Self { flaw, latest }
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
        let mut dag = Dag::new("DAG1".parse().unwrap(), Version::V2013)
            .with_witness("FS1".parse().unwrap())
            .with_database(one, members)
            .with_database(two, &[second.clone(), first.clone()]);
        for member in members {
            dag = dag.with_member(member.clone(), Member::at("Lab".parse().unwrap()));
        }
        let inner = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH).unwrap();
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

    async fn settle(&self) {
        self.pass(Duration::from_hours(1));
    }
}

/// A group that is wrong in one way.
#[derive(Debug)]
struct Wrong {
    inner: SimulatedCluster,
    flaw: Flaw,
}

impl Wrong {
    async fn flawed_move(&self, wanted: &Move) -> Result<Answer, Error> {
        let mut asked = wanted.clone();
        let before = self.inner.dag().await?;
        let database = &before.databases[&wanted.database];
        let there = wanted
            .target
            .clone()
            .unwrap_or_else(|| "EX2".parse().unwrap());
        let policy = before.members[&there].policy;
        let at_home = Some(&database.active) == wanted.target.as_ref();
        let set = |policy| Action::SetPolicy {
            member: there.clone(),
            policy,
        };
        let unblock = Action::Resume {
            copy: CopyId::new(&wanted.database, &there),
            replication_only: false,
        };
        match self.flaw {
            "move-may-be-repeated" if at_home => return Ok(Answer::Refused(Refusal::IsActive)),
            "blocked-member-can-be-named"
                if wanted.target.is_some() && policy.activation == ActivationPolicy::Blocked =>
            {
                return Ok(Answer::Refused(Refusal::Policy(policy.activation)));
            }
            "suspended-copy-is-no-target" => {
                asked.skip.insert(Check::Health);
            }
            "switch-leaves-its-check-out" => asked.skip.clear(),
            "blocked-copy-is-not-chosen" if wanted.target.is_none() => {
                self.inner.act(&unblock).await?;
            }
            "blocked-member-is-not-chosen" if wanted.target.is_none() => {
                self.inner.act(&set(MemberPolicy::default())).await?;
            }
            "hard-maximum-holds" if policy.maximum_active.is_some() => {
                self.inner.act(&set(MemberPolicy::default())).await?;
            }
            "paused-node-takes-nothing" => {
                let (member, paused) = (there.clone(), false);
                self.inner
                    .act(&Action::SetPaused { member, paused })
                    .await?;
            }
            _ => {}
        }
        let mut answer = self.inner.act(&Action::Move(asked)).await?;
        let database = wanted.database.clone();
        match (self.flaw, &mut answer) {
            ("move-is-told", Answer::Moved(moved)) => moved.mounted_before = false,
            ("dismounted-stays-dismounted", Answer::Moved(_)) => {
                self.inner.act(&Action::Mount { database }).await?;
            }
            ("move-reads-back", Answer::Moved(_)) => {
                let copy = CopyId::new(&wanted.database, &"EX1".parse().unwrap());
                let comment = String::new();
                self.inner.act(&Action::Suspend { copy, comment }).await?;
            }
            ("refusal-changes-nothing", Answer::Refused(_)) => {
                self.inner.act(&Action::Dismount { database }).await?;
            }
            _ => {}
        }
        Ok(answer)
    }
}

#[async_trait]
impl DagControl for Wrong {
    async fn dag(&self) -> Result<Dag, Error> {
        let mut dag = self.inner.dag().await?;
        let down = |of: &Member| of.node == NodeState::Down;
        let lost = dag.members.values().any(down);
        match self.flaw {
            "group-is-described" => dag.quorum = false,
            "databases-survive-a-member" if lost => {
                dag.databases
                    .values_mut()
                    .for_each(|database| database.mounted = false);
            }
            _ => {}
        }
        Ok(dag)
    }

    async fn copies(&self) -> Result<Vec<CopyState>, Error> {
        let mut copies = self.inner.copies().await?;
        let is_lost = copies
            .iter()
            .any(|state| state.status == CopyStatus::ServiceDown);
        let down = |event: &Event| matches!(event.what, Happening::ServicesDown { .. });
        let was_lost = self.inner.drain_events().iter().any(down);
        match self.flaw {
            "every-copy-is-reported" => copies.reverse(),
            "lost-member-is-seen" => copies.retain(|state| state.status != CopyStatus::ServiceDown),
            "active-copy-has-no-positions" => copies.iter_mut().for_each(|state| {
                state.logs.get_or_insert(LogPositions::default());
            }),
            "suspension-reads-back" => copies.iter_mut().for_each(|state| {
                state.suspend_comment = None;
            }),
            "returning-copies-catch-up" if was_lost && !is_lost => {
                for state in &mut copies {
                    state.status = CopyStatus::Initializing;
                }
            }
            _ => {}
        }
        Ok(copies)
    }

    async fn services(&self, member: &MemberName) -> Result<MailboxServices, Error> {
        let services = self.inner.services(member).await;
        match self.flaw {
            "unknown-names-are-errors" if matches!(services, Err(Error::NotFound { .. })) => {
                Ok(MailboxServices::default())
            }
            "services-are-told" => services.map(|mut services| {
                services.running = services.running.union(&services.stopped).copied().collect();
                services
            }),
            _ => services,
        }
    }

    async fn act(&self, action: &Action) -> Result<Answer, Error> {
        let mut asked = action.clone();
        match (self.flaw, &mut asked) {
            (_, Action::Move(wanted)) => return self.flawed_move(wanted).await,
            ("suspension-may-be-repeated", Action::Suspend { copy, .. }) => {
                let copies = self.inner.copies().await?;
                let suspended = copies
                    .iter()
                    .any(|state| state.copy == *copy && state.status == CopyStatus::Suspended);
                if suspended {
                    return Ok(Answer::Refused(Refusal::Status(CopyStatus::Suspended)));
                }
            }
            ("long-comment-is-refused", Action::Suspend { comment, .. }) => comment.truncate(512),
            ("active-copy-is-not-suspended", Action::Suspend { .. }) => {
                let answer = self.inner.act(&asked).await?;
                return Ok(match answer {
                    Answer::Refused(Refusal::IsActive) => Answer::Done,
                    other => other,
                });
            }
            ("resumed-copy-becomes-healthy", Action::Resume { copy, .. }) => {
                let copies = self.inner.copies().await?;
                let healthy = copies
                    .iter()
                    .any(|state| state.copy == *copy && state.status == CopyStatus::Healthy);
                if !healthy {
                    return Ok(Answer::Done);
                }
            }
            (
                "resume-lifts-the-block",
                Action::Resume {
                    replication_only, ..
                },
            ) => {
                *replication_only = true;
            }
            (
                "replication-only-keeps-the-block",
                Action::Resume {
                    replication_only, ..
                },
            ) => {
                *replication_only = false;
            }
            ("seeding-needs-suspension", Action::Reseed { copy, .. }) => {
                let (copy, comment) = (copy.clone(), String::new());
                self.inner.act(&Action::Suspend { copy, comment }).await?;
            }
            ("seeded-copy-becomes-healthy", Action::Reseed { manual_resume, .. }) => {
                *manual_resume = true;
            }
            ("seeded-copy-can-stay-suspended", Action::Reseed { manual_resume, .. }) => {
                *manual_resume = false;
            }
            ("policy-reads-back", Action::SetPolicy { policy, .. }) => {
                policy.dial = MemberPolicy::default().dial;
            }
            ("preferences-stay-unique", Action::SetCopy { .. })
            | ("component-reads-back", Action::SetComponent { .. })
            | ("primary-reads-back", Action::MovePrimary { .. })
            | ("mount-reads-back", Action::Mount { .. }) => return Ok(Answer::Done),
            ("dismount-may-be-repeated", Action::Dismount { database }) => {
                let dag = self.inner.dag().await?;
                if dag.databases.get(database).is_some_and(|of| !of.mounted) {
                    return Ok(Answer::Refused(Refusal::Status(CopyStatus::Dismounted)));
                }
            }
            _ => {}
        }
        self.inner.act(&asked).await
    }
}

async fn broken_checks(flaw: Flaw) -> Vec<&'static str> {
    let violations = check(&MemoryRig::with(flaw)).await;
    violations.iter().map(|violation| violation.check).collect()
}

#[tokio::test]
async fn the_simulated_cluster_keeps_the_contract() {
    let violations = check(&MemoryRig::with("none")).await;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn each_check_notices_the_group_that_is_wrong_in_its_way() {
    let rig = MemoryRig::with("none");
    let mut results = members::run(&rig).await;
    results.extend(copies::run(&rig).await);
    results.extend(moves::run(&rig).await);
    let mut others = Vec::new();
    for (name, _) in results {
        let broken = broken_checks(name).await;
        if broken != [name] {
            others.push((name, broken));
        }
    }
    assert_eq!(others, []);
}
