//! The reports of a redistribution, with the columns of the original.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use super::Redistribution;
use crate::{Dag, DagName, DatabaseName, MemberName};

/// What became of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MoveStatus {
    /// Nothing was tried.
    NoMoveAttempted,
    /// It was moved.
    MoveSucceeded,
    /// It should have been moved and could not be.
    MoveFailed,
}

/// What became of a database: a row of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MoveReport {
    /// The database.
    pub db_name: DatabaseName,
    /// The preference of its active copy at the start.
    pub active_on_preference_at_start: NonZeroU8,
    /// Where it was active at the start.
    pub active_server_at_start: MemberName,
    /// The preference of its active copy at the end.
    pub active_on_preference_at_end: NonZeroU8,
    /// Where it is active at the end.
    pub active_server_at_end: MemberName,
    /// What was done.
    pub move_status: MoveStatus,
}

/// The footer of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    /// Databases that were moved.
    pub moved: usize,
    /// Of these, to a less preferred copy.
    pub moved_to_less_preferred: usize,
    /// Databases that should have been moved and could not be.
    pub failed: usize,
    /// Databases that were left where they are.
    pub not_moved: usize,
}

impl Redistribution {
    /// The footer of the report.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for report in &self.databases {
            let less = report.active_on_preference_at_end > report.active_on_preference_at_start;
            match report.move_status {
                MoveStatus::NoMoveAttempted => counters.not_moved += 1,
                MoveStatus::MoveFailed => counters.failed += 1,
                MoveStatus::MoveSucceeded => {
                    counters.moved += 1;
                    counters.moved_to_less_preferred += usize::from(less);
                }
            }
        }
        counters
    }
}

/// How databases are distributed: a server's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Distribution {
    /// The server.
    pub server_name: MemberName,
    /// Its copies, active and passive.
    pub total_dbs: usize,
    /// Its active copies.
    pub active_dbs: usize,
    /// Its passive copies.
    pub passive_dbs: usize,
    /// How many of its copies have preference 1, 2 and so on, up to the largest number of copies
    /// that any database of the group has.
    pub preference_count_list: Vec<usize>,
    /// Its active copies that are mounted.
    pub mounted_dbs: usize,
    /// Its active copies that are not.
    pub dismounted_dbs: usize,
    /// The group.
    pub dag_name: DagName,
}

/// How the databases of a group are distributed.
pub fn distribution(dag: &Dag) -> Vec<Distribution> {
    let copies = dag.databases.values().map(|database| database.copies.len());
    let preferences = copies.max().unwrap_or_default();
    let mut rows: Vec<Distribution> = dag
        .members
        .keys()
        .map(|member| Distribution {
            server_name: member.clone(),
            total_dbs: 0,
            active_dbs: 0,
            passive_dbs: 0,
            preference_count_list: vec![0; preferences],
            mounted_dbs: 0,
            dismounted_dbs: 0,
            dag_name: dag.name.clone(),
        })
        .collect();
    for database in dag.databases.values() {
        for (member, copy) in &database.copies {
            let Ok(row) = rows.binary_search_by(|row| row.server_name.cmp(member)) else {
                continue;
            };
            let row = &mut rows[row];
            let active = database.active == *member;
            row.total_dbs += 1;
            row.active_dbs += usize::from(active);
            row.passive_dbs += usize::from(!active);
            row.mounted_dbs += usize::from(active && database.mounted);
            row.dismounted_dbs += usize::from(active && !database.mounted);
            let preference = usize::from(copy.preference.get());
            if let Some(count) = row.preference_count_list.get_mut(preference - 1) {
                *count += 1;
            }
        }
    }
    rows
}
