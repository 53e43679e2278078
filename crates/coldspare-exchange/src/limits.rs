//! The limits of a group, and what else a description of one can have wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{CopyId, Dag, DatabaseName, Edition, MemberName, Version};

/// Members of a group, and therefore copies of a database.
pub const MEMBERS: usize = 16;
/// The longest replay or truncation lag: 14 days.
pub const LAG: Duration = Duration::from_hours(14 * 24);
/// A longer interval between preference moves crashes the Replication service on all members:
/// 2³² milliseconds, 49.7 days.
pub const PREFERENCE_MOVES: Duration = Duration::from_millis(u32::MAX as u64);

/// How many databases, active and passive, a server of that version and edition may have mounted.
///
/// The figures of 2010 are from general knowledge and were not read in a source.
pub const fn databases(version: Version, edition: Edition) -> usize {
    match (edition, version) {
        (Edition::Standard, _) => 5,
        (Edition::Enterprise, Version::V2013Cu1) => 50,
        (Edition::Enterprise, _) => 100,
    }
}

/// What is wrong with a description of a group. Each that breaks a limit names it.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Defect {
    /// Too many members.
    #[error("it has {0} members, at most 16 are allowed")]
    Members(usize),
    /// Too many databases on a server.
    #[error("{member} has {count} databases, its edition allows {limit}")]
    Databases {
        /// The server.
        member: MemberName,
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// A server is marked as failed that is no member.
    #[error("{0} is stopped and is no member")]
    StrangeStopped(MemberName),
    /// A server is said to be in neither list that is no member, or is marked as failed.
    #[error("{0} is in neither list, which is for members that are not stopped")]
    StrangeUnlisted(MemberName),
    /// A copy on a server that is no member.
    #[error("{0} is on a server that is no member")]
    StrangeCopy(CopyId),
    /// The active copy is none of the copies.
    #[error("{database} is active on {active}, which has no copy of it")]
    StrangeActive {
        /// The database.
        database: DatabaseName,
        /// Where it is said to be active.
        active: MemberName,
    },
    /// A preference that is too large or used twice.
    #[error("{copy} has preference {preference}: each of 1 to {copies} once is allowed")]
    Preference {
        /// The copy.
        copy: CopyId,
        /// Its preference.
        preference: u8,
        /// How many copies the database has.
        copies: usize,
    },
    /// A lag that is too long.
    #[error("{0} has a lag of more than 14 days")]
    Lag(CopyId),
    /// The witness is a member.
    #[error("the witness {0} is a member")]
    WitnessIsMember(MemberName),
    /// The interval between preference moves is too long.
    #[error(
        "preference moves are more than 49.7 days apart, which crashes the Replication service"
    )]
    PreferenceMoves,
}

impl Dag {
    /// Everything that is wrong with this description; empty if nothing is.
    pub fn defects(&self) -> Vec<Defect> {
        let mut defects = Vec::new();
        if self.members.len() > MEMBERS {
            defects.push(Defect::Members(self.members.len()));
        }
        let witnesses = self.witness.iter().chain(&self.alternate_witness);
        let witness = witnesses.filter_map(|witness| {
            MemberName::new(witness.server.as_str())
                .ok()
                .filter(|name| self.members.contains_key(name))
        });
        defects.extend(witness.map(Defect::WitnessIsMember));
        let strangers = self
            .stopped
            .iter()
            .filter(|member| !self.members.contains_key(*member));
        defects.extend(strangers.cloned().map(Defect::StrangeStopped));
        let strangers = self
            .unlisted
            .iter()
            .filter(|member| !self.members.contains_key(*member) || self.stopped.contains(*member));
        defects.extend(strangers.cloned().map(Defect::StrangeUnlisted));
        if self
            .preference_moves
            .is_some_and(|every| every > PREFERENCE_MOVES)
        {
            defects.push(Defect::PreferenceMoves);
        }
        let mut count: BTreeMap<&MemberName, usize> = BTreeMap::new();
        for (name, database) in &self.databases {
            for member in database.copies.keys() {
                *count.entry(member).or_default() += 1;
            }
            self.database_defects(name, &mut defects);
        }
        for (member, of) in &self.members {
            let limit = databases(self.version, of.edition);
            let count = count.get(member).copied().unwrap_or_default();
            if count > limit {
                let member = member.clone();
                defects.push(Defect::Databases {
                    member,
                    count,
                    limit,
                });
            }
        }
        defects
    }

    fn database_defects(&self, name: &DatabaseName, defects: &mut Vec<Defect>) {
        let database = &self.databases[name];
        if !database.copies.contains_key(&database.active) {
            let (database, active) = (name.clone(), database.active.clone());
            defects.push(Defect::StrangeActive { database, active });
        }
        let mut taken = BTreeSet::new();
        for (member, settings) in &database.copies {
            let copy = CopyId::new(name, member);
            if settings.replay_lag > LAG || settings.truncation_lag > LAG {
                defects.push(Defect::Lag(copy.clone()));
            }
            if !self.members.contains_key(member) {
                defects.push(Defect::StrangeCopy(copy.clone()));
            }
            let (preference, copies) = (settings.preference.get(), database.copies.len());
            if usize::from(preference) > copies || !taken.insert(preference) {
                defects.push(Defect::Preference {
                    copy,
                    preference,
                    copies,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
