//! Controllers that are wrong about volumes, played by an array.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::{ArrayName, VolumeName};
use coldspare_san::{
    Admissions, Array, ArrayTraits, Error, Portal, Progress, Session, SessionId, Volume, VolumeSpec,
};

/// What a controller does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// It shuts nobody out: admissions are only added, and no session is cut.
    NeverShutsOut,
    /// Half an hour after an admission was replaced it comes again: somebody's late call.
    GivesLate,
}

/// An array as such a controller sees it.
#[derive(Debug)]
pub(crate) struct MutantArray {
    real: Arc<dyn Array>,
    mutation: Mutation,
    claimed: Mutex<BTreeMap<VolumeName, Admissions>>,
    dropped: Mutex<BTreeSet<SessionId>>,
}

impl MutantArray {
    pub(crate) fn new(real: Arc<dyn Array>, mutation: Mutation) -> Self {
        Self {
            real,
            mutation,
            claimed: Mutex::default(),
            dropped: Mutex::default(),
        }
    }

    /// Sets what is wanted, and leaves admitted who was.
    async fn only_add(&self, volume: &VolumeName, wanted: &Admissions) -> Result<(), Error> {
        let found = self.real.admissions().await?;
        let found = found.get(volume).cloned().unwrap_or_default();
        let mut both = wanted.clone();
        both.admitted.extend(found.admitted.clone());
        self.real.set_admissions(volume, &found, &both).await?;
        let mut claimed = self.claimed.lock().unwrap();
        claimed.insert(volume.clone(), wanted.clone());
        Ok(())
    }

    /// Lets what was replaced come again.
    fn repeat_late(&self, volume: &VolumeName, replaced: &Admissions) {
        let (real, volume, replaced) = (self.real.clone(), volume.clone(), replaced.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_mins(30)).await;
            let found = real.admissions().await.unwrap();
            // Refused where stamps are kept: then nothing is wrong.
            let _ = real
                .set_admissions(&volume, &found[&volume], &replaced)
                .await;
        });
    }
}

#[async_trait]
impl Array for MutantArray {
    fn name(&self) -> &ArrayName {
        self.real.name()
    }

    fn traits(&self) -> ArrayTraits {
        self.real.traits()
    }

    async fn portals(&self) -> Result<Vec<Portal>, Error> {
        self.real.portals().await
    }

    async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        self.real.volumes().await
    }

    async fn create(&self, spec: &VolumeSpec) -> Result<Volume, Error> {
        self.real.create(spec).await
    }

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        self.real.clone_volume(source, clone, progress).await
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        self.real.snapshot(volume, snapshot, progress).await
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        self.real.restore(volume, snapshot, progress).await
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), Error> {
        self.real.delete(volume).await
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, Admissions>, Error> {
        let mut admissions = self.real.admissions().await?;
        admissions.extend(self.claimed.lock().unwrap().clone());
        Ok(admissions)
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), Error> {
        match self.mutation {
            Mutation::NeverShutsOut => self.only_add(volume, wanted).await,
            Mutation::GivesLate => {
                if !expected.admitted.is_subset(&wanted.admitted) {
                    self.repeat_late(volume, expected);
                }
                self.real.set_admissions(volume, expected, wanted).await
            }
        }
    }

    async fn sessions(&self) -> Result<Vec<Session>, Error> {
        let mut sessions = self.real.sessions().await?;
        let dropped = self.dropped.lock().unwrap();
        sessions.retain(|session| !dropped.contains(&session.id));
        Ok(sessions)
    }

    async fn drop_sessions(&self, sessions: &[SessionId]) -> Result<(), Error> {
        match self.mutation {
            Mutation::NeverShutsOut => {
                self.dropped
                    .lock()
                    .unwrap()
                    .extend(sessions.iter().cloned());
                Ok(())
            }
            Mutation::GivesLate => self.real.drop_sessions(sessions).await,
        }
    }
}
