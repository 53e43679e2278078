//! The seam, verb by verb.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use coldspare_names::{ArrayName, Time, VolumeName};

use super::plan::Call;
use super::record::Entry;
use super::settle::Settled;
use super::shown::Target;
use super::{TgtArray, Trouble, view};
use crate::{
    Admissions, Array, ArrayTraits, Error, LastWrite, Origin, Portal, Progress, Refusal, Session,
    SessionId, Volume, VolumeSpec,
};

#[async_trait]
impl Array for TgtArray {
    fn name(&self) -> &ArrayName {
        &self.name
    }

    fn traits(&self) -> ArrayTraits {
        Self::TRAITS
    }

    async fn portals(&self) -> Result<Vec<Portal>, Error> {
        Ok(self.settings.portals.clone())
    }

    async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        let settled = self.settled().await?;
        let ours = settled.held.record.volumes.iter();
        let ours = ours.map(|(name, entry)| view::volume(name, self.target_name(name), entry));
        let foreign = self.foreign_targets(&settled);
        Ok(ours
            .chain(foreign.filter_map(view::foreign_volume))
            .collect())
    }

    async fn create(&self, spec: &VolumeSpec) -> Result<Volume, Error> {
        let settled = self.settled().await?;
        if let Some(made) = self.already_made(&settled, spec, &Origin::Blank)? {
            return Ok(made);
        }
        let draft = self.draft(&spec.name, spec.size, spec.thin)?;
        let filled = draft.blank().await;
        filled.map_err(|error| self.failed(format!("make volume {}", spec.name), true, error))?;
        self.add(settled, draft, spec, Origin::Blank).await
    }

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        let origin = Origin::CloneOf(source.clone());
        self.copy(source, clone, origin, progress).await
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        let origin = Origin::SnapshotOf(volume.clone());
        self.copy(volume, snapshot, origin, progress).await
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let doing = || format!("restore volume {volume} from {snapshot}");
        let failed = |error| self.failed(doing(), true, error);
        let (size, thin) = {
            let settled = self.settled().await?;
            self.check_restorable(&settled, volume, snapshot)?
        };
        let draft = self.draft(volume, size, thin)?;
        let copied = draft.copy(&self.image(snapshot), progress).await;
        copied.map_err(failed)?;
        let settled = self.settled().await?;
        self.check_restorable(&settled, volume, snapshot)?;
        self.end_target(&settled, volume).await?;
        draft.finish().await.map_err(failed)?;
        let settled = self.change(settled.held, &BTreeSet::new()).await?;
        self.check_whole(&settled, volume)
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), Error> {
        let mut settled = self.settled().await?;
        if settled.entry(volume).is_some() {
            self.check_unheld(&settled, volume)?;
            self.end_target(&settled, volume).await?;
            settled.held.record.volumes.remove(volume);
            settled = self.change(settled.held, &BTreeSet::new()).await?;
        } else if self.is_foreign(&settled, volume) {
            return self.refuse(volume, Refusal::NameTaken);
        }
        // Also what a call that was cut short has left.
        self.sweep(&settled).await?;
        match fs::remove_file(self.image(volume)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(self.failed(format!("delete volume {volume}"), true, error))
            }
            _ => Ok(()),
        }
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, Admissions>, Error> {
        let settled = self.settled().await?;
        let ours = settled.held.record.volumes.iter();
        let ours = ours.map(|(name, entry)| (name.clone(), self.found(&settled, name, entry)));
        let foreign = self.foreign_targets(&settled);
        let foreign =
            foreign.map(|target| (view::foreign_name(target), view::foreign_admissions(target)));
        Ok(ours.chain(foreign).collect())
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), Error> {
        let settled = self.settled().await?;
        let Some(entry) = settled.entry(volume) else {
            let is_foreign = self.is_foreign(&settled, volume);
            let unknown = if is_foreign {
                Refusal::NameTaken
            } else {
                Refusal::Unknown
            };
            return self.refuse(volume, unknown);
        };
        let found = self.found(&settled, volume, entry);
        if let Err(refusal) = found.permit(expected, wanted) {
            return self.refuse(volume, refusal);
        }
        let mut held = settled.held;
        let takes = !found.admitted.is_subset(&wanted.admitted) || found.foreign != wanted.foreign;
        let number = takes.then(|| held.record.next_number(&settled.shown));
        if let Some(entry) = held.record.volumes.get_mut(volume) {
            entry.number = number.unwrap_or(entry.number);
            entry.stamp = wanted.stamp;
            entry.admitted.clone_from(&wanted.admitted);
            entry.revoked = found
                .admitted
                .difference(&wanted.admitted)
                .cloned()
                .collect();
        }
        let gone = found.foreign.difference(&wanted.foreign);
        let gone = gone.map(|words| (volume.clone(), words.clone())).collect();
        let settled = self.change(held, &gone).await?;
        self.sweep(&settled).await?;
        self.check_whole(&settled, volume)
    }

    async fn sessions(&self) -> Result<Vec<Session>, Error> {
        let settled = self.settled().await?;
        let incarnation = self.incarnation()?;
        let targets = view::by_name(&settled.shown);
        let mut sessions = Vec::new();
        for (name, entry) in &settled.held.record.volumes {
            if let Some(target) = targets.get(self.target_name(name).as_str()) {
                let written = last_write(&self.image(name));
                let admitted = &entry.admitted;
                sessions.extend(view::sessions(name, target, admitted, incarnation, written));
            }
        }
        for target in self.foreign_targets(&settled) {
            let name = view::foreign_name(target);
            let written = match &target.units[..] {
                [only] => last_write(Path::new(&only.path)),
                _ => LastWrite::Unknown,
            };
            let nobody = BTreeSet::new();
            sessions.extend(view::sessions(&name, target, &nobody, incarnation, written));
        }
        Ok(sessions)
    }

    async fn drop_sessions(&self, sessions: &[SessionId]) -> Result<(), Error> {
        let settled = self.settled().await?;
        let incarnation = self.incarnation()?;
        for target in &settled.shown {
            for connection in &target.connections {
                if !sessions.contains(&view::session_id(incarnation, target, connection)) {
                    continue;
                }
                let call = Call::EndConnection {
                    number: target.number,
                    session: connection.session,
                    connection: connection.number,
                };
                match self.control.make(&call).await {
                    // Refused: it is gone already.
                    Ok(()) | Err(Trouble::Refused(_)) => {}
                    Err(trouble) => return Err(self.troubled("drop a session", trouble)),
                }
            }
        }
        Ok(())
    }
}

impl TgtArray {
    pub(super) fn found(
        &self,
        settled: &Settled,
        volume: &VolumeName,
        entry: &Entry,
    ) -> Admissions {
        let wanted = self.wanted(volume, entry, &BTreeSet::new());
        view::admissions(entry, &wanted, self.target(settled, volume))
    }

    pub(super) fn target<'a>(
        &self,
        settled: &'a Settled,
        volume: &VolumeName,
    ) -> Option<&'a Target> {
        let name = self.target_name(volume);
        settled
            .shown
            .iter()
            .find(|target| target.name == name.as_str())
    }

    pub(super) fn is_foreign(&self, settled: &Settled, volume: &VolumeName) -> bool {
        let mut foreign = self.foreign_targets(settled);
        foreign.any(|target| view::foreign_name(target) == *volume)
    }

    fn foreign_targets<'a>(&self, settled: &'a Settled) -> impl Iterator<Item = &'a Target> {
        let ours = settled.held.record.volumes.keys();
        let ours: BTreeSet<_> = ours
            .map(|name| self.target_name(name).to_string())
            .collect();
        let shown = settled.shown.iter();
        shown.filter(move |target| !ours.contains(&target.name))
    }

    /// When this tgtd began: its socket was made then.
    fn incarnation(&self) -> Result<u64, Error> {
        let socket = fs::metadata(self.control.path()).map_err(|_| self.no_answer())?;
        Ok(socket.ctime().cast_unsigned() * 1_000_000_000 + socket.ctime_nsec().cast_unsigned())
    }
}

fn last_write(image: &Path) -> LastWrite {
    let modified = fs::metadata(image).and_then(|metadata| metadata.modified());
    let since = modified.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO));
    since.map_or(LastWrite::Unknown, |since| {
        LastWrite::At(Time::after_epoch(since))
    })
}
