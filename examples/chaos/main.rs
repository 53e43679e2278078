//! Random faults in random data centres, with every checker of `tests/invariants` watching.
//!
//! First every single fault during the paper's failover, then pairs of them, then random faults in
//! random sites. A run is known by its seed; of one that violates something, the shortest list of
//! faults that still does so is shown. Exit status 1 if there was any.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use coldspare::Told;
use coldspare::site::Site;
use coldspare_invariants::{Checked, run_to_rest};
use coldspare_sim::{Error, Fault, Scenario, random};
use indicatif::{ProgressBar, ProgressStyle};

mod coverage;
mod faults;

use coverage::Coverage;

/// Breaks data centres at random, and watches what must always hold.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random sites to break.
    #[arg(long, default_value_t = 1_000)]
    runs: u64,
    /// How many pairs of faults to try during the paper's failover.
    #[arg(long, default_value_t = 1_000)]
    pairs: u64,
    /// Try every single fault at each so many seconds of the paper's failover.
    #[arg(long, default_value_t = 1)]
    every: u64,
    /// Of a run that violates something, print what the controller told, too.
    #[arg(long)]
    tell: bool,
}

/// One run to be made.
struct Trial {
    label: String,
    site: Site,
    scenario: Scenario,
    seed: u64,
}

/// What became of all of them.
#[derive(Default)]
struct Tally {
    runs: usize,
    coverage: Coverage,
    found: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (site, scenario) = match faults::paper() {
        Ok(paper) => paper,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
    };
    let singles = faults::singles(&site, &scenario, arguments.every);
    let pairs = faults::pairs(&site, &scenario, arguments.seed, arguments.pairs);
    let on_paper: Vec<_> = singles.into_iter().chain(pairs).collect();
    let total = on_paper.len() + usize::try_from(arguments.runs).unwrap_or(usize::MAX);

    let begun = on_the_wall();
    let trial = |index: usize| match on_paper.get(index) {
        Some(scenario) => Trial {
            label: format!("paper's site, scenario {index}"),
            site: site.clone(),
            scenario: scenario.clone(),
            seed: arguments.seed,
        },
        None => random_trial(arguments.seed + (index - on_paper.len()) as u64),
    };
    let tally = all(total, &trial, arguments.tell);
    let took = on_the_wall().saturating_sub(begun);

    print!("{}", tally.coverage);
    #[expect(clippy::cast_precision_loss, reason = "for a person to read")]
    let a_second = tally.runs as f64 / took.as_secs_f64().max(0.001);
    println!(
        "{} runs in {took:.0?}, {a_second:.1} a second: {} with violations",
        tally.runs, tally.found
    );
    ExitCode::from(u8::from(tally.found > 0))
}

/// How long the machine has been counting.
#[expect(
    clippy::disallowed_methods,
    reason = "the runs a second are told to a person"
)]
fn on_the_wall() -> Duration {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default()
}

fn random_trial(seed: u64) -> Trial {
    let site = random::site(seed);
    let mut scenario = Scenario::quiet(random::LONGEST);
    scenario.faults = random::faults(seed, &site);
    Trial {
        label: format!("random site, seed {seed}"),
        site,
        scenario,
        seed,
    }
}

/// Makes all runs, on every core.
fn all(total: usize, trial: &(impl Fn(usize) -> Trial + Sync), tell: bool) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}");
    let progress = ProgressBar::new(total as u64);
    if let Ok(style) = style {
        progress.set_style(style);
    }
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= total {
                        return;
                    }
                    let trial = trial(index);
                    let checked = run_to_rest(&trial.site, &trial.scenario, trial.seed);
                    let found = check(&trial, &checked, tell);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.runs += 1;
                    if let Ok(checked) = &checked {
                        let faults = &trial.scenario.faults;
                        tally.coverage.count(faults, &checked.outcome.told);
                    }
                    if let Some(found) = found {
                        progress.suspend(|| println!("{found}"));
                        tally.found += 1;
                    }
                    progress.inc(1);
                }
            });
        }
    });
    progress.finish_and_clear();
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// If something is wrong, looks for the shortest scenario with which it still is.
fn check(trial: &Trial, checked: &Result<Checked, Error>, tell: bool) -> Option<String> {
    let violations = match checked {
        Ok(checked) if checked.violations.is_empty() => return None,
        Ok(checked) => &checked.violations,
        Err(error) => return Some(format!("{}: cannot be run: {error}", trial.label)),
    };
    let mut shortest = trial.scenario.clone();
    let mut index = 0;
    while index < shortest.faults.len() {
        let mut shorter = shortest.clone();
        shorter.faults.remove(index);
        let checked = run_to_rest(&trial.site, &shorter, trial.seed);
        if checked.is_ok_and(|it| !it.violations.is_empty()) {
            shortest = shorter;
        } else {
            index += 1;
        }
    }
    let again = tell.then(|| run_to_rest(&trial.site, &shortest, trial.seed));
    let told = again
        .and_then(Result::ok)
        .map_or_else(String::new, |it| lines(&it));
    let faults: Vec<_> = shortest.faults.iter().map(describe).collect();
    let found: Vec<_> = violations.iter().map(ToString::to_string).collect();
    Some(
        format!(
            "{} ({}): {}",
            trial.label,
            faults.join("; "),
            found.join("; ")
        ) + &told,
    )
}

fn lines(checked: &Checked) -> String {
    let told = checked.outcome.told.iter().map(|Told { at, event }| {
        let event = serde_json::to_string(event).unwrap_or_else(|error| error.to_string());
        format!("\n  {at} {event}")
    });
    told.collect()
}

fn describe(fault: &Fault) -> String {
    let lasts = fault.lasts.map(|lasts| format!(" for {lasts:?}"));
    format!(
        "{} at {}{}",
        fault.kind,
        fault.at,
        lasts.unwrap_or_default()
    )
}
