//! Initial RAM disks: busybox, the kernel's modules, and programs with their libraries.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::cpio::Archive;
use super::packages::Packages;
use super::tools::{command, run};
use super::{Error, file, fs_read};

/// What a virtual machine needs to find its disk on the SAN, and its networks later.
const MODULES: [&str; 8] = [
    "virtio_pci",
    "virtio_net",
    "scsi_transport_iscsi",
    "iscsi_tcp",
    "iscsi_ibft",
    "sd_mod",
    "ext4",
    "8021q",
];
/// With those in which `iscsistart` keeps notes for a daemon that never comes.
const FOLDERS: [&str; 11] = [
    "bin",
    "etc",
    "etc/iscsi",
    "lib",
    "lib64",
    "modules",
    "run",
    "sbin",
    "var",
    "var/lib",
    "var/lib/iscsi",
];
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// What is in one.
pub(crate) struct Contents<'a> {
    /// The first program, a script for busybox.
    pub(crate) init: &'a [u8],
    /// Programs that are linked dynamically, and where they go.
    pub(crate) programs: Vec<(&'a str, PathBuf)>,
    /// Modules of the kernel; `/modules/order` lists their files.
    pub(crate) modules: &'a [&'a str],
}

/// Builds that of a persona; the compressed file.
pub(super) fn build(packages: &Packages, folder: &Path) -> Result<PathBuf, Error> {
    let contents = Contents {
        init: include_bytes!("init.sh"),
        programs: vec![("sbin/iscsistart", packages.iscsistart())],
        modules: &MODULES,
    };
    let plain = folder.join("initrd.cpio");
    let archive = archive(packages, &contents)?;
    fs::write(&plain, archive).map_err(file(&plain))?;
    let packed = folder.join("initrd");
    let mut zstd = command("zstd");
    run(zstd.args(["-q", "-f", "-3", "-o"]).arg(&packed).arg(&plain))?;
    fs::remove_file(&plain).map_err(file(&plain))?;
    Ok(packed)
}

/// The archive, which the kernel takes as it is.
pub(crate) fn archive(packages: &Packages, contents: &Contents<'_>) -> Result<Vec<u8>, Error> {
    let mut archive = Archive::default();
    let written = |name: &str| file(Path::new(name));
    for name in FOLDERS {
        archive.folder(name).map_err(written(name))?;
    }
    let mut add = |name: &str, content: &[u8]| archive.file(name, content).map_err(written(name));
    add("init", contents.init)?;
    add("bin/busybox", &fs_read(&packages.busybox())?)?;
    let mut libraries = BTreeSet::new();
    for (name, program) in &contents.programs {
        add(name, &fs_read(program)?)?;
        libraries.extend(libraries_of(program, packages)?);
    }
    for library in libraries {
        add(&format!("lib/{}", base(&library)), &fs_read(&library)?)?;
    }
    add(&LOADER[1..], &fs_read(Path::new(LOADER))?)?;
    let (mut seen, mut order) = (BTreeSet::new(), String::new());
    for module in contents.modules {
        for path in packages.modules(module)? {
            let name = base(&path);
            if seen.insert(name.clone()) {
                add(&format!("modules/{name}"), &fs_read(&path)?)?;
                order = format!("{order}{name}\n");
            }
        }
    }
    add("modules/order", order.as_bytes())?;
    archive.finish().map_err(written("initrd"))
}

/// What the dynamic linker would load.
fn libraries_of(program: &Path, packages: &Packages) -> Result<Vec<PathBuf>, Error> {
    let mut ldd = command("ldd");
    ldd.env("LD_LIBRARY_PATH", packages.libraries());
    let told = run(ldd.arg(program))?;
    // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f…)`
    let paths = told.lines().filter_map(|line| line.split_once(" => "));
    let paths = paths.filter_map(|(_, path)| path.split_whitespace().next());
    Ok(paths.map(PathBuf::from).collect())
}

fn base(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
