//! A NIC whose memory is a file: what stands for a converged NIC where a laboratory's machine is
//! a process.
//!
//! A converged NIC remembers what to boot, power or not, and its machine's management controller
//! sets it. Here the memory is an iPXE script, written when the machine is armed and read by its
//! firmware when it is turned on. Everything else is asked of the controller beside it.

mod script;

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use coldspare_names::ServerName;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;

use crate::{
    ArmedBoot, Bmc, BootSource, Error, Inventory, PowerCommand, Reading, RestorePolicy, Settings,
};

const REQUEST: &str = "set what to boot";

/// A management controller, and beside it a NIC whose memory is a file.
///
/// As with a real NIC, the memory is reached through the controller only: while that does not
/// answer, nothing is written and nothing told. The file is replaced whole, so that firmware never
/// reads half of it; only its owner may read it, because the secret is in it; of two writers at
/// once one is refused. A file that is not there boots nothing.
///
/// iPXE's lines have no quoting and no IPv6 is set up, so names, users and secrets that hold more
/// than letters, digits and harmless punctuation are refused, and so are IPv6 addresses.
#[derive(Debug)]
pub struct NicFile {
    server: ServerName,
    bmc: Arc<dyn Bmc>,
    path: PathBuf,
}

impl NicFile {
    /// The controller of that server, and a NIC whose memory is at that path. The folder must be
    /// there; two short-lived files beside the path are used in writing.
    pub fn new(server: ServerName, bmc: Arc<dyn Bmc>, path: impl Into<PathBuf>) -> Self {
        Self {
            server,
            bmc,
            path: path.into(),
        }
    }

    async fn remembered(&self) -> Result<ArmedBoot, Error> {
        let path = self.path.clone();
        let text = off_the_runtime(move || read(&path)).await;
        let source = match text {
            Ok(None) => Some(BootSource::Nothing),
            Ok(Some(text)) => script::parse(text.expose_secret()),
            Err(error) => return Err(self.unreadable(&error.to_string())),
        };
        let source = source.ok_or_else(|| self.unreadable("no boot settings of ours"));
        Ok(source?.armed())
    }

    fn unreadable(&self, reason: &str) -> Error {
        Error::Unreadable {
            server: self.server.clone(),
            reason: format!("{}: {reason}", self.path.display()),
        }
    }

    fn refused(&self, reason: &str, retry: bool) -> Error {
        Error::Refused {
            server: self.server.clone(),
            request: REQUEST.to_owned(),
            reason: reason.to_owned(),
            retry,
        }
    }
}

#[async_trait]
impl Bmc for NicFile {
    async fn read(&self) -> Result<Reading, Error> {
        self.bmc.read().await
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), Error> {
        self.bmc.set_power(command).await
    }

    async fn settings(&self) -> Result<Settings, Error> {
        let settings = self.bmc.settings().await?;
        Ok(Settings {
            boot: Some(self.remembered().await?),
            ..settings
        })
    }

    async fn set_boot(&self, source: &BootSource) -> Result<(), Error> {
        self.bmc.read().await?;
        let text = script::write(source).map_err(|reason| self.refused(reason, false))?;
        let path = self.path.clone();
        let written = off_the_runtime(move || replace(&path, &text)).await;
        written.map_err(|error| {
            self.refused(
                &error.to_string(),
                error.kind() == io::ErrorKind::WouldBlock,
            )
        })
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error> {
        self.bmc.set_restore_policy(policy).await
    }

    async fn inventory(&self) -> Result<Inventory, Error> {
        self.bmc.inventory().await
    }
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn read(path: &Path) -> io::Result<Option<SecretString>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(SecretString::from(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file by one with that text, which is on the disk before it has the name.
fn replace(path: &Path, text: &SecretString) -> io::Result<()> {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let lock = File::create(beside(".lock"))?;
    lock.try_lock()?;

    let new = beside(".new");
    let mut file = File::create(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests;
