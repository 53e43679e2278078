//! What may be wrong with the monitor itself.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::Time;

use crate::verdict::Doubt;
use crate::{Cause, Finding, Path};

/// Reasons of the monitor not to trust what it does not hear, each with its end, if that is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct SelfDoubt(BTreeMap<Cause, Option<Time>>);

impl SelfDoubt {
    /// The monitor stood still: doubt until the end.
    pub(super) fn stopped(&mut self, end: Time) -> Option<Finding> {
        self.begin(Cause::MonitorStopped, Some(end))
    }

    /// A link of its own went down, or is up again: then it is doubted until the end.
    pub(super) fn link(&mut self, path: Path, up: bool, end: Time) -> Option<Finding> {
        let cause = Cause::OwnLink(path);
        match (up, self.0.get_mut(&cause)) {
            (false, _) => self.begin(cause, None),
            (true, Some(until)) => {
                *until = until.or(Some(end));
                None
            }
            (true, None) => None,
        }
    }

    fn begin(&mut self, cause: Cause, end: Option<Time>) -> Option<Finding> {
        let new = self.0.insert(cause.clone(), end).is_none();
        new.then(|| Finding::Held {
            cause,
            slots: BTreeSet::new(),
        })
    }

    /// Ends what is over.
    pub(super) fn pass(&mut self, now: Time) -> Vec<Finding> {
        let over = |end: &Option<Time>| end.is_some_and(|end| end <= now);
        let ended = self.0.extract_if(.., |_, end| over(end));
        ended
            .map(|(cause, _)| Finding::HoldEnded {
                cause,
                slots: BTreeSet::new(),
            })
            .collect()
    }

    /// When one of them is over.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.0.values().flatten().min().copied()
    }

    /// Whether silence over these paths tells nothing at all.
    pub(super) fn is_blind(&self, paths: &[Path]) -> bool {
        let down = |&path: &Path| self.0.contains_key(&Cause::OwnLink(path));
        self.0.contains_key(&Cause::MonitorStopped) || paths.iter().all(down)
    }

    /// The doubt about a server that is watched over these paths.
    pub(super) fn about(&self, paths: &[Path]) -> Option<Doubt> {
        let concerns = |cause: &&Cause| match cause {
            Cause::OwnLink(path) => paths.contains(path),
            _ => true,
        };
        let cause = self.0.keys().find(concerns)?;
        Some(Doubt {
            cause: cause.clone(),
            testimony_decides: !self.is_blind(paths),
        })
    }
}
