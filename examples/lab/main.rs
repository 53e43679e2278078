//! The laboratory: the paper's failover on real parts, in one network namespace.
//!
//! | room | holds |
//! |---|---|
//! | `enclosure` | the kernel namespaces around everything, and the certain end of it |
//! | `plant` | switches, array, servers: each a real daemon |
//! | `image` | the disk image of the persona |
//! | `site.toml` | what the controller is told of the site |
//! | `controller` | the real controller, with its ears and its agents |
//! | `daemons` | controllers as operators run them, which can be killed |
//! | `calls` | every call that it makes to a device |
//! | `witness` | what the persona's disk acknowledged, and what stands on it |
//! | `lab` | all of these together |
//! | `scenario` | what befalls the persona's server, and what must come of it |
//! | `bare` | the persona's guest, booted without a controller |
//! | `terms` | how long each part of a failover took |
//! | `inside` | one scenario, from an empty place to its report |
//! | `series` | one scenario again and again, and the spread of its terms |

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use coldspare::site::Site;
use coldspare_examples::parts::{CLUSTER, IMAGE, MACHINE, SITE, missing};

mod arguments;
mod bare;
mod calls;
mod controller;
mod daemons;
mod enclosure;
#[cfg(all(test, feature = "all"))]
mod guest_suite;
mod image;
mod inside;
mod lab;
mod plant;
mod scenario;
mod series;
mod terms;
mod witness;

use arguments::Arguments;
use image::{Binaries, Data, Kit, Persona};
use series::{Built, Series};

/// Why something could not be tried.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime.map_err(Failure::from).and_then(|runtime| {
        let done = runtime.block_on(run(&arguments));
        // A look at the standard input may still be under way, and may last for ever.
        runtime.shutdown_background();
        done
    });
    done.unwrap_or_else(|failure| {
        eprintln!("the laboratory could not try it: {failure}");
        ExitCode::from(2)
    })
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if let Some(inside) = &arguments.inside {
        return inside::run(arguments, inside).await;
    }
    let scenarios = arguments.scenario.each();
    let has_daemons = scenarios.iter().any(|it| it.has_daemons());
    if let Some(lacks) = lacks(has_daemons) {
        return Err(format!("this machine lacks what it needs\n{lacks}").into());
    }
    let built = build(has_daemons)?;
    let mut all_well = true;
    for scenario in scenarios {
        let Some(series) = Series::play(arguments, scenario, &built).await? else {
            return Ok(ExitCode::from(2));
        };
        series.print(scenario, arguments.json);
        all_well &= series.is_good();
    }
    Ok(ExitCode::from(if all_well { 0 } else { 3 }))
}

/// What this machine lacks, and how to get it.
fn lacks(has_daemons: bool) -> Option<String> {
    let cluster = if has_daemons { CLUSTER } else { &[] };
    let mut told: Vec<String> = missing(&[IMAGE, MACHINE, SITE, cluster])
        .iter()
        .map(ToString::to_string)
        .collect();
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

/// Builds the persona's disk image, from what was built and downloaded before where it can, and the
/// controller's program if it is to run apart.
fn build(has_daemons: bool) -> Result<Built, Failure> {
    let site = Site::parse(lab::SITE.1, lab::SITE.0)?;
    let programs = Binaries::build()?;
    let daemon = has_daemons.then(|| daemons::build(programs.folder()));
    let folder = programs.folder().join("lab");
    let kit = Kit::prepare(&folder, programs)?;
    let image = folder.join("web-1.img");
    let persona = Persona {
        agent: include_str!("agent.toml").to_owned(),
        data: Some(Data {
            target: plant::data_target(&site)?.to_string(),
            acknowledge: witness::ADDRESS.into(),
        }),
    };
    kit.build(&persona, &image)?;
    Ok(Built {
        image,
        daemon: daemon.transpose()?,
    })
}
