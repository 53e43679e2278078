//! Programs that the builder runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use coldspare_examples::parts;

use super::{Error, file};

/// A program, with the administrators' folders on its path.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", parts::path()).env("LC_ALL", "C");
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
