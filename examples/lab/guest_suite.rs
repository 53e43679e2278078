//! The conformance suite of guests on a kernel that has tagged interfaces, in a machine of its own:
//! the host's kernel may lack them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use coldspare_examples::parts::{IMAGE, MACHINE, folders, missing};
use serde_json::Value;

use crate::Failure;
use crate::image::initrd::{Contents, archive};
use crate::image::packages::Packages;

#[test]
fn a_kernel_with_tagged_interfaces_keeps_the_contract_of_a_guest() {
    if let Some(missing) = missing(&[IMAGE, MACHINE]) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        eprintln!("the suite did not run on a kernel of its own: {missing}");
        return;
    }
    let said = run_in_a_machine(&suite().unwrap()).unwrap();
    assert!(said.contains("\nthe kernel keeps the contract"), "{said}");
}

/// The suite as a program: the ignored test of the crate's own.
fn suite() -> Result<PathBuf, Failure> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args(["test", "--quiet", "--no-run", "--message-format", "json"]);
    cargo.args(["--package", "coldspare-network", "--test", "netlink"]);
    let built = cargo.args(["--features", "conformance,netlink"]).output()?;
    let told = String::from_utf8(built.stdout)?;
    let mut artifacts = told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = artifacts.find_map(|artifact| {
        let is_it = artifact["target"]["name"] == "netlink";
        artifact["executable"]
            .as_str()
            .filter(|_| is_it)
            .map(PathBuf::from)
    });
    program.ok_or_else(|| String::from_utf8_lossy(&built.stderr).into())
}

/// What the machine said until it was off.
fn run_in_a_machine(suite: &Path) -> Result<String, Failure> {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| target.into());
    let kept = Path::new(&target).join("lab");
    fs::create_dir_all(&kept)?;
    let packages = Packages::prepare(&kept.join("packages"))?;
    let ip = folders().into_iter().map(|folder| folder.join("ip"));
    let contents = Contents {
        init: include_bytes!("guest_suite.sh"),
        programs: vec![
            ("sbin/suite", suite.to_owned()),
            (
                "sbin/ip",
                ip.into_iter().find(|ip| ip.is_file()).ok_or("no ip")?,
            ),
        ],
        modules: &["veth", "8021q"],
    };
    let folder = tempfile::tempdir()?;
    let initrd = folder.path().join("initrd");
    fs::write(&initrd, archive(&packages, &contents)?)?;
    let mut machine = Command::new("timeout");
    machine.args(["120", "qemu-system-x86_64", "-machine", "q35,graphics=off"]);
    machine.args(["-accel", "tcg", "-cpu", "qemu64", "-m", "384", "-no-reboot"]);
    machine.args(["-nodefaults", "-display", "none", "-serial", "stdio"]);
    machine.args(["-append", "console=ttyS0,115200 quiet panic=1"]);
    machine.arg("-kernel").arg(packages.kernel());
    let said = machine.arg("-initrd").arg(initrd).output()?.stdout;
    Ok(String::from_utf8_lossy(&said).replace('\r', ""))
}
