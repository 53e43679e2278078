//! A group that is wrong in one way: each flaw has the name of the check that must notice it.

use super::*;
use crate::memory::Happening;
use crate::{
    ActivationMode, ActivationPolicy, Check, LogPositions, MailboxServices, MemberPolicy,
    NodeState, SeedParts,
};

/// A group that is wrong in one way.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) inner: SimulatedCluster,
    pub(super) flaw: Flaw,
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
            "move-without-target-finds-one" if wanted.target.is_none() => {
                return Ok(Answer::Refused(Refusal::NoTarget));
            }
            "switch-leaves-its-check-out" => {
                asked.skip.remove(&Check::Health);
            }
            "switch-of-a-later-version-is-refused" => {
                asked.skip.retain(|check| check.since() <= before.version);
            }
            "busy-member-takes-nothing" if Check::Cpu.since() <= before.version => {
                asked.skip.insert(Check::Cpu);
            }
            "processor-check-can-be-left-out" if Check::Cpu.since() <= before.version => {
                asked.skip.remove(&Check::Cpu);
            }
            "move-suppression-can-be-left-out" if Check::Cpu.since() <= before.version => {
                asked.skip.remove(&Check::MoveSuppression);
            }
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
            ("move-reads-back", Answer::Moved(_)) if wanted.skip.is_empty() => {
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

    async fn flawed_list(&self, mut asked: Action) -> Result<Answer, Error> {
        match (self.flaw, &mut asked) {
            (
                "postponed-seeding-is-waited-for",
                Action::AddCopy {
                    seeding_postponed, ..
                },
            ) => {
                *seeding_postponed = false;
            }
            (
                "added-copy-becomes-healthy",
                Action::AddCopy {
                    seeding_postponed, ..
                },
            ) => {
                *seeding_postponed = true;
            }
            ("copy-is-not-added-twice", Action::AddCopy { copy, .. }) => {
                let copy = copy.clone();
                self.inner.act(&Action::RemoveCopy { copy }).await?;
            }
            ("active-copy-is-not-removed", Action::RemoveCopy { .. }) => {
                let answer = self.inner.act(&asked).await?;
                let active = matches!(answer, Answer::Refused(Refusal::IsActive));
                return Ok(if active { Answer::Done } else { answer });
            }
            ("removal-may-be-repeated", Action::RemoveCopy { copy }) => {
                let copies = self.inner.copies().await?;
                if copies.iter().all(|state| state.copy != *copy) {
                    return Ok(Answer::Refused(Refusal::NoCopy(copy.member.clone())));
                }
            }
            _ => {}
        }
        self.inner.act(&asked).await
    }

    async fn flawed_service(&self, asked: &Action) -> Result<Answer, Error> {
        let answer = self.inner.act(asked).await?;
        match (self.flaw, asked) {
            ("service-is-restarted", Action::RestartService { member, .. }) => {
                self.inner.set_services(member, false)?;
            }
            ("stopped-service-is-not-restarted", Action::RestartService { .. })
            | ("lost-member-takes-no-messages", Action::RedirectMessages { .. }) => {
                return Ok(Answer::Done);
            }
            ("messages-are-handed-on", Action::RedirectMessages { member, .. }) => {
                self.inner.set_queued_messages(member, 7)?;
            }
            _ => {}
        }
        Ok(answer)
    }

    async fn flawed_switch(&self, asked: &Action) -> Result<Answer, Error> {
        let answer = self.inner.act(asked).await?;
        let refused = |refusal| answer == Answer::Refused(refusal);
        match (self.flaw, asked) {
            ("restore-needs-a-stop", Action::RestoreGroup) if refused(Refusal::NothingStopped) => {
                return Ok(Answer::Done);
            }
            ("stop-needs-coordination", Action::StopMember { .. })
            | ("start-needs-coordination", Action::StartMember { .. })
            | ("restore-needs-coordination", Action::RestoreGroup)
                if refused(Refusal::NoCoordination) =>
            {
                return Ok(Answer::Done);
            }
            ("stopped-member-serves-nothing", Action::StopMember { member }) => {
                let member = member.clone();
                self.inner.act(&Action::StartMember { member }).await?;
            }
            ("started-member-comes-back", Action::StartMember { member }) => {
                let member = member.clone();
                self.inner.act(&Action::StopMember { member }).await?;
            }
            ("restored-group-goes-on", Action::RestoreGroup) => {
                for database in self.inner.dag().await?.databases.into_keys() {
                    self.inner.act(&Action::Dismount { database }).await?;
                }
            }
            _ => {}
        }
        Ok(answer)
    }
}

#[expect(clippy::too_many_lines, reason = "a row for each flaw")]
#[async_trait]
impl DagControl for Wrong {
    async fn dag(&self) -> Result<Dag, Error> {
        let mut dag = self.inner.dag().await?;
        let down = |of: &Member| of.node == NodeState::Down;
        let lost = dag.members.values().any(down);
        match self.flaw {
            "group-is-described" => dag.quorum = false,
            "group-settings-read-back" => dag.activation_mode = ActivationMode::Off,
            "removed-copy-is-gone" => dag.databases.values_mut().for_each(|database| {
                let first = database.copies[&database.active];
                let second = "EX2".parse().unwrap();
                database.copies.entry(second).or_insert(first);
            }),
            "databases-survive-a-member" if lost && dag.stopped.is_empty() => {
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
        let events = self.inner.drain_events();
        let some = |what: fn(&Happening) -> bool| events.iter().any(|event| what(&event.what));
        let was_lost = some(|what| matches!(what, Happening::ServicesDown { .. }))
            && some(|what| matches!(what, Happening::Node { .. }));
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
            (_, Action::AddCopy { .. } | Action::RemoveCopy { .. }) => {
                return self.flawed_list(asked).await;
            }
            (_, Action::RestartService { .. } | Action::RedirectMessages { .. }) => {
                return self.flawed_service(action).await;
            }
            (_, Action::StopMember { .. } | Action::StartMember { .. } | Action::RestoreGroup) => {
                return self.flawed_switch(action).await;
            }
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
            (
                "seeded-copy-becomes-healthy",
                Action::Reseed {
                    manual_resume,
                    parts: SeedParts::DatabaseAndIndex,
                    source: None,
                    ..
                },
            ) => *manual_resume = true,
            ("seeded-copy-can-stay-suspended", Action::Reseed { manual_resume, .. }) => {
                *manual_resume = false;
            }
            (
                "database-can-be-seeded-alone",
                Action::Reseed {
                    parts: SeedParts::Database,
                    ..
                },
            )
            | (
                "index-can-be-seeded-alone",
                Action::Reseed {
                    parts: SeedParts::Index,
                    ..
                },
            ) => return Ok(Answer::Refused(Refusal::NoTarget)),
            ("seeding-source-can-be-named", Action::Reseed { copy, source, .. })
                if source.as_ref().is_some_and(|source| *source != copy.member) =>
            {
                return Ok(Answer::Refused(Refusal::NoTarget));
            }
            ("copy-is-no-source-of-its-own", Action::Reseed { source, .. }) => *source = None,
            ("policy-reads-back", Action::SetPolicy { policy, .. }) => {
                policy.dial = MemberPolicy::default().dial;
            }
            ("preferences-stay-unique", Action::SetCopy { settings, .. })
                if !settings.is_lagged() =>
            {
                return Ok(Answer::Done);
            }
            ("seeding-can-be-ended", Action::CancelSeeding { .. })
            | ("replay-lag-can-be-disabled", Action::DisableReplayLag { .. })
            | ("replay-lag-can-be-enabled", Action::EnableReplayLag { .. })
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
