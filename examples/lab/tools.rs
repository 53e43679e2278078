//! Which of the real parts this machine lacks, and the one command that brings them.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

/// A program or file that is needed, and Debian's package of it.
const NEEDED: [(&str, &str); 19] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/lib/ipxe/ipxe.lkrn", "ipxe"),
    ("tgtd", "tgt"),
    ("tgtadm", "tgt"),
    ("ovs-vswitchd", "openvswitch-switch"),
    ("ovsdb-server", "openvswitch-switch"),
    ("ovs-vsctl", "openvswitch-switch"),
    ("ipmi_sim", "openipmi"),
    ("ipmitool", "ipmitool"),
    ("ip", "iproute2"),
    ("sysctl", "procps"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("syslinux", "syslinux"),
    ("/usr/lib/syslinux/mbr/mbr.bin", "syslinux-common"),
    ("mcopy", "mtools"),
    ("mke2fs", "e2fsprogs"),
    ("zstd", "zstd"),
    ("modprobe", "kmod"),
];

/// What is missing, and how to get it; nothing if all is there.
pub(crate) fn missing() -> Option<String> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let is_there = |part: &str| {
        let mut folders = env::split_paths(&paths).chain(["/usr/sbin".into(), "/sbin".into()]);
        Path::new(part).is_absolute() && Path::new(part).exists()
            || folders.any(|folder| folder.join(part).is_file())
    };
    let missing: Vec<_> = NEEDED.iter().filter(|(part, _)| !is_there(part)).collect();
    let mut told = Vec::new();
    if !missing.is_empty() {
        let parts: Vec<_> = missing.iter().map(|(part, _)| *part).collect();
        let packages: BTreeSet<_> = missing.iter().map(|(_, package)| *package).collect();
        let packages: Vec<_> = packages.into_iter().collect();
        told.push(format!("missing: {}", parts.join(", ")));
        told.push(format!(
            "to install: apt-get install --no-install-recommends {}",
            packages.join(" ")
        ));
    }
    if !nix::unistd::geteuid().is_root() {
        told.push(
            "not root: switches and cables are the kernel's, which lets root make them".into(),
        );
    }
    if !Path::new("/dev/net/tun").exists() {
        told.push("no /dev/net/tun: the servers' cables are made by it".into());
    }
    (!told.is_empty()).then(|| told.join("\n"))
}
