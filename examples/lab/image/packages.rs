//! Debian packages, downloaded and unpacked, never installed.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::{command, run};
use super::{Error, file};

/// The package that depends on the current kernel for virtual machines.
const KERNEL: &str = "linux-image-cloud-amd64";
const OTHERS: [&str; 4] = [
    "busybox-static",
    "open-iscsi",
    "libopeniscsiusr",
    "libisns0",
];

/// A tree with the files of the packages.
#[derive(Debug)]
pub(crate) struct Packages {
    root: PathBuf,
    /// The kernel's version, as in `6.1.0-56-cloud-amd64`.
    version: String,
}

impl Packages {
    /// Uses what is in the folder, or downloads it: the folder is there whole, or not at all.
    pub(crate) fn prepare(folder: &Path) -> Result<Self, Error> {
        if !folder.exists() {
            let new = folder.with_extension("new");
            if new.exists() {
                fs::remove_dir_all(&new).map_err(file(&new))?;
            }
            download(&new)?;
            fs::rename(&new, folder).map_err(file(folder))?;
        }
        let root = folder.to_owned();
        let version = version(&root)?;
        Ok(Self { root, version })
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.root.join(format!("boot/vmlinuz-{}", self.version))
    }

    pub(super) fn busybox(&self) -> PathBuf {
        self.root.join("bin/busybox")
    }

    pub(super) fn iscsistart(&self) -> PathBuf {
        self.root.join("sbin/iscsistart")
    }

    /// Where the libraries of the packages are.
    pub(super) fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib/x86_64-linux-gnu")
    }

    /// The files of a kernel module and of all that it needs, in the order of loading.
    pub(super) fn modules(&self, module: &str) -> Result<Vec<PathBuf>, Error> {
        let mut modprobe = command("modprobe");
        modprobe
            .arg("-d")
            .arg(&self.root)
            .args(["-S", &self.version]);
        let told = run(modprobe.args(["--show-depends", module]))?;
        // What is not `insmod FILE` is built in.
        let files = told.lines().filter_map(|line| line.strip_prefix("insmod "));
        Ok(files.map(|file| PathBuf::from(file.trim())).collect())
    }
}

fn download(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(file(folder))?;
    let kernel = kernel()?;
    let mut get = command("apt-get");
    get.args(["download", "-q", &kernel])
        .args(OTHERS)
        .current_dir(folder);
    run(&mut get)?;
    for entry in fs::read_dir(folder).map_err(file(folder))?.flatten() {
        let package = entry.path();
        if package.extension().is_some_and(|ending| ending == "deb") {
            run(command("dpkg-deb").arg("-x").arg(&package).arg(folder))?;
            fs::remove_file(&package).map_err(file(&package))?;
        }
    }
    let version = version(folder)?;
    // The package has no list of what depends on what: it is made when it is installed.
    run(command("depmod").arg("-b").arg(folder).arg(version)).map(drop)
}

/// The name of the current kernel's package.
fn kernel() -> Result<String, Error> {
    let mut cache = command("apt-cache");
    let told = run(cache.args(["depends", KERNEL]))?;
    let depends = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "));
    depends.map(str::to_owned).ok_or_else(|| Error::Failed {
        command: format!("apt-cache depends {KERNEL}"),
        said: "it names no kernel; `apt-get update` fetches the lists".to_owned(),
    })
}

/// The version of the only kernel in a tree.
fn version(root: &Path) -> Result<String, Error> {
    let folder = root.join("lib/modules");
    let mut entries = fs::read_dir(&folder).map_err(file(&folder))?.flatten();
    let name = entries.find_map(|entry| entry.file_name().into_string().ok());
    name.ok_or_else(|| file(&folder)(std::io::ErrorKind::NotFound.into()))
}
