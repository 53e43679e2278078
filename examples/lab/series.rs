//! One scenario, once or again and again, each time in walls of its own.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::arguments::{Arguments, Choice};
use crate::enclosure;
use crate::terms::Terms;

/// What was built for the laboratory.
#[derive(Debug)]
pub(crate) struct Built {
    /// The persona's image.
    pub(crate) image: PathBuf,
    /// The controller's program, if a scenario has it run apart.
    pub(crate) daemon: Option<PathBuf>,
}

/// How the runs of a scenario went.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// Runs that went as told.
    well: usize,
    runs: usize,
    terms: Vec<Terms>,
}

impl Series {
    /// Plays the scenario as often as the arguments say, or until it could not be tried: that is
    /// none.
    pub(crate) async fn play(
        arguments: &Arguments,
        scenario: Choice,
        built: &Built,
    ) -> Result<Option<Self>, Failure> {
        let mut series = Self::default();
        for _ in 0..arguments.times {
            let bare = if scenario.is_compared() {
                let (_, bare) = enter::<Duration>(arguments, Choice::Bare, built, None).await?;
                let Some(bare) = bare else { return Ok(None) };
                Some(bare)
            } else {
                None
            };
            let (status, terms) = enter::<Terms>(arguments, scenario, built, bare).await?;
            match status.code() {
                Some(0) => series.well += 1,
                Some(3) => {}
                _ => return Ok(None),
            }
            series.runs += 1;
            series.terms.extend(terms);
        }
        Ok(Some(series))
    }

    /// Whether all went as told.
    pub(crate) fn is_good(&self) -> bool {
        self.well == self.runs
    }

    /// The spread of each term, if there was more than one run.
    pub(crate) fn print(&self, scenario: Choice, json: bool) {
        if self.runs < 2 {
            return;
        }
        let (name, well, runs) = (scenario.name(), self.well, self.runs);
        let spreads = self.spreads(scenario);
        if json {
            let line = Line {
                event: "spread",
                scenario: name,
                runs,
                well,
                spreads,
            };
            println!("{}", serde_json::to_string(&line).unwrap_or_default());
            return;
        }
        println!("\n{name}: {well} of {runs} runs went as told.");
        if !spreads.is_empty() {
            println!(
                "{:<28} {:>8} {:>8} {:>8}",
                "seconds", "least", "median", "most"
            );
        }
        for Spread {
            term,
            least,
            median,
            most,
        } in spreads
        {
            println!("{term:<28} {least:>8.2} {median:>8.2} {most:>8.2}");
        }
    }

    fn spreads(&self, scenario: Choice) -> Vec<Spread> {
        let runs: Vec<_> = self.terms.iter().map(|it| it.rows(scenario)).collect();
        let Some(first) = runs.first() else {
            return Vec::new();
        };
        let of_term = |(number, (term, ..)): (usize, &(&'static str, f64, _))| {
            let mut values: Vec<_> = runs.iter().map(|rows| rows[number].1).collect();
            values.sort_by(f64::total_cmp);
            Spread {
                term,
                least: values[0],
                median: values[values.len() / 2],
                most: values[values.len() - 1],
            }
        };
        first.iter().enumerate().map(of_term).collect()
    }
}

/// The last line of a series with `--json`.
#[derive(Debug, Serialize)]
struct Line {
    event: &'static str,
    scenario: String,
    runs: usize,
    well: usize,
    spreads: Vec<Spread>,
}

/// How a term was spread over the runs, in seconds.
#[derive(Debug, Serialize)]
struct Spread {
    term: &'static str,
    least: f64,
    median: f64,
    most: f64,
}

/// Plays it once inside, and reads what it reports; none if it does not come to that.
async fn enter<T: DeserializeOwned>(
    arguments: &Arguments,
    scenario: Choice,
    built: &Built,
    bare: Option<Duration>,
) -> Result<(ExitStatus, Option<T>), Failure> {
    let report = tempfile::NamedTempFile::new()?;
    let mut inner = vec!["--inside".to_owned(), built.image.display().to_string()];
    inner.extend(["--report".to_owned(), report.path().display().to_string()]);
    inner.extend(["--scenario".to_owned(), scenario.name()]);
    if let Some(daemon) = built.daemon.as_ref().filter(|_| scenario.has_daemons()) {
        inner.extend(["--daemon".to_owned(), daemon.display().to_string()]);
    }
    if let Some(bare) = bare {
        inner.extend(["--bare".to_owned(), bare.as_millis().to_string()]);
    }
    inner.extend(arguments.json.then(|| "--json".to_owned()));
    inner.extend(arguments.keep.then(|| "--keep".to_owned()));
    let status = enclosure::enter(&inner).await?;
    let report = std::fs::read(report.path())?;
    Ok((status, serde_json::from_slice(&report).ok()))
}
