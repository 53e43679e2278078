//! Arrays that are wrong in one way each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use coldspare_names::{ArrayName, Generation, VolumeName};

use crate::memory::MemoryArray;
use crate::{
    Admissions, Array, ArrayTraits, Error, LastWrite, Origin, Portal, Progress, Refusal, Session,
    SessionId, Volume, VolumeSpec,
};

/// Each way to be wrong, and the check that must name it.
pub(super) const EACH: [(Wrong, &str); 30] = [
    (Wrong::ListsAnother, "a_volume_is_read_back_as_it_was_made"),
    (
        Wrong::RefusesToMakeAgain,
        "making_a_volume_twice_is_making_it_once",
    ),
    (Wrong::TakesATakenName, "a_taken_name_is_refused"),
    (Wrong::RefusesToCopyAgain, "copying_twice_is_copying_once"),
    (Wrong::SharesTargets, "every_volume_has_a_target_of_its_own"),
    (Wrong::HidesOrigins, "a_copy_says_of_what_it_is_one"),
    (Wrong::CopiesAdmissions, "a_copy_admits_nobody"),
    (Wrong::HidesSnapshots, "admissions_cover_every_volume"),
    (Wrong::DeletesAdmitted, "an_admitted_volume_is_not_deleted"),
    (Wrong::DeletesInUse, "a_volume_in_use_is_not_deleted"),
    (
        Wrong::RefusesToDeleteAgain,
        "deleting_twice_is_deleting_once",
    ),
    (Wrong::RestoresHeld, "a_held_volume_is_not_restored"),
    (
        Wrong::RestoresFromAny,
        "only_its_own_snapshot_restores_a_volume",
    ),
    (Wrong::RestoresStamps, "restoring_leaves_the_stamp"),
    (
        Wrong::KeepsWhatIsNotReplaced,
        "admissions_are_replaced_as_a_whole",
    ),
    (
        Wrong::RevokesBlindly,
        "an_unexpected_value_is_a_conflict_and_stays",
    ),
    (Wrong::ConflictsWithItself, "setting_twice_is_setting_once"),
    (Wrong::TakesTheUnknown, "an_unknown_volume_is_refused"),
    (
        Wrong::TakesLateAdmissions,
        "an_admission_older_than_the_stamp_is_refused",
    ),
    (
        Wrong::TakesOlderStamps,
        "a_stamp_is_kept_and_never_goes_back",
    ),
    (Wrong::ChecksThenSets, "two_callers_at_once_never_mix"),
    (
        Wrong::HidesForeignRules,
        "a_foreign_rule_is_shown_and_can_be_taken_away",
    ),
    (Wrong::IgnoresNames, "another_name_is_refused"),
    (
        Wrong::AdmitsAnybodyToTheEmpty,
        "nobody_gets_in_once_the_last_admission_is_gone",
    ),
    (Wrong::MistakesInitiators, "a_session_says_whose_it_is"),
    (Wrong::SeesNoWrites, "a_session_says_when_it_last_wrote"),
    (Wrong::DropsOnlyTheFirst, "dropped_sessions_go"),
    (Wrong::RefusesToDropAgain, "dropping_twice_is_dropping_once"),
    (
        Wrong::TakesADropForABarrier,
        "a_session_is_listed_until_its_last_write_has_landed",
    ),
    (
        Wrong::HidesSessionsOfClones,
        "a_server_that_is_shut_out_can_do_nothing_anywhere",
    ),
];

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    ListsAnother,
    RefusesToMakeAgain,
    TakesATakenName,
    RefusesToCopyAgain,
    SharesTargets,
    HidesOrigins,
    CopiesAdmissions,
    HidesSnapshots,
    DeletesAdmitted,
    DeletesInUse,
    RefusesToDeleteAgain,
    RestoresHeld,
    RestoresFromAny,
    RestoresStamps,
    KeepsWhatIsNotReplaced,
    RevokesBlindly,
    ConflictsWithItself,
    TakesTheUnknown,
    TakesLateAdmissions,
    TakesOlderStamps,
    ChecksThenSets,
    HidesForeignRules,
    IgnoresNames,
    AdmitsAnybodyToTheEmpty,
    MistakesInitiators,
    SeesNoWrites,
    DropsOnlyTheFirst,
    RefusesToDropAgain,
    TakesADropForABarrier,
    HidesSessionsOfClones,
}

/// An array in memory behind a wrong adapter.
#[derive(Debug)]
pub(super) struct WrongArray {
    inner: MemoryArray,
    reports: ArrayTraits,
    wrong: Wrong,
    dropped: Mutex<BTreeSet<SessionId>>,
    restored: Mutex<BTreeSet<VolumeName>>,
}

impl WrongArray {
    pub(super) fn new(inner: MemoryArray, reports: ArrayTraits, wrong: Wrong) -> Self {
        let (dropped, restored) = (Mutex::default(), Mutex::default());
        Self {
            inner,
            reports,
            wrong,
            dropped,
            restored,
        }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    fn shown(&self, mut volume: Volume) -> Volume {
        match self.wrong {
            Wrong::SharesTargets => volume.target = "iqn.2012-08.com.example:one".parse().unwrap(),
            Wrong::HidesOrigins => volume.origin = Origin::Blank,
            _ => {}
        }
        volume
    }

    fn refuse<T>(&self, volume: &VolumeName, refusal: Refusal) -> Result<T, Error> {
        let (array, volume) = (self.inner.name().clone(), volume.clone());
        Err(Error::Refused {
            array,
            volume,
            refusal,
        })
    }

    async fn find(&self, volume: &VolumeName) -> Result<Option<Volume>, Error> {
        let mut volumes = self.inner.volumes().await?.into_iter();
        Ok(volumes.find(|found| found.name == *volume))
    }

    async fn copied(&self, source: &VolumeName, copy: Volume) -> Result<Volume, Error> {
        if self.is(Wrong::CopiesAdmissions) {
            let all = self.inner.admissions().await?;
            let theirs = &all[source];
            self.inner
                .set_admissions(&copy.name, &Admissions::default(), theirs)
                .await?;
        }
        Ok(self.shown(copy))
    }

    async fn refuse_copy_again(&self, copy: &VolumeName) -> Result<(), Error> {
        if self.is(Wrong::RefusesToCopyAgain) && self.find(copy).await?.is_some() {
            return self.refuse(copy, Refusal::NameTaken);
        }
        Ok(())
    }

    async fn found(&self, volume: &VolumeName) -> Result<Admissions, Error> {
        Ok(self
            .inner
            .admissions()
            .await?
            .remove(volume)
            .unwrap_or_default())
    }
}

fn is_refused<T>(answer: &Result<T, Error>, is_right: impl Fn(&Refusal) -> bool) -> bool {
    matches!(answer, Err(Error::Refused { refusal, .. }) if is_right(refusal))
}

#[async_trait]
impl Array for WrongArray {
    fn name(&self) -> &ArrayName {
        self.inner.name()
    }

    fn traits(&self) -> ArrayTraits {
        self.reports
    }

    async fn portals(&self) -> Result<Vec<Portal>, Error> {
        self.inner.portals().await
    }

    async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        let mut volumes = self.inner.volumes().await?;
        for volume in &mut volumes {
            *volume = self.shown(volume.clone());
            // Later checks compare whole volumes too: only the first makes one of this size.
            if self.is(Wrong::ListsAnother) && volume.size.as_bytes() == 2 << 20 {
                volume.thin = !volume.thin;
            }
        }
        Ok(volumes)
    }

    async fn create(&self, spec: &VolumeSpec) -> Result<Volume, Error> {
        let there = self.find(&spec.name).await?;
        if self.is(Wrong::RefusesToMakeAgain) && there.is_some() {
            return self.refuse(&spec.name, Refusal::NameTaken);
        }
        match (self.inner.create(spec).await, there) {
            (Err(_), Some(there)) if self.is(Wrong::TakesATakenName) => Ok(there),
            (made, _) => Ok(self.shown(made?)),
        }
    }

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        self.refuse_copy_again(clone).await?;
        self.copied(
            source,
            self.inner.clone_volume(source, clone, progress).await?,
        )
        .await
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        self.refuse_copy_again(snapshot).await?;
        self.copied(
            volume,
            self.inner.snapshot(volume, snapshot, progress).await?,
        )
        .await
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let answer = self.inner.restore(volume, snapshot, progress).await;
        let swallowed = match self.wrong {
            Wrong::RestoresHeld => is_refused(&answer, |why| {
                matches!(why, Refusal::Admitted | Refusal::LoggedIn)
            }),
            Wrong::RestoresFromAny => {
                is_refused(&answer, |why| matches!(why, Refusal::NotItsSnapshot { .. }))
            }
            Wrong::RestoresStamps if answer.is_ok() => {
                self.restored.lock().unwrap().insert(volume.clone())
            }
            _ => false,
        };
        if swallowed { Ok(()) } else { answer }
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), Error> {
        if self.is(Wrong::RefusesToDeleteAgain) && self.find(volume).await?.is_none() {
            return self.refuse(volume, Refusal::Unknown);
        }
        let answer = self.inner.delete(volume).await;
        let admitted = is_refused(&answer, |why| *why == Refusal::Admitted);
        if self.is(Wrong::DeletesAdmitted) && admitted {
            let found = self.found(volume).await?;
            self.inner
                .set_admissions(volume, &found, &Admissions::default())
                .await?;
            return self.inner.delete(volume).await;
        }
        if self.is(Wrong::DeletesInUse) && is_refused(&answer, |why| *why == Refusal::LoggedIn) {
            let sessions = self.inner.open_sessions().into_iter();
            let ids: Vec<_> = sessions.map(|session| session.id).collect();
            self.inner.drop_sessions(&ids).await?;
            return self.inner.delete(volume).await;
        }
        answer
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, Admissions>, Error> {
        let mut all = self.inner.admissions().await?;
        match self.wrong {
            Wrong::HidesSnapshots => {
                for volume in self.inner.volumes().await? {
                    if matches!(volume.origin, Origin::SnapshotOf(_)) {
                        all.remove(&volume.name);
                    }
                }
            }
            Wrong::RestoresStamps => {
                for volume in &*self.restored.lock().unwrap() {
                    all.entry(volume.clone()).or_default().stamp = Generation::NONE;
                }
            }
            Wrong::HidesForeignRules => all.values_mut().for_each(|found| found.foreign.clear()),
            _ => {}
        }
        Ok(all)
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), Error> {
        let found = self.found(volume).await?;
        let mut wanted = wanted.clone();
        match self.wrong {
            Wrong::KeepsWhatIsNotReplaced if found.admitted.len() > 1 => {
                wanted.admitted.extend(found.admitted.clone());
            }
            Wrong::RevokesBlindly if wanted.admitted.is_empty() => {
                return self.inner.set_admissions(volume, &found, &wanted).await;
            }
            Wrong::ConflictsWithItself if found != *expected => {
                return self.refuse(volume, Refusal::Conflict(Box::new(found)));
            }
            Wrong::ChecksThenSets if found == *expected => {
                tokio::task::yield_now().await;
                let now = self.found(volume).await?;
                return self.inner.set_admissions(volume, &now, &wanted).await;
            }
            _ => {}
        }
        let answer = self.inner.set_admissions(volume, expected, &wanted).await;
        let swallowed = match self.wrong {
            Wrong::TakesTheUnknown => is_refused(&answer, |why| *why == Refusal::Unknown),
            Wrong::TakesLateAdmissions => {
                is_refused(&answer, |why| matches!(why, Refusal::Stale { .. }))
            }
            Wrong::TakesOlderStamps => is_refused(&answer, |why| {
                matches!(why, Refusal::StampWouldGoBack { .. })
            }),
            _ => false,
        };
        if swallowed { Ok(()) } else { answer }
    }

    async fn sessions(&self) -> Result<Vec<Session>, Error> {
        let mut sessions = self.inner.sessions().await?;
        match self.wrong {
            Wrong::MistakesInitiators => {
                for session in &mut sessions {
                    session.initiator.clear();
                }
            }
            Wrong::SeesNoWrites => {
                for session in &mut sessions {
                    session.last_write = LastWrite::Never;
                }
            }
            Wrong::TakesADropForABarrier => {
                let dropped = self.dropped.lock().unwrap();
                sessions.retain(|session| !dropped.contains(&session.id));
            }
            Wrong::HidesSessionsOfClones => {
                let mut shown = Vec::new();
                for session in sessions {
                    let volume = self.find(&session.volume).await?;
                    if volume.is_some_and(|volume| volume.origin == Origin::Blank) {
                        shown.push(session);
                    }
                }
                sessions = shown;
            }
            _ => {}
        }
        Ok(sessions)
    }

    async fn drop_sessions(&self, sessions: &[SessionId]) -> Result<(), Error> {
        match self.wrong {
            Wrong::DropsOnlyTheFirst => {
                let first = &sessions[..sessions.len().min(1)];
                return self.inner.drop_sessions(first).await;
            }
            Wrong::RefusesToDropAgain => {
                let open = self.inner.open_sessions();
                let is_open = |id: &SessionId| open.iter().any(|session| session.id == *id);
                if !sessions.iter().all(is_open) {
                    return Err(Error::NoAnswer {
                        array: self.inner.name().clone(),
                    });
                }
            }
            Wrong::TakesADropForABarrier => {
                self.dropped
                    .lock()
                    .unwrap()
                    .extend(sessions.iter().cloned());
            }
            _ => {}
        }
        self.inner.drop_sessions(sessions).await
    }
}
