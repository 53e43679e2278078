//! Images: a file for each volume, there whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::record::blocking;
use crate::{Progress, Size};

/// How often a copy is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// A copy that has not grown for so many looks is given up: a minute.
const STALLED: u32 = 1200;

/// An image in the making, under a name of its own. One that a crash left behind is taken over.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    image: PathBuf,
    /// Locked, so that two never write to the same one.
    file: File,
    size: Size,
    thin: bool,
}

impl Draft {
    /// An empty one. `WouldBlock`: somebody else is making it.
    pub(super) fn begin(image: PathBuf, size: Size, thin: bool) -> io::Result<Self> {
        let path = image.with_extension("new");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            locked => locked?,
        }
        file.set_len(0)?;
        Ok(Self {
            path,
            image,
            file,
            size,
            thin,
        })
    }

    /// Full of zeros.
    pub(super) async fn blank(&self) -> io::Result<()> {
        self.file.set_len(self.size.as_bytes())?;
        if self.thin {
            return Ok(());
        }
        let bytes = self.size.as_bytes().to_string();
        let mut fallocate = child("fallocate");
        fallocate.args(["--length", &bytes]).arg(&self.path);
        self.watch(fallocate, &|_| ()).await
    }

    /// With the content that `source` has at one moment: where the file system can, both share
    /// their blocks; elsewhere it is copied, and that fails (try again) if it is written to
    /// meanwhile.
    pub(super) async fn copy(&self, source: &Path, progress: Progress<'_>) -> io::Result<()> {
        let copy = |how: [&str; 2]| {
            let mut copy = child("cp");
            copy.args(how).arg("--").args([source, &self.path]);
            copy
        };
        let sparse = if self.thin {
            "--sparse=auto"
        } else {
            "--sparse=never"
        };
        let shared = copy(["--reflink=always", "--sparse=auto"]).output().await?;
        if !shared.status.success() {
            let before = fs::metadata(source)?.modified()?;
            // The clock of a file system ticks: a write after this pause bears another time.
            sleep(LOOK).await;
            let copied = copy(["--reflink=never", sparse]);
            self.watch(copied, progress).await?;
            if fs::metadata(source)?.modified()? != before {
                return Err(io::Error::other("it was written to while it was copied"));
            }
        }
        progress(self.size);
        Ok(())
    }

    /// Puts it in the image's place, durably.
    pub(super) async fn finish(self) -> io::Result<()> {
        blocking(move || {
            self.file.sync_all()?;
            if self.file.metadata()?.len() != self.size.as_bytes() {
                return Err(io::Error::other(
                    "it did not become as large as it should be",
                ));
            }
            fs::rename(&self.path, &self.image)
        })
        .await
    }

    /// Waits for a child that fills the draft.
    async fn watch(&self, mut child: Command, progress: Progress<'_>) -> io::Result<()> {
        let mut child = child.stderr(Stdio::inherit()).spawn()?;
        let (mut seen, mut still) = (0, 0);
        loop {
            if let Some(status) = child.try_wait()? {
                let failed = || io::Error::other(format!("filling it failed: {status}"));
                return status.success().then_some(()).ok_or_else(failed);
            }
            sleep(LOOK).await;
            let metadata = self.file.metadata()?;
            let grown = metadata.len() + metadata.blocks();
            still = if grown == seen { still + 1 } else { 0 };
            if still > STALLED {
                return Err(io::ErrorKind::TimedOut.into());
            }
            seen = grown;
            if let Some(done) = Size::bytes(metadata.len().min(self.size.as_bytes())) {
                progress(done);
            }
        }
    }
}

/// A process that ends with us.
fn child(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", program])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command
}
