//! The workload of the paper: a member of a database availability group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use coldspare_exchange::auto_reseed::RESUMES;
use coldspare_exchange::{
    Action, Answer, Balance, CopyId, CopyState, Dag, DagControl, DialOverride, MemberName, Move,
    PlannedMove, Repair, RepairReason, concerns, redistribute, repair, reseed,
    suspended_on_purpose,
};
use tokio::time::Instant;

use crate::site::Redistribution;
use crate::workload::{Progress, Workload, WorkloadError};

/// One member of a group, led back to where it was: its services run, its copies are healthy
/// again, and the databases that prefer it are active on it.
///
/// A copy that is *Suspended* without [`coldspare_exchange::COMMENT`] was suspended by
/// somebody else, and stays so: Exchange itself never suspends a copy that has not failed.
#[derive(Debug)]
pub struct DagMember {
    control: Arc<dyn DagControl>,
    member: MemberName,
    redistribution: Redistribution,
    /// How often each copy was resumed in vain, and when last. Forgotten by a restart, after which it
    /// is tried as often again.
    resumed: Mutex<BTreeMap<CopyId, (u8, Instant)>>,
}

impl DagMember {
    /// A member of a group. With [`Redistribution::Persona`] the member's own start-up item
    /// redistributes, and is only waited for.
    pub fn new(
        control: Arc<dyn DagControl>,
        member: MemberName,
        redistribution: Redistribution,
    ) -> Self {
        Self {
            control,
            member,
            redistribution,
            resumed: Mutex::default(),
        }
    }

    /// What to do about this member's copies. One that has given up is resumed every few minutes,
    /// and seeded anew when that was in vain.
    #[expect(
        clippy::disallowed_methods,
        reason = "a handle on a group is a shell: it decides nothing but when to ask again"
    )]
    fn repairs(&self, copies: &[CopyState], keep: &BTreeSet<CopyId>) -> Vec<Action> {
        let (now, pause) = (Instant::now(), RESUMES.1);
        let mut resumed = self.resumed.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = resumed
            .iter()
            .map(|(copy, (tries, _))| (copy.clone(), *tries));
        let in_vain = reseed(copies, &tries.collect(), keep);
        let here = copies
            .iter()
            .filter(|state| state.copy.member == self.member);
        let mut actions = Vec::new();
        for Repair { action, reason } in repair(here, keep).into_iter().chain(in_vain) {
            match (&action, reason) {
                (Action::Resume { copy, .. }, RepairReason::FailedAndSuspended) => {
                    let (tries, last) = resumed.get(copy).copied().unwrap_or((0, now));
                    if tries < RESUMES.0 && (tries == 0 || now >= last + pause) {
                        resumed.insert(copy.clone(), (tries + 1, now));
                        actions.push(action);
                    }
                }
                (Action::Reseed { copy, .. }, _) if copy.member != self.member => {}
                _ => actions.push(action),
            }
        }
        actions
    }

    fn failed(&self, what: &str, reason: impl std::error::Error) -> WorkloadError {
        let mut text = reason.to_string();
        let mut cause = reason.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        WorkloadError {
            subject: format!("{what} {}", self.member),
            reason: text,
        }
    }

    async fn look(&self, what: &str) -> Result<(Dag, Vec<CopyState>), WorkloadError> {
        let dag = self
            .control
            .dag()
            .await
            .map_err(|error| self.failed(what, error))?;
        let copies = self
            .control
            .copies()
            .await
            .map_err(|error| self.failed(what, error))?;
        Ok((dag, copies))
    }

    /// Does each action; what was refused is what is waited for.
    async fn act(
        &self,
        what: &str,
        actions: impl IntoIterator<Item = Action>,
    ) -> Result<Vec<String>, WorkloadError> {
        let mut refused = Vec::new();
        for action in actions {
            let answer = self.control.act(&action).await;
            if let Answer::Refused(refusal) = answer.map_err(|error| self.failed(what, error))? {
                refused.push(format!("{action}: {refusal}"));
            }
        }
        Ok(refused)
    }
}

#[async_trait]
impl Workload for DagMember {
    async fn leave(&self) -> Result<Progress, WorkloadError> {
        let (dag, _) = self.look("drain").await?;
        let here: Vec<_> = dag.active_on(&self.member).cloned().collect();
        if here.is_empty() {
            return Ok(Progress::Done);
        }
        let away = here.into_iter().map(|database| {
            Action::Move(Move {
                database,
                target: None,
                dial: DialOverride::default(),
                skip: BTreeSet::default(),
            })
        });
        let refused = self.act("drain", away).await?;
        Ok(Progress::Waiting(refused.join("; ")))
    }

    async fn ready(&self) -> Result<Progress, WorkloadError> {
        let what = "ask the services of";
        let dag = self
            .control
            .dag()
            .await
            .map_err(|error| self.failed(what, error))?;
        let services = self.control.services(&self.member).await;
        let missing = services
            .map_err(|error| self.failed(what, error))?
            .missing(dag.version);
        if missing.is_empty() {
            return Ok(Progress::Done);
        }
        let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
        Ok(Progress::Waiting(format!(
            "not running yet: {}",
            missing.join(", ")
        )))
    }

    async fn rejoin(&self) -> Result<Progress, WorkloadError> {
        let (dag, copies) = self.look("rejoin").await?;
        let keep = suspended_on_purpose(&copies);
        let concerns = concerns(&dag, &copies, &self.member, &keep);
        if concerns.is_empty() {
            self.resumed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
            return Ok(Progress::Done);
        }
        let actions = self.repairs(&copies, &keep);
        let refused = self.act("rejoin", actions).await?;
        let concerns = concerns.iter().map(ToString::to_string);
        Ok(Progress::Waiting(
            concerns.chain(refused).collect::<Vec<_>>().join("; "),
        ))
    }

    async fn rebalance(&self) -> Result<Progress, WorkloadError> {
        let (dag, copies) = self.look("redistribute to").await?;
        let plan = redistribute(&dag, &copies, Balance::ByActivationPreference);
        let in_vain = plan
            .failed
            .iter()
            .filter(|failed| failed.tried.to == self.member);
        let mut waiting: Vec<_> = in_vain
            .map(|failed| {
                let reasons: Vec<_> = failed.refusals.iter().map(ToString::to_string).collect();
                format!("{}: {}", failed.tried.action(), reasons.join(", "))
            })
            .collect();
        let moves = plan.moves.iter().map(PlannedMove::action);
        if self.redistribution == Redistribution::Persona {
            waiting.extend(moves.map(|action| action.to_string()));
        } else {
            waiting.extend(self.act("redistribute to", moves.clone()).await?);
            // What was moved is seen to be there the next time.
            waiting.extend(moves.map(|action| action.to_string()));
        }
        if waiting.is_empty() {
            return Ok(Progress::Done);
        }
        Ok(Progress::Waiting(waiting.join("; ")))
    }
}

#[cfg(test)]
mod tests;
