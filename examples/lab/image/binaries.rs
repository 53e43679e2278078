//! The programs that run inside a persona: static files.

use std::path::{Path, PathBuf};

use super::Error;
use super::tools::{command, run};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where they are.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    /// The build folder.
    folder: PathBuf,
    pub(super) agent: PathBuf,
    pub(super) witness: PathBuf,
}

impl Binaries {
    /// Builds them from this workspace, in its build folder.
    pub(crate) fn build() -> Result<Self, Error> {
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let folder = PathBuf::from(workspace).join("target");
        let folder = std::env::var_os("CARGO_TARGET_DIR").map_or(folder, PathBuf::from);
        let mut cargo = command(env!("CARGO"));
        cargo
            .current_dir(workspace)
            .env("CARGO_TARGET_DIR", &folder);
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
        cargo.args(["build", "--quiet", "--release", "--target", TARGET]);
        cargo.args(["--package", "coldspare-agent"]);
        run(cargo.args(["--example", "agent", "--example", "witness"]))?;
        let built = folder.join(TARGET).join("release/examples");
        Ok(Self {
            agent: built.join("agent"),
            witness: built.join("witness"),
            folder,
        })
    }

    /// The build folder, where downloads may be kept.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
