//! The disk image of a persona: Debian's cloud kernel, a small root with a journal, the agent and
//! its witness. Built in user space, without root and without loop mounts.
//!
//! | part | what | made |
//! |---|---|---|
//! | MBR, 1 MiB | boot code of SYSLINUX, two partitions | once |
//! | FAT | SYSLINUX, kernel, initial RAM disk | once |
//! | ext4 with a journal | busybox, agent, witness, configuration | for each persona |
//!
//! It boots from its LUN alone: the firmware's boot table (iBFT) says where that is, and
//! `iscsistart` logs in as the firmware did. Whoever has the image has no secret.

mod binaries;
mod cpio;
mod disk;
pub(crate) mod initrd;
pub(crate) mod packages;
mod tools;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use binaries::Binaries;
use coldspare_examples::parts::{IMAGE, Missing, missing};
use packages::Packages;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Programs are missing.
    #[error("{0}")]
    Missing(Missing),
    /// A program failed.
    #[error("{command}: {said}")]
    Failed { command: String, said: String },
    /// A file cannot be had.
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// What differs from persona to persona.
#[derive(Debug, Clone)]
pub(crate) struct Persona {
    /// The agent's configuration, see `coldspare_agent::Config`.
    pub(crate) agent: String,
    /// The volume on which it keeps its witness, if it has one.
    pub(crate) data: Option<Data>,
}

/// A data volume, behind the portal from which the persona boots.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    /// Its target.
    pub(crate) target: String,
    /// Where the witness sends what the disk has acknowledged.
    pub(crate) acknowledge: SocketAddr,
}

/// All that images are made of.
#[derive(Debug)]
pub(crate) struct Kit {
    folder: PathBuf,
    packages: Packages,
    binaries: Binaries,
    boot: disk::Boot,
}

impl Kit {
    /// Makes ready what all images share, in a folder that may be kept: what was downloaded is
    /// not downloaded again.
    pub(crate) fn prepare(folder: &Path, binaries: Binaries) -> Result<Self, Error> {
        if let Some(missing) = missing(&[IMAGE]) {
            return Err(Error::Missing(missing));
        }
        fs::create_dir_all(folder).map_err(file(folder))?;
        let packages = Packages::prepare(&folder.join("packages"))?;
        let initrd = initrd::build(&packages, folder)?;
        let boot = disk::Boot::build(&packages, &initrd, folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            packages,
            binaries,
            boot,
        })
    }

    /// Builds the image of a persona.
    pub(crate) fn build(&self, persona: &Persona, image: &Path) -> Result<(), Error> {
        let name = image.file_name().unwrap_or_default();
        let root = self.folder.join("roots").join(name);
        if root.exists() {
            fs::remove_dir_all(&root).map_err(file(&root))?;
        }
        self.fill(persona, &root)?;
        self.boot.image(&root, image)
    }

    fn fill(&self, persona: &Persona, root: &Path) -> Result<(), Error> {
        for folder in [
            "proc",
            "sys",
            "dev",
            "run",
            "tmp",
            "etc/coldspare",
            "var/lib",
        ] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(file(&folder))?;
        }
        tools::program(
            &fs_read(&self.packages.busybox())?,
            &root.join("bin/busybox"),
        )?;
        tools::strip(&self.binaries.agent, &root.join("bin/agent"))?;
        tools::strip(&self.binaries.witness, &root.join("bin/witness"))?;
        tools::program(include_bytes!("start.sh"), &root.join("sbin/init"))?;
        tools::program(include_bytes!("off.sh"), &root.join("sbin/persona-off"))?;
        let write = |name: &str, text: &str| {
            let path = root.join("etc/coldspare").join(name);
            fs::write(&path, text).map_err(file(&path))
        };
        write("agent.toml", &persona.agent)?;
        if let Some(data) = &persona.data {
            write("data-target", &data.target)?;
            write("acknowledge", &data.acknowledge.to_string())?;
        }
        Ok(())
    }
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}

fn fs_read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(file(path))
}
