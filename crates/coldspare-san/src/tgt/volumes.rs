//! Making volumes and ending them, step by step.

use std::collections::BTreeSet;

use coldspare_names::{Generation, VolumeName};

use super::image::Draft;
use super::plan::Call;
use super::record::Entry;
use super::settle::Settled;
use super::{TgtArray, Trouble, view};
use crate::{Error, Origin, Progress, Refusal, Size, Volume, VolumeSpec};

impl TgtArray {
    pub(super) async fn copy(
        &self,
        source: &VolumeName,
        copy: &VolumeName,
        origin: Origin,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        let spec = {
            let settled = self.settled().await?;
            let spec = self.copied(&settled, source, copy)?;
            if let Some(made) = self.already_made(&settled, &spec, &origin)? {
                return Ok(made);
            }
            spec
        };
        // Without the lock: others go on while this takes its time.
        let draft = self.draft(copy, spec.size, spec.thin)?;
        let copied = draft.copy(&self.image(source), progress).await;
        let doing = || format!("copy volume {source} to {copy}");
        copied.map_err(|error| self.failed(doing(), true, error))?;
        let settled = self.settled().await?;
        if self.copied(&settled, source, copy)? != spec {
            return self.refuse(source, Refusal::Unknown);
        }
        if let Some(made) = self.already_made(&settled, &spec, &origin)? {
            return Ok(made);
        }
        self.add(settled, draft, &spec, origin).await
    }

    fn copied(
        &self,
        settled: &Settled,
        source: &VolumeName,
        copy: &VolumeName,
    ) -> Result<VolumeSpec, Error> {
        let Some(entry) = settled.entry(source) else {
            return self.refuse(source, Refusal::Unknown);
        };
        Ok(VolumeSpec {
            name: copy.clone(),
            size: entry.size,
            thin: entry.thin,
        })
    }

    pub(super) fn draft(
        &self,
        volume: &VolumeName,
        size: Size,
        thin: bool,
    ) -> Result<Draft, Error> {
        let draft = Draft::begin(self.image(volume), size, thin);
        draft.map_err(|error| self.failed(format!("begin volume {volume}"), true, error))
    }

    /// The volume, if it is there as it is asked for; refused if the name is another's.
    pub(super) fn already_made(
        &self,
        settled: &Settled,
        spec: &VolumeSpec,
        origin: &Origin,
    ) -> Result<Option<Volume>, Error> {
        let name = &spec.name;
        match settled.entry(name) {
            Some(entry)
                if spec.size == entry.size
                    && spec.thin == entry.thin
                    && *origin == entry.origin =>
            {
                self.check_whole(settled, name)?;
                Ok(Some(view::volume(name, self.target_name(name), entry)))
            }
            None if !self.is_foreign(settled, name) => Ok(None),
            _ => self.refuse(name, Refusal::NameTaken),
        }
    }

    /// Puts the image in its place, then the record, then tgtd.
    pub(super) async fn add(
        &self,
        settled: Settled,
        draft: Draft,
        spec: &VolumeSpec,
        origin: Origin,
    ) -> Result<Volume, Error> {
        let placed = draft.finish().await;
        placed.map_err(|error| self.failed(format!("keep volume {}", spec.name), true, error))?;
        let mut held = settled.held;
        let entry = Entry {
            size: spec.size,
            thin: spec.thin,
            origin,
            number: held.record.next_number(&settled.shown),
            stamp: Generation::NONE,
            admitted: BTreeSet::new(),
            revoked: BTreeSet::new(),
        };
        let volume = view::volume(&spec.name, self.target_name(&spec.name), &entry);
        held.record.volumes.insert(spec.name.clone(), entry);
        let settled = self.change(held, &BTreeSet::new()).await?;
        self.check_whole(&settled, &spec.name)?;
        Ok(volume)
    }

    pub(super) fn check_restorable(
        &self,
        settled: &Settled,
        volume: &VolumeName,
        snapshot: &VolumeName,
    ) -> Result<(Size, bool), Error> {
        let Some(kept) = settled.entry(snapshot) else {
            return self.refuse(snapshot, Refusal::Unknown);
        };
        if kept.origin != Origin::SnapshotOf(volume.clone()) {
            let snapshot = snapshot.clone();
            return self.refuse(volume, Refusal::NotItsSnapshot { snapshot });
        }
        self.check_unheld(settled, volume)?;
        Ok((kept.size, kept.thin))
    }

    pub(super) fn check_unheld(&self, settled: &Settled, volume: &VolumeName) -> Result<(), Error> {
        let Some(entry) = settled.entry(volume) else {
            return self.refuse(volume, Refusal::Unknown);
        };
        let found = self.found(settled, volume, entry);
        if !found.admitted.is_empty() || !found.foreign.is_empty() {
            return self.refuse(volume, Refusal::Admitted);
        }
        match self.target(settled, volume) {
            Some(target) if !target.connections.is_empty() => {
                self.refuse(volume, Refusal::LoggedIn)
            }
            _ => Ok(()),
        }
    }

    /// Deletes a volume's target, if nobody is logged in: tgtd itself looks in the same moment.
    pub(super) async fn end_target(
        &self,
        settled: &Settled,
        volume: &VolumeName,
    ) -> Result<(), Error> {
        let Some(target) = self.target(settled, volume) else {
            return Ok(());
        };
        let number = target.number;
        match self.control.make(&Call::DeleteTarget { number }).await {
            Ok(()) => Ok(()),
            Err(Trouble::Refused(_)) => self.refuse(volume, Refusal::LoggedIn),
            Err(trouble) => Err(self.troubled("end a target", trouble)),
        }
    }

    pub(super) fn check_whole(&self, settled: &Settled, volume: &VolumeName) -> Result<(), Error> {
        if settled.wanting.contains(volume) {
            let doing = format!("offer volume {volume} as recorded");
            return Err(self.failed(doing, false, "tgtd does not take its image or its rules"));
        }
        Ok(())
    }
}
