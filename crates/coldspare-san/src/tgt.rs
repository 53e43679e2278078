//! The Linux SCSI target in user space: tgtd, through `tgtadm`.
//!
//! Volumes are files in one directory. tgtd keeps nothing over a restart, so everything that is to
//! be so is in a file beside them, and every verb begins by bringing tgtd to what that file says.
//! A change is written there first: whoever is killed between any two calls, the next verb of
//! anybody ends the work, and a restarted tgtd gets everything back the same way (until then it
//! lets nobody in). A lock file admits one caller at a time; the second finds the first one's
//! change, and gets a conflict. The adapter runs where tgtd runs, as the same user.
//!
//! An admission is an account with the secret of its generation ([`chap`](crate::chap)), beside a
//! rule for the initiator's name. No address is ever made a rule: tgtd ORs rules, so that an
//! address beside a name would widen it.
//!
//! What tgtd 1.0.85 really does, each of it tried on the real daemon:
//!
//! | tgtd | so |
//! |---|---|
//! | ORs name and address rules | names are rules, addresses never: the secret binds |
//! | compares names byte for byte | [`IscsiName`] is prepared; an initiator that sends `…:Persona1` is refused |
//! | admits everybody to a target whose last account is taken away | a *guard* account, whose secret nobody is given, is bound first and stays |
//! | crashes when it shows a target with a gap among its accounts, and when it shows one whose account was deleted while bound | accounts are taken from the back, unbound before they are deleted; whoever types such commands by hand stops every target |
//! | lets an open session live on when rule and account go | drop, then look until it is gone |
//! | answers a dropped connection at once; its last write lands later, and until then it is listed | [`shut_out`](crate::shut_out()) looks until none is listed |
//! | finishes a login that showed its secret before account and rule were taken away | a revocation gives the target a new number: the old target is deleted as soon as nobody is logged in, at the latest by the first look that finds no session, and the half-open login ends in nothing |
//! | takes the disk's identity from the target's number | the identity is set, and stays |
//! | deletes a unit under a live session | only whole targets are deleted, never by force: those in use tgtd itself refuses to delete |
//! | numbers sessions from 1 again after a restart | a session's name holds the time at which tgtd began |
//! | knows neither a session's account nor when it was opened or wrote | the image's own time says when it was last written: told where all of its sessions come from one address or from one admitted server, [`LastWrite::Unknown`](crate::LastWrite::Unknown) otherwise; it may be another, ended session's write, never an earlier one |
//! | ends well when tgtd crashed while it was asked | only an answer without complaint is one |
//!
//! **Limits.** As long as *another* server's session keeps a target from being deleted, a login
//! that was half open when its admission was revoked can still be finished (it is listed then, and
//! can be dropped). A caller that is stopped (not killed) while it holds the lock keeps the others
//! waiting; they give up with [`Error::NoAnswer`]. `tgtadm` takes a secret on its command line only,
//! so that one message goes to tgtd's control socket directly and no process list shows it. Rules
//! that others made go when a target gets a new number; targets that others made are shown with
//! their sessions, and are not changed. Where the file system cannot share blocks,
//! a copy of a volume that is being written to fails, and may be tried again.

mod control;
mod image;
mod plan;
mod record;
mod settle;
mod shown;
mod verbs;
mod view;
mod volumes;

use std::path::PathBuf;
use std::time::Duration;

use coldspare_names::{ArrayName, IscsiName, NameError, VolumeName};

use self::control::{Control, Trouble};
use crate::volume::label;
use crate::{ArrayTraits, Error, Portal, Refusal, SecretKey, StampKeeper};

/// The unit behind each target: 0 is the target's own controller.
const UNIT: u16 = 1;

/// Where one tgtd is, and what belongs to it.
#[derive(Debug, Clone)]
pub struct TgtSettings {
    /// What tgtd found in `TGT_IPC_SOCKET` when it was started, on control port 0.
    pub socket: PathBuf,
    /// Where images, record and lock are: UTF-8, without a comma, which tgtd takes for the end of
    /// the name. Belongs to this adapter alone.
    pub directory: PathBuf,
    /// Where its targets are reached: at least one.
    pub portals: Vec<Portal>,
    /// What every target's name begins with, as in `iqn.2026-11.com.example:array-1`; the
    /// volume's name follows. At most 141 bytes.
    pub naming: IscsiName,
    /// How long one call of tgtd may take, and how long to wait for the lock.
    pub limit: Duration,
}

impl TgtSettings {
    /// The name of the target behind which that array offers that volume; an error only where
    /// [`TgtSettings::check`] refuses how it begins.
    pub fn target(&self, array: &ArrayName, volume: &VolumeName) -> Result<IscsiName, NameError> {
        IscsiName::new(format!("{}-{}", self.naming, label(array, volume)))
    }

    /// Names the field that tgtd could not work with, and why. Portals are not looked at.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let plain = |path: &str| !path.contains([',', '\n']);
        if self.naming.as_str().len() > 141 {
            let reason = "the beginning of its targets' names is longer than 141 bytes";
            Err(("naming", reason))
        } else if !self.directory.is_absolute() {
            Err(("directory", "its directory must be an absolute path"))
        } else if !self.directory.to_str().is_some_and(plain) {
            let reason = "its directory must be UTF-8, without comma and line break";
            Err(("directory", reason))
        } else {
            Ok(())
        }
    }
}

/// One tgtd and the images in its directory.
#[derive(Debug)]
pub struct TgtArray {
    name: ArrayName,
    settings: TgtSettings,
    key: SecretKey,
    control: Control,
}

impl TgtArray {
    /// What any tgtd can do by this adapter.
    pub const TRAITS: ArrayTraits = ArrayTraits {
        binds_by_address: false,
        binds_by_secret: true,
        rules_are_ored: true,
        removal_ends_sessions: false,
        stamps: StampKeeper::File,
        knows_last_write: true,
        opens_when_last_account_goes: false,
        loses_configuration_on_restart: false,
    };

    /// The array of that tgtd, which derives its secrets from `key`. Nothing is asked of it yet.
    pub fn new(name: ArrayName, settings: TgtSettings, key: SecretKey) -> Result<Self, Error> {
        let wrong = settings.check().err().map(|(_, reason)| reason);
        let wrong = wrong.or(settings.portals.is_empty().then_some("it has no portal"));
        let control = Control::new(settings.socket.clone(), settings.limit);
        let array = Self {
            name,
            settings,
            key,
            control,
        };
        match wrong {
            Some(wrong) => Err(array.failed("be set up", false, wrong)),
            None => Ok(array),
        }
    }

    fn target_name(&self, volume: &VolumeName) -> IscsiName {
        let name = self.settings.target(&self.name, volume);
        name.expect("the beginning is a name, and few of its letters follow")
    }

    /// Where the content of that volume is, for whoever puts an image there before anybody is
    /// admitted to it. The file of a volume that was not made is not there.
    pub fn image(&self, volume: &VolumeName) -> PathBuf {
        let file = format!("{}.img", label(&self.name, volume));
        self.settings.directory.join(file)
    }

    fn failed(
        &self,
        doing: impl Into<String>,
        retry: bool,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Failed {
            array: self.name.clone(),
            doing: doing.into(),
            retry,
            source: source.into(),
        }
    }

    fn troubled(&self, doing: &str, trouble: Trouble) -> Error {
        match trouble {
            Trouble::Silent => self.no_answer(),
            trouble => self.failed(doing, false, trouble),
        }
    }

    fn no_answer(&self) -> Error {
        Error::NoAnswer {
            array: self.name.clone(),
        }
    }

    fn refuse<T>(&self, volume: &VolumeName, refusal: Refusal) -> Result<T, Error> {
        Err(Error::Refused {
            array: self.name.clone(),
            volume: volume.clone(),
            refusal,
        })
    }
}
