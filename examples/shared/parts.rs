//! The real parts of a laboratory: which of them this machine lacks, and the one command that
//! brings them.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// A program, or a file, and Debian's package of it.
pub type Part = (&'static str, &'static str);

/// What a persona's image is made with.
pub const IMAGE: &[Part] = &[
    ("apt-get", "apt"),
    ("dpkg-deb", "dpkg"),
    ("depmod", "kmod"),
    ("modprobe", "kmod"),
    ("zstd", "zstd"),
    ("mformat", "mtools"),
    ("mcopy", "mtools"),
    ("syslinux", "syslinux"),
    (MBR, "syslinux-common"),
    ("mke2fs", "e2fsprogs"),
    ("strip", "binutils"),
];

/// What a persona boots on: machine, firmware, target.
pub const MACHINE: &[Part] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/lib/ipxe/ipxe.lkrn", "ipxe"),
    ("tgtd", "tgt"),
    ("tgtadm", "tgt"),
    ("ip", "iproute2"),
];

/// What makes a site of machines: switch, management controllers, walls.
pub const SITE: &[Part] = &[
    ("ovs-vswitchd", "openvswitch-switch"),
    ("ovsdb-server", "openvswitch-switch"),
    ("ovs-vsctl", "openvswitch-switch"),
    ("ipmi_sim", "openipmi"),
    ("ipmitool", "ipmitool"),
    ("sysctl", "procps"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
];

/// What several controllers share, and what the program that uses it is built with.
pub const CLUSTER: &[Part] = &[("etcd", "etcd-server"), ("protoc", "protobuf-compiler")];

/// The boot code of an image.
pub const MBR: &str = "/usr/lib/syslinux/mbr/mbr.bin";

/// Where administrators' programs are, which is not on everybody's path.
const MORE_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The folders in which programs are looked for.
pub fn folders() -> Vec<PathBuf> {
    let own = env::var_os("PATH").unwrap_or_default();
    let more = MORE_FOLDERS.map(PathBuf::from);
    env::split_paths(&own).chain(more).collect()
}

/// The same as the value of `PATH`.
pub fn path() -> OsString {
    env::join_paths(folders()).unwrap_or_default()
}

/// What this machine lacks of those; nothing if all is there.
pub fn missing(parts: &[&[Part]]) -> Option<Missing> {
    let folders = folders();
    let is_there = |part: &str| match Path::new(part) {
        file if file.is_absolute() => file.exists(),
        program => folders.iter().any(|folder| folder.join(program).is_file()),
    };
    let all = parts.iter().copied().flatten();
    let missing: Vec<Part> = all.filter(|(part, _)| !is_there(part)).copied().collect();
    (!missing.is_empty()).then_some(Missing(missing))
}

/// What is missing, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(Vec<Part>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(|(part, _)| *part).collect();
        let packages: BTreeSet<_> = self.0.iter().map(|(_, package)| *package).collect();
        let packages: Vec<_> = packages.into_iter().collect();
        write!(
            f,
            "missing: {}\nto install: apt-get install --no-install-recommends {}",
            parts.join(", "),
            packages.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_one_command_that_brings_it() {
        let parts: &[Part] = &[
            ("sh", "dash"),
            ("no-such-tool", "tool"),
            ("/no/file", "tool"),
        ];
        let told = missing(&[parts]).unwrap().to_string();
        assert_eq!(
            told,
            "missing: no-such-tool, /no/file\nto install: apt-get install --no-install-recommends tool"
        );
        assert_eq!(missing(&[&parts[..1]]), None);
    }
}
