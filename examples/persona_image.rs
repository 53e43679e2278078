//! Builds the disk image of a laboratory's persona.
//!
//! `cargo run --release --example persona-image -- IMAGE AGENT.TOML [DATA-TARGET ADDRESS:PORT]`:
//! `AGENT.TOML` is the agent's configuration; with a data target, the persona logs into it and runs
//! its witness there, which sends what the disk has acknowledged to that address.

#[path = "lab/image/mod.rs"]
mod image;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use image::{Binaries, Data, Kit, Persona};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (image, config, data) = match &arguments[..] {
        [image, config] => (image, config, None),
        [image, config, target, acknowledge] => {
            let (target, acknowledge) = (target.clone(), acknowledge.parse()?);
            (
                image,
                config,
                Some(Data {
                    target,
                    acknowledge,
                }),
            )
        }
        _ => return Err("usage: IMAGE AGENT.TOML [DATA-TARGET ADDRESS:PORT]".into()),
    };
    let agent = std::fs::read_to_string(config).map_err(|error| format!("{config}: {error}"))?;
    let binaries = Binaries::build()?;
    let kit = Kit::prepare(&binaries.folder().join("persona-image"), binaries)?;
    kit.build(&Persona { agent, data }, Path::new(image))?;
    Ok(())
}
