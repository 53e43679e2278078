//! Bringing tgtd to what the record says: the beginning of every verb, and the end of a change.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::VolumeName;

use super::plan::{self, Call, Wanted};
use super::record::{Entry, Held};
use super::shown::Target;
use super::{TgtArray, Trouble, view};
use crate::Error;
use crate::volume::label;

/// How often tgtd is brought closer before it is given up.
const ROUNDS: usize = 3;

/// The record, the lock, and a tgtd where nobody can get in who is not in the record.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) held: Held,
    pub(super) shown: Vec<Target>,
    /// Volumes whose targets do not give what they should: an image is lost, say.
    pub(super) wanting: BTreeSet<VolumeName>,
}

impl Settled {
    pub(super) fn entry(&self, volume: &VolumeName) -> Option<&Entry> {
        self.held.record.volumes.get(volume)
    }
}

impl TgtArray {
    /// Takes the lock, and brings tgtd to what the record says.
    pub(super) async fn settled(&self) -> Result<Settled, Error> {
        let held = Held::take(&self.settings.directory, self.settings.limit).await;
        let held = held.map_err(|error| self.failed("read its record", false, error))?;
        let held = held.ok_or_else(|| self.no_answer())?;
        self.settle(held, &BTreeSet::new()).await
    }

    /// Writes the record, and brings tgtd to it; of what others made on any volume, `gone` goes.
    pub(super) async fn change(
        &self,
        held: Held,
        gone: &BTreeSet<(VolumeName, String)>,
    ) -> Result<Settled, Error> {
        let held = held.save().await;
        let held = held.map_err(|error| self.failed("write its record", true, error))?;
        self.settle(held, gone).await
    }

    async fn settle(
        &self,
        held: Held,
        gone: &BTreeSet<(VolumeName, String)>,
    ) -> Result<Settled, Error> {
        let mut refused = None;
        for _ in 0..ROUNDS {
            let shown = self.show().await?;
            let volumes = held.record.volumes.iter();
            let missing = volumes.map(|(volume, entry)| {
                let wanted = self.wanted(volume, entry, gone);
                (volume.clone(), plan::calls(&wanted, &shown))
            });
            let missing: BTreeMap<_, _> = missing.filter(|(_, calls)| !calls.is_empty()).collect();
            let is_closed = !missing.values().flatten().any(Call::takes);
            if missing.is_empty() || (refused.is_some() && is_closed) {
                return Ok(Settled {
                    held,
                    shown,
                    wanting: missing.into_keys().collect(),
                });
            }
            for call in missing.values().flatten() {
                match self.control.make(call).await {
                    Ok(()) => {}
                    // Done already, or not to be done: what is shown next says which.
                    Err(trouble @ Trouble::Refused(_)) => refused = Some(trouble),
                    Err(trouble) => return Err(self.troubled("be changed", trouble)),
                }
            }
        }
        Err(self.troubled("do what was recorded", refused.unwrap_or(Trouble::Silent)))
    }

    /// Deletes the accounts that nothing needs any more.
    pub(super) async fn sweep(&self, settled: &Settled) -> Result<(), Error> {
        let troubled = |trouble| self.troubled("delete accounts", trouble);
        let accounts = self.control.accounts().await.map_err(troubled)?;
        for user in plan::idle(&accounts, &settled.shown) {
            let user = user.to_owned();
            match self.control.make(&Call::DeleteAccount { user }).await {
                Ok(()) | Err(Trouble::Refused(_)) => {}
                Err(trouble) => return Err(troubled(trouble)),
            }
        }
        Ok(())
    }

    async fn show(&self) -> Result<Vec<Target>, Error> {
        let shown = self.control.show().await;
        shown.map_err(|trouble| self.troubled("show its targets", trouble))
    }

    pub(super) fn wanted(
        &self,
        volume: &VolumeName,
        entry: &Entry,
        gone: &BTreeSet<(VolumeName, String)>,
    ) -> Wanted {
        let gone = gone.iter().filter(|(of, _)| of == volume);
        let gone = gone.map(|(_, words)| words.clone()).collect();
        let identity = label(&self.name, volume);
        view::wanted(
            &self.key,
            &self.target_name(volume),
            &self.image(volume),
            &identity,
            entry,
            &gone,
        )
    }
}
