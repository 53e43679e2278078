//! A replicated database and the settings of its copies.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dag::yes;
use crate::{MemberName, Refusal, limits};

/// A replicated database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The member with the active copy: the last known one while that member is down.
    pub active: MemberName,
    /// Whether clients are served.
    #[serde(default = "yes")]
    pub mounted: bool,
    /// Its copies, at most one a member.
    pub copies: BTreeMap<MemberName, CopySettings>,
}

/// What `Set-MailboxDatabaseCopy` decides about a copy: a whole value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopySettings {
    /// Activation preference: 1 is the most preferred; unique among the copies of a database.
    pub preference: NonZeroU8,
    /// How long a log waits before it is replayed; more than none makes it a lagged copy.
    #[serde(default)]
    pub replay_lag: Duration,
    /// How much longer a log is kept after it was replayed.
    #[serde(default)]
    pub truncation_lag: Duration,
}

impl CopySettings {
    /// A copy of that preference without any lag.
    pub const fn preferred(preference: NonZeroU8) -> Self {
        Self {
            preference,
            replay_lag: Duration::ZERO,
            truncation_lag: Duration::ZERO,
        }
    }

    /// Whether it is a lagged copy: it does not count towards high availability.
    pub const fn is_lagged(&self) -> bool {
        !self.replay_lag.is_zero()
    }

    /// Whether one of so many copies may have them.
    fn fit(&self, copies: usize) -> Result<(), Refusal> {
        let limit = |what: &str, limit| {
            let what = what.to_owned();
            Err(Refusal::Limit { what, limit })
        };
        if usize::from(self.preference.get()) > copies {
            return limit("a preference", copies as u64);
        }
        if self.replay_lag > limits::LAG || self.truncation_lag > limits::LAG {
            return limit("a lag in days", limits::LAG.as_secs() / 86_400);
        }
        Ok(())
    }
}

impl Database {
    /// The member of the most preferred copy.
    pub fn most_preferred(&self) -> Option<&MemberName> {
        let by_preference = self.copies.iter().min_by_key(|(_, copy)| copy.preference);
        by_preference.map(|(member, _)| member)
    }

    /// The preference of the active copy.
    pub fn active_preference(&self) -> Option<NonZeroU8> {
        self.copies.get(&self.active).map(|copy| copy.preference)
    }

    /// Gives a copy other settings. When its preference is another copy's, those between make
    /// room, so that each number from 1 on stays with one copy (an assumption: documentation only
    /// says that they are unique).
    pub fn set_copy(&mut self, member: &MemberName, wanted: CopySettings) -> Result<(), Refusal> {
        if !self.copies.contains_key(member) {
            return Err(Refusal::NoCopy(member.clone()));
        }
        wanted.fit(self.copies.len())?;
        self.place(member, wanted);
        Ok(())
    }

    /// Gives the database a copy on another member; those that are less preferred make room.
    pub fn add_copy(&mut self, member: &MemberName, wanted: CopySettings) -> Result<(), Refusal> {
        if self.copies.contains_key(member) {
            return Err(Refusal::CopyExists(member.clone()));
        }
        wanted.fit(self.copies.len() + 1)?;
        self.place(member, wanted);
        Ok(())
    }

    /// Takes a passive copy away; those that are less preferred move up. One that is not there is
    /// gone already.
    pub fn remove_copy(&mut self, member: &MemberName) -> Result<(), Refusal> {
        if self.active == *member {
            return Err(Refusal::IsActive);
        }
        self.copies.remove(member);
        let order = self.by_preference();
        self.number(&order);
        Ok(())
    }

    /// Puts a copy in the place that its preference says.
    fn place(&mut self, member: &MemberName, wanted: CopySettings) {
        self.copies.remove(member);
        let mut order = self.by_preference();
        let place = usize::from(wanted.preference.get()) - 1;
        order.insert(place.min(order.len()), member.clone());
        self.copies.insert(member.clone(), wanted);
        self.number(&order);
    }

    fn by_preference(&self) -> Vec<MemberName> {
        let mut order: Vec<MemberName> = self.copies.keys().cloned().collect();
        order.sort_by_key(|member| self.copies[member].preference);
        order
    }

    fn number(&mut self, order: &[MemberName]) {
        let numbers = (1..=u8::MAX).filter_map(NonZeroU8::new);
        for (member, number) in order.iter().zip(numbers) {
            if let Some(copy) = self.copies.get_mut(member) {
                copy.preference = number;
            }
        }
    }
}

#[cfg(test)]
mod tests;
