//! The seam: one storage array.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use coldspare_names::{ArrayName, VolumeName};
use serde::{Deserialize, Serialize};

use crate::{Admissions, Error, Portal, Session, SessionId, Size, Volume, VolumeSpec};

/// Told now and then how much of a copy is done.
pub type Progress<'a> = &'a (dyn Fn(Size) + Send + Sync);

/// What this kind of array can do, and how it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a report of independent yes-or-no answers"
)]
pub struct ArrayTraits {
    /// An admission's addresses are made rules of the target: it lets in only who comes from one
    /// of them *and* gives its name, unless [`ArrayTraits::rules_are_ored`].
    pub binds_by_address: bool,
    /// An admission lets in only who knows its generation's secret *and* gives its name.
    pub binds_by_secret: bool,
    /// A login that fits *any* rule of a target is let in: an address rule beside a name rule then
    /// widens instead of narrowing (tgt).
    pub rules_are_ored: bool,
    /// Taking an admission away ends the sessions that it let in (LIO: yes, tgt: no).
    pub removal_ends_sessions: bool,
    /// Who remembers stamps.
    pub stamps: StampKeeper,
    /// Sessions tell when they last wrote.
    pub knows_last_write: bool,
    /// A target whose last account was taken away admits everybody (tgt without a guard account).
    pub opens_when_last_account_goes: bool,
    /// After a restart nobody is admitted until it is set again (tgt without a file beside it).
    pub loses_configuration_on_restart: bool,
}

impl ArrayTraits {
    /// Whether an admission means one server, though the persona's name moves between servers.
    pub const fn binds(&self) -> bool {
        self.binds_by_secret || (self.binds_by_address && !self.rules_are_ored)
    }
}

/// Who remembers a volume's stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StampKeeper {
    /// The array itself.
    Array,
    /// Its adapter, in a file beside the images.
    File,
    /// Nobody: stamps are ignored, and a late admission is not refused.
    Nobody,
}

/// One storage array: a handle is one device.
///
/// Every verb sets a whole value and may be repeated: what is already so is success. A verb that
/// is refused has changed nothing. A verb that gave no answer may have been done.
#[async_trait]
pub trait Array: Debug + Send + Sync {
    /// What it is called.
    fn name(&self) -> &ArrayName;

    /// What this kind of array can do.
    fn traits(&self) -> ArrayTraits;

    /// Where its targets are reached; never empty.
    async fn portals(&self) -> Result<Vec<Portal>, Error>;

    /// Every volume of it, snapshots, clones and those of others included.
    async fn volumes(&self) -> Result<Vec<Volume>, Error>;

    /// Makes a volume, behind a new target that admits nobody.
    async fn create(&self, spec: &VolumeSpec) -> Result<Volume, Error>;

    /// Makes a volume of its own with the content that `source` has now, behind a new target that
    /// admits nobody: neither admissions nor stamp are copied.
    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error>;

    /// Keeps the content that `volume` has now under a name of its own; it admits nobody.
    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, Error>;

    /// Gives `volume` back the content of its snapshot. Its stamp stays as it is. Refused while
    /// anybody is admitted or logged in.
    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<(), Error>;

    /// Ends a volume and its target. Refused while anybody is admitted or logged in; one that is
    /// not there is a success.
    async fn delete(&self, volume: &VolumeName) -> Result<(), Error>;

    /// Who may log in where: every volume of [`Array::volumes`] has an entry.
    async fn admissions(&self) -> Result<BTreeMap<VolumeName, Admissions>, Error>;

    /// Sets who may log in to one volume, if [`Admissions::permit`] permits it: all of it or
    /// nothing, also when two callers try at once.
    ///
    /// Sessions may outlive their admission: see [`ArrayTraits::removal_ends_sessions`]. A login
    /// that is half done when its admission goes fails, or is listed as a session by the first
    /// [`Array::sessions`] after it: what that does not list gets in no more.
    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), Error>;

    /// Every session of every target. A session whose write is still under way is listed.
    async fn sessions(&self) -> Result<Vec<Session>, Error>;

    /// Cuts those sessions; those that are gone already are a success.
    ///
    /// **No barrier:** a write under way may land after this has answered. Only a session that is
    /// no longer listed writes no more.
    async fn drop_sessions(&self, sessions: &[SessionId]) -> Result<(), Error>;
}
