//! The command line, and the two files that it names.

use std::path::PathBuf;

use clap::Parser;
use coldspare::site::{Site, SiteErrors};
use coldspare_sim::Scenario;

const SITE: (&str, &str) = (
    "examples/sites/white-paper.toml",
    include_str!("../sites/white-paper.toml"),
);
const SCENARIO: (&str, &str) = (
    "examples/scenarios/power-loss.toml",
    include_str!("../scenarios/power-loss.toml"),
);

/// A server of the paper's site loses power, in a data centre in memory, on virtual time; its
/// persona wakes up on the stand-by. Exit status: 0 restored, or nothing needed; 3 not restored;
/// 2 bad input.
#[derive(Debug, Parser)]
#[command(name = "study")]
pub(crate) struct Arguments {
    /// The site; the paper's Tables 1 to 3 unless given.
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// What breaks, and when; the paper's hard shutdown unless given.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// The same seed gives the same run, byte for byte.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// One JSON object a line on standard output, and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
    /// Say with each decision what else was considered, and what would have to change.
    #[arg(long)]
    pub(crate) explain: bool,
    /// Only show what a retarget of each persona would do, and how long it would take.
    #[arg(long)]
    pub(crate) plan: bool,
}

impl Arguments {
    /// Reads both files.
    pub(crate) fn read(&self) -> Result<(Site, Scenario), SiteErrors> {
        let site = match &self.site {
            Some(path) => Site::load(path)?,
            None => Site::parse(SITE.1, SITE.0)?,
        };
        let scenario = match &self.scenario {
            Some(path) => Scenario::load(path, &site)?,
            None => Scenario::parse(SCENARIO.1, SCENARIO.0, &site)?,
        };
        Ok((site, scenario))
    }
}
