//! A redistribution that is carried out.

use std::collections::BTreeSet;

use super::run::Run;
use super::{Balance, FailedMove, PlannedMove, Redistribution};
use crate::{Action, Answer, Check, Dag, DagControl, Error, Move, Refusal};

/// Redistributes a group, move by move, and says what was done.
///
/// The group is read anew before each move: a database that somebody else has moved meanwhile is
/// left alone. A move that does not end as it should is taken back: a database that was mounted is
/// mounted again, one that went elsewhere is moved back, and no database is ever dismounted. What
/// Exchange refuses is tried at the next preferred copy.
pub async fn carry_out(
    control: &dyn DagControl,
    balance: Balance,
) -> Result<Redistribution, Error> {
    let dag = control.dag().await?;
    let mut run = Run::new(&dag, balance);
    let mut done = Redistribution::default();
    while let Some(attempt) = run.next() {
        let tried = run.planned(&attempt);
        let mut refusals = run.barred(&attempt);
        if refusals.is_empty() {
            refusals.extend(make(control, &tried).await?);
        }
        if refusals.is_empty() {
            run.succeeded(&attempt);
            done.moves.push(tried);
        } else {
            run.failed(&attempt);
            done.failed.push(FailedMove { tried, refusals });
        }
    }
    done.databases = run.reports();
    done.warnings = run.warnings();
    Ok(done)
}

/// Makes one move, or says why not.
async fn make(control: &dyn DagControl, planned: &PlannedMove) -> Result<Option<Refusal>, Error> {
    let (active, mounted) = home(&control.dag().await?, planned);
    if active.as_ref() != Some(&planned.from) {
        return Ok(Some(Refusal::MovedMeanwhile));
    }
    let answer = control.act(&planned.action()).await?;
    let (active, mounted_after) = home(&control.dag().await?, planned);
    let there = active.as_ref() == Some(&planned.to);
    if there && mounted_after == mounted {
        return Ok(None);
    }
    if active.as_ref() == Some(&planned.from) {
        if mounted && !mounted_after {
            let database = planned.database.clone();
            control.act(&Action::Mount { database }).await?;
        }
    } else {
        let back = Move::lossless(&planned.database, &planned.from);
        if let Answer::Refused(_) = control.act(&Action::Move(back.clone())).await? {
            let skip = BTreeSet::from([Check::ClientExperience]);
            control.act(&Action::Move(Move { skip, ..back })).await?;
        }
    }
    Ok(Some(match answer {
        Answer::Refused(refusal) => refusal,
        Answer::Done | Answer::Moved(_) => Refusal::NotAsMoved,
    }))
}

/// Where a database is active, and whether it is mounted.
fn home(dag: &Dag, planned: &PlannedMove) -> (Option<crate::MemberName>, bool) {
    let database = dag.databases.get(&planned.database);
    let active = database.map(|database| database.active.clone());
    (active, database.is_some_and(|database| database.mounted))
}

#[cfg(test)]
mod tests;
