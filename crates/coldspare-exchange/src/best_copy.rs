//! Which copy Active Manager activates: best copy selection.
//!
//! Source: Microsoft's page on Active Manager; the 2013 extension is called best copy and server
//! selection.

use std::cmp::Reverse;
use std::fmt;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use crate::server_health::HealthLevel;
use crate::{ContentIndex, CopyStatus, MemberName, QueueLength, Refusal};

/// A copy that might be activated, with all that selection looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Where it is.
    pub member: &'a MemberName,
    /// Its activation preference.
    pub preference: NonZeroU8,
    /// Its status.
    pub status: CopyStatus,
    /// Its content index.
    pub content_index: ContentIndex,
    /// The last log it has inspected; unknown is as good as none.
    pub last_inspected: Option<u64>,
    /// Logs not yet copied.
    pub copy_queue: QueueLength,
    /// Logs not yet replayed.
    pub replay_queue: QueueLength,
    /// Its server's health, or `None` when that rules it out.
    pub health: Option<HealthLevel>,
    /// Why it may not be activated, whatever its status; mostly nothing.
    pub barred: &'a [Refusal],
}

/// What comes first among copies that meet the same criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The fewest logs to copy, then the lower preference number: when logs may be missing.
    CopyQueue,
    /// The lower preference number: when none may be missing.
    Preference,
}

/// Logs to copy fewer than this are few.
const FEW_TO_COPY: u64 = 10;
/// Logs to replay fewer than this are few.
const FEW_TO_REPLAY: u64 = 50;

impl Candidate<'_> {
    /// The first of the ten criteria that this copy meets.
    pub const fn criterion(&self) -> u8 {
        let healthy = matches!(
            self.content_index,
            ContentIndex::Healthy | ContentIndex::HealthyAndUpgrading | ContentIndex::NotApplicable
        );
        let crawling = matches!(self.content_index, ContentIndex::Crawling);
        let copied = self.copy_queue.is_below(FEW_TO_COPY);
        let replayed = self.replay_queue.is_below(FEW_TO_REPLAY);
        match (healthy, crawling, copied, replayed) {
            (true, _, true, true) => 1,
            (_, true, true, true) => 2,
            (true, _, false, true) => 3,
            (_, true, false, true) => 4,
            (false, false, _, true) => 5,
            (true, _, true, false) => 6,
            (_, true, true, false) => 7,
            (true, _, false, false) => 8,
            (_, true, false, false) => 9,
            (false, false, _, false) => 10,
        }
    }

    /// Whether selection leaves it out.
    pub const fn is_excluded(&self) -> bool {
        !self.barred.is_empty() || self.health.is_none() || !self.status.permits().automatic_target
    }

    /// The smaller, the better.
    fn place(&self, order: Order) -> (Option<HealthLevel>, u8, Reverse<Option<u64>>, NonZeroU8) {
        let inspected = match order {
            Order::CopyQueue => self.last_inspected,
            Order::Preference => None,
        };
        (
            self.health,
            self.criterion(),
            Reverse(inspected),
            self.preference,
        )
    }
}

/// The best copy, by its index; `None` when all are excluded.
///
/// The first criterion that any copy meets decides, and among those that meet it the order. That
/// is the smallest place of all, so one pass finds it without allocating.
pub fn best(candidates: &[Candidate<'_>], order: Order) -> Option<usize> {
    let fit = candidates
        .iter()
        .enumerate()
        .filter(|(_, copy)| !copy.is_excluded());
    fit.min_by_key(|(_, copy)| copy.place(order))
        .map(|(index, _)| index)
}

/// A place in the ranking, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranked {
    /// Where the copy is.
    pub member: MemberName,
    /// How healthy its server is.
    pub health: HealthLevel,
    /// The first of the ten criteria that it meets.
    pub criterion: u8,
    /// Logs not yet copied.
    pub copy_queue: QueueLength,
    /// Its activation preference.
    pub preference: NonZeroU8,
}

/// A copy that may not be activated, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// Where the copy is.
    pub member: MemberName,
    /// Everything that would have to change for it to be eligible.
    pub reasons: Vec<Refusal>,
}

/// Every copy in its place, best first, and those left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    /// The order in which they are tried.
    pub ranked: Vec<Ranked>,
    /// Those that are not tried.
    pub excluded: Vec<Excluded>,
}

/// Every copy in its place, with reasons: what [`best`] finds comes first.
pub fn rank(candidates: &[Candidate<'_>], order: Order) -> Ranking {
    let mut fit: Vec<&Candidate<'_>> = candidates.iter().filter(|c| !c.is_excluded()).collect();
    fit.sort_by_key(|copy| copy.place(order));
    let ranked = fit.into_iter().map(|copy| Ranked {
        member: copy.member.clone(),
        health: copy.health.unwrap_or_default(),
        criterion: copy.criterion(),
        copy_queue: copy.copy_queue,
        preference: copy.preference,
    });
    let excluded = candidates.iter().filter(|copy| copy.is_excluded());
    let excluded = excluded.map(|copy| {
        let status = !copy.status.permits().automatic_target;
        let health = copy.health.is_none().then_some(Refusal::ServerHealth);
        let status = status.then_some(Refusal::Status(copy.status));
        let reasons = copy.barred.iter().cloned().chain(health).chain(status);
        Excluded {
            member: copy.member.clone(),
            reasons: reasons.collect(),
        }
    });
    Ranking {
        ranked: ranked.collect(),
        excluded: excluded.collect(),
    }
}

/// What the ten criteria ask for.
pub const CRITERIA: [&str; 10] = [
    "content index healthy, fewer than 10 logs to copy, fewer than 50 to replay",
    "content index crawling, fewer than 10 logs to copy, fewer than 50 to replay",
    "content index healthy, fewer than 50 logs to replay",
    "content index crawling, fewer than 50 logs to replay",
    "fewer than 50 logs to replay",
    "content index healthy, fewer than 10 logs to copy",
    "content index crawling, fewer than 10 logs to copy",
    "content index healthy",
    "content index crawling",
    "a status that may be activated",
];

impl fmt::Display for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            member,
            criterion,
            copy_queue,
            preference,
            ..
        } = self;
        let asks = CRITERIA[usize::from(criterion.saturating_sub(1)) % CRITERIA.len()];
        write!(f, "{member}: meets criterion {criterion} ({asks}); ")?;
        match copy_queue.known() {
            Some(logs) => write!(f, "{logs} logs to copy, preference {preference}"),
            None => write!(f, "unknown how many logs to copy, preference {preference}"),
        }
    }
}

#[cfg(test)]
mod tests;
