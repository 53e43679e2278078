//! Automatic reseed (2013 and later): what Exchange does by itself about a copy that stays failed.
//!
//! Source: Microsoft's page on `AutoReseed`.

use std::time::Duration;

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

/// How long a copy is *`FailedAndSuspended`* before anything is done.
pub const PATIENCE: Duration = Duration::from_mins(15);
/// How long a copy is *Failed* before it is suspended to keep the workflow going.
pub const FAILED: Duration = Duration::from_mins(10);
/// How often it is resumed, and how long is waited in between.
pub const RESUMES: (u8, Duration) = (3, Duration::from_mins(5));
/// How often a spare volume is asked for, and how long is waited in between.
pub const SPARES: (u8, Duration) = (5, Duration::from_hours(1));
/// After so long it all begins anew.
pub const ANEW: Duration = Duration::from_hours(72);

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReseedStep {
    /// Resume the copy: its trouble may be gone.
    Resume,
    /// Put a spare volume in the place of its own.
    AssignSpare,
    /// Seed it in place from the active copy.
    Seed,
}

/// How far the workflow has come with one copy that is *`FailedAndSuspended`*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoReseed {
    began: Time,
    due: Time,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stage {
    Resuming(u8),
    AwaitingSpare(u8),
    Seeding,
    GivenUp,
}

impl AutoReseed {
    /// A copy has just become *`FailedAndSuspended`*.
    pub fn new(now: Time) -> Self {
        Self {
            began: now,
            due: now + PATIENCE,
            stage: Stage::Resuming(0),
        }
    }

    /// When it has to be asked again.
    pub const fn due(&self) -> Time {
        self.due
    }

    /// What to do now, if it is due and the copy is still *`FailedAndSuspended`*; `spare` says
    /// whether its server has a spare volume left.
    pub fn step(&mut self, now: Time, spare: bool) -> Option<ReseedStep> {
        if now < self.due {
            return None;
        }
        if now.since(self.began) >= ANEW {
            *self = Self::new(now);
            return None;
        }
        let (step, stage, pause) = match self.stage {
            Stage::Resuming(tries) if tries < RESUMES.0 => (
                Some(ReseedStep::Resume),
                Stage::Resuming(tries + 1),
                RESUMES.1,
            ),
            Stage::Resuming(_) | Stage::AwaitingSpare(_) if spare => (
                Some(ReseedStep::AssignSpare),
                Stage::Seeding,
                Duration::ZERO,
            ),
            Stage::Resuming(_) => (None, Stage::AwaitingSpare(1), SPARES.1),
            Stage::AwaitingSpare(tries) if tries < SPARES.0 => {
                (None, Stage::AwaitingSpare(tries + 1), SPARES.1)
            }
            Stage::Seeding => (Some(ReseedStep::Seed), Stage::GivenUp, ANEW),
            Stage::AwaitingSpare(_) | Stage::GivenUp => (None, Stage::GivenUp, ANEW),
        };
        self.stage = stage;
        self.due = (now + pause).min(self.began + ANEW);
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: u64) -> Time {
        Time::after_epoch(Duration::from_mins(minute))
    }

    /// Everything that is done in so many minutes, and when.
    fn done(minutes: u64, spare_from: u64) -> Vec<(u64, ReseedStep)> {
        let mut workflow = AutoReseed::new(Time::EPOCH);
        let mut done = Vec::new();
        for now in 0..=minutes {
            while workflow.due() <= minute(now) {
                let step = workflow.step(minute(now), now >= spare_from);
                done.extend(step.map(|step| (now, step)));
            }
        }
        done
    }

    #[test]
    fn it_resumes_three_times_then_takes_a_spare_volume_and_seeds() {
        use ReseedStep::{AssignSpare, Resume, Seed};
        let expected = [
            (15, Resume),
            (20, Resume),
            (25, Resume),
            (30, AssignSpare),
            (30, Seed),
        ];
        assert_eq!(done(600, 0), expected);
    }

    #[test]
    fn it_asks_for_a_spare_five_times_an_hour_apart() {
        use ReseedStep::{AssignSpare, Seed};
        assert_eq!(done(600, 100)[3..], [(150, AssignSpare), (150, Seed)]);
        assert_eq!(
            done(600, 30 + 4 * 60)[3..],
            [(270, AssignSpare), (270, Seed)]
        );
        assert_eq!(
            done(1_000, 30 + 5 * 60)[3..],
            [(330, AssignSpare), (330, Seed)]
        );
        assert_eq!(done(1_000, 331).len(), 3, "then it gives up");
    }

    #[test]
    fn after_three_days_it_begins_anew() {
        let days = |days: u64| days * 24 * 60;
        let done = done(days(3) + 60, u64::MAX);
        let expected = [15, 20, 25, days(3) + 15, days(3) + 20, days(3) + 25];
        assert_eq!(
            done.iter().map(|(minute, _)| *minute).collect::<Vec<_>>(),
            expected
        );
    }
}
