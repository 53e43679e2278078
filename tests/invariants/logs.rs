//! No acknowledged log is lost beyond the mount dial: at each failover a group may give up as many
//! as the dial of the member allows on which the database is mounted, and no more.

use coldspare::What;
use coldspare_exchange::DatabaseName;
use coldspare_sim::Truth;

use crate::{Invariant, Run};

/// What the server's own dial, *good availability*, allows at one failover.
const DIAL: u64 = 6;

pub(crate) struct Logs;

impl Invariant for Logs {
    fn name(&self) -> &'static str {
        "no acknowledged log lost beyond the dial"
    }

    fn look(&mut self, _: &Truth<'_>) -> Option<String> {
        None
    }

    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        truth.site().dags.iter().find_map(|(name, of)| {
            let group = truth.group(name)?;
            of.dag.databases.keys().find_map(|database| {
                let lost = group.logs_lost(database).ok()?;
                let allowed = DIAL * failovers(run, database);
                (lost > allowed).then(|| format!("{database} lost {lost} logs, {allowed} may be"))
            })
        })
    }
}

fn failovers(run: &Run<'_>, database: &DatabaseName) -> u64 {
    let activated = run.told.iter().filter(|told| {
        told.event.event == What::DatabaseActivated
            && told.event.about.database.as_ref() == Some(database)
    });
    activated.count() as u64
}
