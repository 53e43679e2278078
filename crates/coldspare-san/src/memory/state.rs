//! Everything the array knows, and its management verbs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use coldspare_names::{ArrayName, Generation, IscsiName, VolumeName};

use super::Traps;
use super::target::Target;
use crate::volume::label;
use crate::{
    Admission, Admissions, ArrayTraits, LastWrite, Lun, Origin, Refusal, SecretKey, Session,
    SessionId, Size, StampKeeper, Volume, VolumeSpec,
};

#[derive(Debug)]
pub(super) struct State {
    name: ArrayName,
    pub(super) key: SecretKey,
    pub(super) traits: ArrayTraits,
    pub(super) traps: Traps,
    pub(super) up: bool,
    pub(super) unreachable: BTreeSet<IpAddr>,
    pub(super) targets: BTreeMap<VolumeName, Target>,
    /// In the order in which they were opened.
    pub(super) sessions: BTreeMap<u64, Open>,
    pub(super) opened: u64,
}

/// An open session and what let it in.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Session,
    pub(super) admission: Option<Admission>,
    /// Dropped, with one write still under way.
    pub(super) draining: bool,
}

/// Nothing was changed, for that reason.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) volume: VolumeName,
    pub(super) refusal: Refusal,
}

impl State {
    pub(super) fn new(name: ArrayName, key: SecretKey, traits: ArrayTraits) -> Self {
        Self {
            name,
            key,
            traits,
            traps: Traps::default(),
            up: true,
            unreachable: BTreeSet::new(),
            targets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            opened: 0,
        }
    }

    pub(super) fn volumes(&self) -> Vec<Volume> {
        self.targets
            .values()
            .map(|target| target.volume.clone())
            .collect()
    }

    pub(super) fn create(
        &mut self,
        spec: &VolumeSpec,
        origin: Origin,
        damaged: bool,
    ) -> Result<Volume, Refused> {
        let volume = Volume {
            name: spec.name.clone(),
            size: spec.size,
            thin: spec.thin,
            target: self.target_name(&spec.name),
            lun: Lun::default(),
            origin,
        };
        match self.targets.get(&spec.name) {
            Some(there) if there.volume == volume => {}
            Some(_) => return Err(refused(&spec.name, Refusal::NameTaken)),
            None => {
                let target = Target::new(volume.clone(), damaged);
                self.targets.insert(spec.name.clone(), target);
            }
        }
        Ok(volume)
    }

    pub(super) fn copy(
        &mut self,
        source: &VolumeName,
        copy: &VolumeName,
        origin: Origin,
    ) -> Result<Volume, Refused> {
        let source = self.target(source)?;
        let Volume { size, thin, .. } = source.volume;
        let damaged = source.damaged;
        self.create(
            &VolumeSpec {
                name: copy.clone(),
                size,
                thin,
            },
            origin,
            damaged,
        )
    }

    pub(super) fn restore(
        &mut self,
        volume: &VolumeName,
        snapshot: &VolumeName,
    ) -> Result<Size, Refused> {
        let kept = self.target(snapshot)?;
        if kept.volume.origin != Origin::SnapshotOf(volume.clone()) {
            let snapshot = snapshot.clone();
            return Err(refused(volume, Refusal::NotItsSnapshot { snapshot }));
        }
        let damaged = kept.damaged;
        self.check_unheld(volume)?;
        let target = self.target_mut(volume)?;
        target.damaged = damaged;
        Ok(target.volume.size)
    }

    pub(super) fn delete(&mut self, volume: &VolumeName) -> Result<(), Refused> {
        if self.targets.contains_key(volume) {
            self.check_unheld(volume)?;
            self.targets.remove(volume);
        }
        Ok(())
    }

    fn check_unheld(&self, volume: &VolumeName) -> Result<(), Refused> {
        let admissions = &self.target(volume)?.admissions;
        if !admissions.admitted.is_empty() || !admissions.foreign.is_empty() {
            return Err(refused(volume, Refusal::Admitted));
        }
        if self
            .sessions
            .values()
            .any(|open| open.session.volume == *volume)
        {
            return Err(refused(volume, Refusal::LoggedIn));
        }
        Ok(())
    }

    pub(super) fn admissions(&self) -> BTreeMap<VolumeName, Admissions> {
        let each = self.targets.iter();
        each.map(|(name, target)| (name.clone(), target.admissions.clone()))
            .collect()
    }

    pub(super) fn set_admissions(
        &mut self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), Refused> {
        let forgets = self.traits.stamps == StampKeeper::Nobody;
        let kept = |admissions: &Admissions| {
            let mut kept = admissions.clone();
            if forgets {
                kept.stamp = Generation::NONE;
            }
            kept
        };
        let (expected, wanted) = (kept(expected), kept(wanted));
        let target = self.target_mut(volume)?;
        let permit = target.admissions.permit(&expected, &wanted);
        permit.map_err(|refusal| refused(volume, refusal))?;
        if self.traits.removal_ends_sessions {
            let revoked = |open: &Open| {
                let admission = open.admission.as_ref();
                open.session.volume == *volume
                    && !admission.is_some_and(|admission| wanted.admitted.contains(admission))
            };
            let revoked = self.sessions.values().filter(|open| revoked(open));
            let revoked: Vec<_> = revoked.map(|open| open.session.id.clone()).collect();
            self.drop_sessions(&revoked);
        }
        self.target_mut(volume)?.set(wanted);
        Ok(())
    }

    pub(super) fn sessions(&self) -> Vec<Session> {
        self.sessions
            .values()
            .map(|open| open.session.clone())
            .collect()
    }

    /// The sessions as this kind of array can describe them.
    pub(super) fn reported_sessions(&self) -> Vec<Session> {
        let mut sessions = self.sessions();
        for session in &mut sessions {
            if !self.traits.binds_by_secret {
                session.generation = None;
            }
            if !self.traits.knows_last_write {
                session.last_write = LastWrite::Unknown;
            }
        }
        sessions
    }

    pub(super) fn drop_sessions(&mut self, sessions: &[SessionId]) {
        for number in sessions.iter().filter_map(number) {
            let Some(open) = self.sessions.get_mut(&number) else {
                continue;
            };
            if self.traps.late_writes && open.session.last_write != LastWrite::Never {
                open.draining = true;
            } else {
                self.sessions.remove(&number);
            }
        }
    }

    pub(super) fn target(&self, volume: &VolumeName) -> Result<&Target, Refused> {
        self.targets
            .get(volume)
            .ok_or_else(|| refused(volume, Refusal::Unknown))
    }

    pub(super) fn target_mut(&mut self, volume: &VolumeName) -> Result<&mut Target, Refused> {
        self.targets
            .get_mut(volume)
            .ok_or_else(|| refused(volume, Refusal::Unknown))
    }

    fn target_name(&self, volume: &VolumeName) -> IscsiName {
        let name = format!("iqn.2012-08.com.example:{}", label(&self.name, volume));
        IscsiName::new(name).expect("letters, digits and '-' are all that it has")
    }
}

pub(super) fn number(session: &SessionId) -> Option<u64> {
    session.as_str().parse().ok()
}

fn refused(volume: &VolumeName, refusal: Refusal) -> Refused {
    Refused {
        volume: volume.clone(),
        refusal,
    }
}
