//! What tgtd forgets: a file beside the images, written whole, under a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coldspare_names::{Generation, VolumeName};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::shown::Target;
use crate::{Admission, Origin, Size};

/// Everything that is to be so, whether or not tgtd has been told yet. No secret is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The last number that a target was given: none is given twice.
    pub(super) last_number: u32,
    pub(super) volumes: BTreeMap<VolumeName, Entry>,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) size: Size,
    pub(super) thin: bool,
    pub(super) origin: Origin,
    /// The number that its target is to have once nobody is logged in to it under an older one.
    pub(super) number: u32,
    pub(super) stamp: Generation,
    pub(super) admitted: BTreeSet<Admission>,
    /// Taken away by the last change: what is still there of them is ours to take, not foreign.
    pub(super) revoked: BTreeSet<Admission>,
}

impl Record {
    /// A number that no target has or had.
    pub(super) fn next_number(&mut self, shown: &[Target]) -> u32 {
        let shown = shown.iter().map(|target| target.number).max();
        self.last_number = shown.unwrap_or(0).max(self.last_number) + 1;
        self.last_number
    }
}

/// The record and the lock on it. Whoever holds it is alone with tgtd, in this process and in
/// others; the lock ends with its process.
#[derive(Debug)]
pub(super) struct Held {
    directory: PathBuf,
    _lock: File,
    pub(super) record: Record,
}

impl Held {
    /// Waits for the lock, and reads. None: somebody else has held it all that time.
    pub(super) async fn take(directory: &Path, limit: Duration) -> io::Result<Option<Self>> {
        fs::create_dir_all(directory)?;
        let lock = File::create(directory.join("coldspare.lock"))?;
        let locked = async {
            loop {
                match lock.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::Error(error)) => return Err(error),
                    Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(2)).await,
                }
            }
        };
        match timeout(limit, locked).await {
            Err(_) => return Ok(None),
            Ok(locked) => locked?,
        }
        let record = match fs::read(directory.join(FILE)) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Record::default(),
            Err(error) => return Err(error),
        };
        let directory = directory.to_owned();
        Ok(Some(Self {
            directory,
            _lock: lock,
            record,
        }))
    }

    /// Writes the record, all of it or nothing, and durably. The lock goes along, so that a caller
    /// who gives up does not let anybody in before it is written.
    pub(super) async fn save(self) -> io::Result<Self> {
        blocking(move || {
            let (file, new) = (self.directory.join(FILE), self.directory.join(NEW));
            let mut written = File::create(&new)?;
            written.write_all(&serde_json::to_vec_pretty(&self.record)?)?;
            written.sync_all()?;
            fs::rename(new, file)?;
            File::open(&self.directory)?.sync_all()?;
            Ok(self)
        })
        .await
    }
}

const FILE: &str = "coldspare.json";
const NEW: &str = "coldspare.json.new";

/// Work that waits for a disk, off the thread that others share.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
