//! Says which tests a run without all features has left out: those that need real daemons, or a
//! store that has to be built first.

use std::process::{Command, ExitCode};

use serde_json::Value;

fn main() -> ExitCode {
    if cfg!(feature = "all") {
        return ExitCode::SUCCESS;
    }
    let Some(left_out) = left_out() else {
        eprintln!("cargo does not say which tests need a feature");
        return ExitCode::FAILURE;
    };
    for line in left_out {
        println!("left out: {line}");
    }
    println!("tests/run runs them all");
    ExitCode::SUCCESS
}

/// Each test that is built only with certain features.
fn left_out() -> Option<Vec<String>> {
    let cargo = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let metadata: Value = serde_json::from_slice(&cargo.stdout).ok()?;
    let packages = metadata["packages"].as_array()?;
    let mut lines = Vec::new();
    for package in packages {
        for target in package["targets"].as_array()? {
            let is_test = target["kind"].as_array()?.iter().any(|kind| kind == "test");
            let features = target["required-features"].as_array();
            if let Some(features) = features.filter(|_| is_test) {
                let features: Vec<_> = features.iter().filter_map(Value::as_str).collect();
                lines.push(format!(
                    "{} of {} (features {})",
                    target["name"].as_str()?,
                    package["name"].as_str()?,
                    features.join(", ")
                ));
            }
        }
    }
    lines.push("what the layers test of an adapter inside its feature".to_owned());
    Some(lines)
}
