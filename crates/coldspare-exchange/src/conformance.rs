//! The contract of [`DagControl`] as an executable suite.
//!
//! Whoever implements the seam writes a [`Rig`] around a group and asserts that [`check`] finds
//! nothing. The group is that of the white paper: two members with the same version, two
//! databases with a copy on each member, the first database preferred on the first member, the
//! second on the second, a witness.

mod copies;
mod datacenter;
mod members;
mod moves;
mod seeding;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use crate::{
    Action, Answer, CopyId, CopyState, CopyStatus, Dag, DagControl, DatabaseName, Error,
    MemberName, Move, Refusal,
};

/// A group, and the levers on the world around it. Levers act on the group that
/// [`fresh`](Self::fresh) gave last.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A group at rest: every member up, every copy healthy, databases mounted where they are
    /// preferred.
    async fn fresh(&self) -> Arc<dyn DagControl>;

    /// The first and the second member.
    fn members(&self) -> [MemberName; 2];

    /// The first and the second database.
    fn databases(&self) -> [DatabaseName; 2];

    /// The machine of a member stops; returns when the cluster has noticed.
    async fn lose(&self, member: &MemberName);

    /// The machine of a member runs again; returns when its services do and the cluster has taken
    /// it in.
    async fn restore(&self, member: &MemberName);

    /// The Exchange services of a member stop; returns when that can be seen.
    async fn stop_services(&self, member: &MemberName);

    /// The processors of a member are as busy as they can be; returns when the group has seen it.
    async fn burden(&self, member: &MemberName);

    /// Waits until nothing changes by itself any more: copies have caught up, seedings ended.
    async fn settle(&self);
}

/// A part of the contract that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// What was expected and what was found.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.reason)
    }
}

/// Runs every check, each on a fresh group. An implementation passes with an empty list.
pub async fn check(rig: &dyn Rig) -> Vec<Violation> {
    let violations = run(rig).await.into_iter().filter_map(|(check, result)| {
        let Broken(reason) = result.err()?;
        Some(Violation { check, reason })
    });
    violations.collect()
}

async fn run(rig: &dyn Rig) -> Vec<(&'static str, Checked)> {
    let mut results = members::run(rig).await;
    results.extend(copies::run(rig).await);
    results.extend(seeding::run(rig).await);
    results.extend(moves::run(rig).await);
    results.extend(datacenter::run(rig).await);
    results
}

/// What a check found wrong.
struct Broken(String);

/// A check's outcome.
type Checked = Result<(), Broken>;

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(format!("a call that must be answered is not: {error}"))
    }
}

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Broken(reason())) }
}

/// A fresh group with the names that checks need.
struct Group {
    control: Arc<dyn DagControl>,
    members: [MemberName; 2],
    databases: [DatabaseName; 2],
}

impl Group {
    async fn fresh(rig: &dyn Rig) -> Self {
        Self {
            control: rig.fresh().await,
            members: rig.members(),
            databases: rig.databases(),
        }
    }

    /// The passive copy of the first database: on the second member.
    fn passive(&self) -> CopyId {
        CopyId::new(&self.databases[0], &self.members[1])
    }

    /// A move of the first database to the second member.
    fn away(&self) -> Move {
        Move::lossless(&self.databases[0], &self.members[1])
    }

    /// A move of the first database to wherever is best.
    fn anywhere(&self) -> Move {
        Move {
            target: None,
            ..self.away()
        }
    }

    async fn dag(&self) -> Result<Dag, Broken> {
        Ok(self.control.dag().await?)
    }

    async fn copies(&self) -> Result<Vec<CopyState>, Broken> {
        Ok(self.control.copies().await?)
    }

    async fn copy(&self, id: &CopyId) -> Result<CopyState, Broken> {
        let copies = self.copies().await?.into_iter();
        let found = copies.into_iter().find(|state| state.copy == *id);
        found.ok_or_else(|| Broken(format!("{id} is not reported")))
    }

    async fn status(&self, id: &CopyId) -> Result<CopyStatus, Broken> {
        Ok(self.copy(id).await?.status)
    }

    async fn act(&self, action: Action) -> Result<Answer, Broken> {
        Ok(self.control.act(&action).await?)
    }

    /// Does what must be done without refusal.
    async fn done(&self, action: Action) -> Checked {
        let answer = self.act(action.clone()).await?;
        ensure(answer == Answer::Done, || {
            format!("{action}: expected done, found {answer:?}")
        })
    }

    async fn moves(&self, wanted: Move) -> Checked {
        let answer = self.act(Action::Move(wanted)).await?;
        ensure(matches!(answer, Answer::Moved(_)), || {
            format!("a move is answered {answer:?}")
        })
    }

    /// Asks for what must be refused for a reason that passes, and must change nothing.
    async fn refused(&self, action: Action, reason: fn(&Refusal) -> bool) -> Checked {
        let answer = self.act(action.clone()).await?;
        let fits = matches!(&answer, Answer::Refused(refusal) if reason(refusal));
        ensure(fits, || {
            format!("{action}: expected another refusal, found {answer:?}")
        })
    }

    async fn suspend(&self, copy: &CopyId) -> Checked {
        let (copy, comment) = (copy.clone(), "conformance".to_owned());
        self.done(Action::Suspend { copy, comment }).await
    }
}

#[cfg(test)]
mod tests;
