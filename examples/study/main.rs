//! The main job: the white paper's failover from end to end.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use coldspare::site::Site;
use coldspare_examples::tables::Tables;
use coldspare_examples::tell;
use coldspare_examples::verdict::Verdict;
use coldspare_invariants::run_watched;
use coldspare_names::Time;
use coldspare_sim::{Scenario, Truth};
use indicatif::ProgressBar;

mod arguments;
mod paper;
mod plan;
mod tables;
mod verdict;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (site, scenario) = match arguments.read() {
        Ok(read) => read,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
    };
    let done = if arguments.plan {
        plan::show(&site, &scenario, arguments.seed, arguments.json).map(|()| ExitCode::SUCCESS)
    } else {
        study(&arguments, &site, &scenario)
    };
    done.unwrap_or_else(|error| {
        eprintln!("the data centre cannot be simulated: {error}");
        ExitCode::from(2)
    })
}

fn study(
    arguments: &Arguments,
    site: &Site,
    scenario: &Scenario,
) -> Result<ExitCode, coldspare_sim::Error> {
    let end = Time::after_epoch(scenario.duration);
    let moments = Arc::new(Mutex::new(Moments {
        end,
        ..Moments::default()
    }));
    let onlooker = moments.clone();
    // Shown only on a terminal, and on standard error.
    let progress = ProgressBar::new(scenario.duration.as_secs());
    let ticking = progress.clone();
    let checked = run_watched(
        site,
        scenario,
        arguments.seed,
        Box::new(move |at, truth| {
            ticking.set_position(at.since_epoch().as_secs());
            onlooker
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .look(at, truth);
        }),
    )?;
    progress.finish_and_clear();

    let verdict = verdict::of(site, &checked, end);
    if arguments.json {
        for told in &checked.outcome.told {
            println!("{}", tell::json(told));
        }
        println!("{}", serde_json::to_string(&verdict).unwrap_or_default());
    } else {
        for told in &checked.outcome.told {
            println!("{}", tell::line(told, arguments.explain));
        }
        let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
        report(&verdict, &moments, scenario);
    }
    Ok(ExitCode::from(if verdict.restored { 0 } else { 3 }))
}

/// The tables before anything broke, at the worst, and in the end.
#[derive(Debug, Default)]
struct Moments {
    end: Time,
    before: Option<Tables>,
    lost_since: Option<Time>,
    during: Option<Tables>,
    after: Option<Tables>,
}

/// The group has reacted by then, and the persona is not back yet.
const SETTLED: Duration = Duration::from_secs(30);

impl Moments {
    fn look(&mut self, at: Time, truth: &Truth<'_>) {
        let mut homes = truth
            .site()
            .personas
            .values()
            .filter(|of| of.home.is_some());
        let lost = homes.any(|of| truth.homes(&of.persona.name).is_empty());
        if !lost {
            self.lost_since = None;
        } else if self.during.is_none() {
            let since = *self.lost_since.get_or_insert(at);
            if at - since > SETTLED {
                self.during = Some(tables::of(truth));
            }
        }
        if self.before.is_none() {
            self.before = Some(tables::of(truth));
        }
        if at >= self.end {
            self.after = Some(tables::of(truth));
        }
    }
}

fn report(verdict: &Verdict, moments: &Moments, scenario: &Scenario) {
    println!();
    for (heading, tables) in [
        ("Before", &moments.before),
        ("During", &moments.during),
        ("After", &moments.after),
    ] {
        if let Some(tables) = tables {
            println!("{}", tables.print(heading));
        }
    }
    print!("{}", verdict.outcome());
    if !verdict.recoveries.is_empty() {
        println!(
            "\nThe paper: {} with AIM; {} by hand, in ten steps:",
            paper::WITH_AIM,
            paper::BY_HAND_TAKES
        );
        for (number, step) in paper::BY_HAND.iter().enumerate() {
            println!("  {:>2}. {step}", number + 1);
        }
        let latency = &scenario.latency;
        println!(
            "Assumed by the scenario, not measured: self-test {:?}, boot {:?}, services {:?}, replay of {} logs an hour.",
            latency.post, latency.boot, latency.services, latency.replay_rate
        );
    }
    print!("{}", verdict.violations());
}
