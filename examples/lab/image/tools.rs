//! Programs that the builder runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{Error, file};

/// Each with the Debian package that has it.
const TOOLS: [(&str, &str); 10] = [
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
    ("depmod", "kmod"),
    ("modprobe", "kmod"),
    ("zstd", "zstd"),
    ("mformat", "mtools"),
    ("mcopy", "mtools"),
    ("syslinux", "syslinux"),
    ("mke2fs", "e2fsprogs"),
    ("strip", "binutils"),
];
/// The boot code.
pub(super) const MBR: &str = "/usr/lib/syslinux/mbr/mbr.bin";
const MBR_PACKAGE: &str = "syslinux-common";

/// Where administrators' programs are, which is not on everybody's path.
const MORE_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Names all that is missing at once.
pub(super) fn check() -> Result<(), Error> {
    let missing = TOOLS.iter().filter(|(tool, _)| !is_there(tool));
    let (mut tools, mut packages): (Vec<_>, Vec<_>) = missing.copied().unzip();
    if !Path::new(MBR).exists() {
        tools.push(MBR);
        packages.push(MBR_PACKAGE);
    }
    packages.dedup();
    if tools.is_empty() {
        Ok(())
    } else {
        Err(Error::Missing { tools, packages })
    }
}

fn is_there(tool: &str) -> bool {
    path()
        .split(':')
        .any(|folder| Path::new(folder).join(tool).exists())
}

fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:{}", MORE_FOLDERS.join(":"))
}

/// A program, with the administrators' folders on its path.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", path()).env("LC_ALL", "C");
    command
}

/// Runs a program to its end; what it printed.
pub(super) fn run(command: &mut Command) -> Result<String, Error> {
    let output = command.output();
    let failed = |said: &str| Error::Failed {
        command: format!("{command:?}"),
        said: said.trim().to_owned(),
    };
    let output = output.map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(failed(&String::from_utf8_lossy(&output.stderr)))
    }
}

/// Writes a file that can be run.
pub(super) fn program(content: &[u8], path: &Path) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file(folder))?;
    }
    fs::write(path, content).map_err(file(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(file(path))
}

/// Copies a program without what only a debugger reads.
pub(super) fn strip(program: &Path, to: &Path) -> Result<(), Error> {
    run(command("strip").arg("-o").arg(to).arg(program)).map(drop)
}
