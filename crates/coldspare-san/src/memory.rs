//! The reference implementation: an array in memory, with two ends.
//!
//! The management end is the seam, [`Array`]. The other end is the wire, as servers meet it:
//! [`MemoryArray::log_in`], [`MemoryArray::write`], cables cut, power lost, an administrator who
//! types rules by hand. Both ends are cheap handles to the same array. It reads no clock and has
//! no randomness; what real targets get wrong is switched on by [`ArrayTraits`] (what it admits to)
//! and [`Traps`] (what it does not).

mod state;
mod target;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_names::{ArrayName, VolumeName};

pub use self::wire::{HalfLogin, IoRefused, LoginRefused, Writing};

use self::state::{Refused, State};
use crate::{
    Admissions, Array, ArrayTraits, Error, Origin, Portal, Progress, SecretKey, Session, SessionId,
    StampKeeper, Volume, VolumeSpec,
};

/// What an array does that no report of it mentions. All off by default.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Traps {
    /// The management end does not answer; targets go on.
    pub no_answer: bool,
    /// Changes are made, but their answer is lost.
    pub loses_answers: bool,
    /// Changes of these volumes fail, and nothing is changed.
    pub failing: BTreeSet<VolumeName>,
    /// Every call of the management end takes that long.
    pub latency: Duration,
    /// A dropped session that has written has one more write under way: it stays listed until
    /// [`MemoryArray::land_writes`].
    pub late_writes: bool,
    /// Accounts are looked up only as far as the first gap: "admit the new one, then revoke the
    /// old one" locks the new one out (tgt).
    pub second_account_locks_out: bool,
    /// `…:Exchange1` is not `…:exchange1` (tgt).
    pub names_byte_for_byte: bool,
    /// A login that has shown its secret gets in though its admission goes before it is finished
    /// (tgt without its adapter).
    pub half_done_logins_get_in: bool,
}

/// An array in memory. Cloning gives another handle to the same array.
#[derive(Clone)]
pub struct MemoryArray {
    name: ArrayName,
    portals: Arc<[Portal]>,
    state: Arc<Mutex<State>>,
}

impl MemoryArray {
    /// What a well-behaved array can do: everything, except that removal leaves sessions alive,
    /// as on most.
    pub const TRAITS: ArrayTraits = ArrayTraits {
        binds_by_address: true,
        binds_by_secret: true,
        rules_are_ored: false,
        removal_ends_sessions: false,
        stamps: StampKeeper::Array,
        knows_last_write: true,
        opens_when_last_account_goes: false,
        loses_configuration_on_restart: false,
    };

    /// An empty array that behaves as `traits` say, and derives its secrets from `key`.
    pub fn new(
        name: ArrayName,
        portals: impl IntoIterator<Item = Portal>,
        key: SecretKey,
        traits: ArrayTraits,
    ) -> Self {
        let state = State::new(name.clone(), key, traits);
        Self {
            name,
            portals: portals.into_iter().collect(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Switches traps on and off, all at once.
    pub fn set_traps(&self, traps: Traps) {
        self.lock().traps = traps;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call of the management end that only reads.
    async fn ask<T>(&self, read: impl FnOnce(&State) -> T + Send) -> Result<T, Error> {
        let latency = self.lock().traps.latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let state = self.lock();
        if state.traps.no_answer || !state.up {
            return Err(self.no_answer());
        }
        Ok(read(&state))
    }

    /// One call of the management end that changes something: all of it or nothing.
    async fn tell<T>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, Refused> + Send,
    ) -> Result<T, Error> {
        self.ask(|_| ()).await?;
        let mut state = self.lock();
        let changed = change(&mut state).map_err(|refused| Error::Refused {
            array: self.name.clone(),
            volume: refused.volume,
            refusal: refused.refusal,
        })?;
        if state.traps.loses_answers {
            return Err(self.no_answer());
        }
        Ok(changed)
    }

    fn check_working(&self, volume: &VolumeName) -> Result<(), Error> {
        if !self.lock().traps.failing.contains(volume) {
            return Ok(());
        }
        Err(Error::Failed {
            array: self.name.clone(),
            doing: format!("change volume {volume}"),
            retry: true,
            source: "it is switched to fail".into(),
        })
    }

    fn no_answer(&self) -> Error {
        Error::NoAnswer {
            array: self.name.clone(),
        }
    }
}

impl fmt::Debug for MemoryArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryArray")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Array for MemoryArray {
    fn name(&self) -> &ArrayName {
        &self.name
    }

    fn traits(&self) -> ArrayTraits {
        self.lock().traits
    }

    async fn portals(&self) -> Result<Vec<Portal>, Error> {
        self.ask(|_| self.portals.to_vec()).await
    }

    async fn volumes(&self) -> Result<Vec<Volume>, Error> {
        self.ask(State::volumes).await
    }

    async fn create(&self, spec: &VolumeSpec) -> Result<Volume, Error> {
        self.tell(|state| state.create(spec, Origin::Blank, false))
            .await
    }

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        let origin = Origin::CloneOf(source.clone());
        let made = self.tell(|state| state.copy(source, clone, origin)).await?;
        progress(made.size);
        Ok(made)
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error> {
        let origin = Origin::SnapshotOf(volume.clone());
        let made = self
            .tell(|state| state.copy(volume, snapshot, origin))
            .await?;
        progress(made.size);
        Ok(made)
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        progress(self.tell(|state| state.restore(volume, snapshot)).await?);
        Ok(())
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), Error> {
        self.check_working(volume)?;
        self.tell(|state| state.delete(volume)).await
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, Admissions>, Error> {
        self.ask(State::admissions).await
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), Error> {
        self.check_working(volume)?;
        self.tell(|state| state.set_admissions(volume, expected, wanted))
            .await
    }

    async fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.ask(State::reported_sessions).await
    }

    async fn drop_sessions(&self, sessions: &[SessionId]) -> Result<(), Error> {
        self.tell(|state| {
            state.drop_sessions(sessions);
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
