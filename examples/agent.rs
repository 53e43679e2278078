//! The agent of a persona, on Linux.
//!
//! `agent [CONFIGURATION]`: a TOML file, `/etc/coldspare/agent.toml` unless named; see
//! `coldspare_agent::Config`. It runs as a child of the persona's init, as root, and is started
//! again when it ends. One static file:
//!
//! ```text
//! RUSTFLAGS="-C target-feature=+crt-static" \
//!   cargo build --release --example agent --target x86_64-unknown-linux-gnu
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use coldspare_agent::host::News;
use coldspare_agent::{BOOT_TABLE, Config, Identity};

fn main() -> ExitCode {
    let config = std::env::args().nth(1);
    let config = config.as_deref().unwrap_or("/etc/coldspare/agent.toml");
    let Err(error) = run(config);
    say(&*error);
    ExitCode::FAILURE
}

fn run(config: &str) -> Result<Infallible, Box<dyn Error>> {
    let text = std::fs::read_to_string(config).map_err(|error| format!("{config}: {error}"))?;
    let config = Config::parse(&text)?;
    let identity = Identity::read(Path::new(BOOT_TABLE))?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    let tell = |news: News| say(&news);
    Ok(runtime.block_on(coldspare_agent::host::run(config, identity, &tell))?)
}

/// A line on the console, with all causes.
fn say(what: &dyn Error) {
    let mut line = format!("agent: {what}");
    let mut cause = what.source();
    while let Some(one) = cause {
        line = format!("{line}: {one}");
        cause = one.source();
    }
    eprintln!("{line}");
}
