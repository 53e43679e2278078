//! What must hold in every run, one file a property.
//!
//! The checkers look at the **devices** (who could write, who could speak, what a port passes),
//! never at the controller's own records: a controller that is wrong about itself is caught too.
//! They are called whenever something has changed in the data centre, and once in the end.
//!
//! **The one rule:** a checker that cannot fail checks nothing. `tests/mutants.rs` shows for each
//! that a deliberately broken controller is caught by it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coldspare::site::{Site, SitePersona};
use coldspare::{Devices, Event, Told};
use coldspare_names::{ServerName, Time};
use coldspare_sim::{
    Error, Fault, FaultKind, Observer, Outcome, Picture, Scenario, Simulation, Truth,
};
use serde::Serialize;

mod business;
mod generations;
mod healed;
mod logs;
mod one_home;
mod one_writer;
mod restored;
mod spares;

/// Something that must never happen, and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which property.
    pub invariant: &'static str,
    /// When it was seen.
    pub at: Time,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.invariant, self.at, self.what)
    }
}

/// A property of every run.
pub trait Invariant: Send {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Looks at the devices whenever something has changed; what is wrong, if something is.
    fn look(&mut self, truth: &Truth<'_>) -> Option<String>;

    /// Looks at the end of the run.
    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>) -> Option<String>;
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run<'a> {
    /// What was to break, and when.
    pub scenario: &'a Scenario,
    /// What was told.
    pub told: &'a [Told],
    /// It was ended because nothing more was to be expected.
    pub at_rest: bool,
}

impl Run<'_> {
    /// Whether everything that could be done has had the time to be done: nothing has broken or
    /// been mended for so long.
    pub fn had_time(&self, truth: &Truth<'_>) -> bool {
        let changes = self.scenario.faults.iter().map(over);
        let past = changes.filter(|at| *at <= truth.now());
        let last = past.max().unwrap_or_default();
        self.at_rest || truth.now() - last > longest_boot(truth.site()) * 2 + SLACK
    }

    /// Whether a management controller lied about a server at some time.
    pub fn was_lied_about(&self, server: &ServerName) -> bool {
        let mut faults = self.scenario.faults.iter();
        faults.any(
            |fault| matches!(&fault.kind, FaultKind::BmcLies { server: of, .. } if of == server),
        )
    }

    /// Whether nothing is broken any more.
    pub fn is_healed(&self) -> bool {
        let faults = &self.scenario.faults;
        let repaired = |fault: &Fault| {
            let mut later = faults.iter().filter(|other| other.at > fault.at);
            later.any(|other| match &other.kind {
                FaultKind::Repair { server } => broken(&fault.kind) == Some(server),
                _ => false,
            })
        };
        faults
            .iter()
            .all(|fault| fault.lasts.is_some() || !fault.kind.can_end() || repaired(fault))
    }
}

/// When a fault has begun, and has ended if it does.
fn over(fault: &Fault) -> Time {
    fault.lasts.map_or(fault.at, |lasts| fault.at + lasts)
}

fn longest_boot(site: &Site) -> Duration {
    let personas = site.personas.values();
    let timers = personas.map(|of| of.persona.boot_timer.length());
    timers.max().unwrap_or_default()
}

/// The server that a fault breaks.
fn broken(kind: &FaultKind) -> Option<&ServerName> {
    match kind {
        FaultKind::PowerLoss { server }
        | FaultKind::BmcLoss { server }
        | FaultKind::BmcLies { server, .. }
        | FaultKind::NicLoss { server, .. }
        | FaultKind::CableLoss { server, .. }
        | FaultKind::SanPortLoss { server, .. }
        | FaultKind::SanLoss { server }
        | FaultKind::AgentHang { server }
        | FaultKind::ServerFreeze { server }
        | FaultKind::BootFailure { server } => Some(server),
        _ => None,
    }
}

/// How often it is looked whether a run is at rest.
const LOOK: Duration = Duration::from_mins(1);
/// What a recovery may take beside its boot timers: services, replay, redistribution, and the
/// rests between tries.
const SLACK: Duration = Duration::from_mins(30);

/// All properties.
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::<one_home::OneHome>::default(),
        Box::new(one_writer::OneWriter),
        Box::new(business::Business::default()),
        Box::new(generations::Generations::default()),
        Box::new(logs::Logs),
        Box::new(restored::Restored),
        Box::new(spares::Spares),
        Box::new(healed::Healed),
    ]
}

/// The checkers of one run, and what they have found so far. Each tells its first finding only.
struct Watch {
    onlooker: Observer,
    invariants: Vec<Box<dyn Invariant>>,
    violations: Vec<Violation>,
}

impl Watch {
    fn look(&mut self, truth: &Truth<'_>) {
        (self.onlooker)(truth.now(), truth);
        for invariant in &mut self.invariants {
            let found = invariant.look(truth);
            note(&mut self.violations, invariant.name(), truth.now(), found);
        }
    }

    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>) {
        (self.onlooker)(truth.now(), truth);
        for invariant in &mut self.invariants {
            let found = invariant.look_back(run, truth);
            note(&mut self.violations, invariant.name(), truth.now(), found);
        }
    }
}

fn note(violations: &mut Vec<Violation>, invariant: &'static str, at: Time, found: Option<String>) {
    let known = violations
        .iter()
        .any(|violation| violation.invariant == invariant);
    if let Some(what) = found.filter(|_| !known) {
        violations.push(Violation {
            invariant,
            at,
            what,
        });
    }
}

/// A run, and what was wrong with it.
#[derive(Debug)]
pub struct Checked {
    /// What happened.
    pub outcome: Outcome,
    /// What must not have happened.
    pub violations: Vec<Violation>,
}

/// A controller that is not as it should be.
struct Mutant {
    /// It reaches the devices through something else.
    through: Box<dyn Fn(Devices) -> Devices + Send>,
    /// It keeps to itself whatever it does not tell.
    tells: Box<dyn Fn(&Event) -> bool>,
}

impl Mutant {
    /// A controller that is as it should be.
    fn sound() -> Self {
        Self {
            through: Box::new(|devices| devices),
            tells: Box::new(|_| true),
        }
    }
}

fn nobody() -> Observer {
    Box::new(|_, _| ())
}

/// Runs a scenario on a site with all checkers watching, on a clock of its own.
pub fn run(site: &Site, scenario: &Scenario, seed: u64) -> Result<Checked, Error> {
    run_watched(site, scenario, seed, nobody())
}

/// The same, ended as soon as nothing more is to be expected: nothing was told for longer than any
/// boot timer runs, every fault has had its time, and all that shall be so in the end is so.
pub fn run_to_rest(site: &Site, scenario: &Scenario, seed: u64) -> Result<Checked, Error> {
    let sound = Mutant::sound();
    watched(site, scenario, seed, nobody(), Until::AtRest, sound)
}

/// The same, with an onlooker who is called before the checkers, and once in the end.
pub fn run_watched(
    site: &Site,
    scenario: &Scenario,
    seed: u64,
    onlooker: Observer,
) -> Result<Checked, Error> {
    let sound = Mutant::sound();
    watched(site, scenario, seed, onlooker, Until::Over, sound)
}

/// The same, with a controller that reaches the devices through something else.
pub fn run_through(
    site: &Site,
    scenario: &Scenario,
    seed: u64,
    through: impl Fn(Devices) -> Devices + Send + 'static,
) -> Result<Checked, Error> {
    let mutant = Mutant {
        through: Box::new(through),
        ..Mutant::sound()
    };
    watched(site, scenario, seed, nobody(), Until::Over, mutant)
}

/// The same, with a controller that keeps to itself whatever it does not tell.
pub fn run_telling(
    site: &Site,
    scenario: &Scenario,
    seed: u64,
    tells: impl Fn(&Event) -> bool + 'static,
) -> Result<Checked, Error> {
    let mutant = Mutant {
        tells: Box::new(tells),
        ..Mutant::sound()
    };
    watched(site, scenario, seed, nobody(), Until::Over, mutant)
}

/// How long a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// As long as its scenario says.
    Over,
    /// No longer than until nothing more is to be expected.
    AtRest,
}

fn watched(
    site: &Site,
    scenario: &Scenario,
    seed: u64,
    onlooker: Observer,
    until: Until,
    mutant: Mutant,
) -> Result<Checked, Error> {
    let Mutant { through, tells } = mutant;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let simulation =
            Simulation::start_through(site, scenario.latency.clone(), seed, through).await?;
        let watch = Arc::new(Mutex::new(Watch {
            onlooker,
            invariants: all(),
            violations: Vec::new(),
        }));
        let looking = watch.clone();
        simulation.observe(Box::new(move |_, truth| {
            looking
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .look(truth);
        }));
        let before = Picture::of(simulation.world()).await;
        simulation.schedule(scenario.faults.iter().cloned());
        let (told, at_rest) = play(&simulation, scenario, until, &tells).await;
        let after = Picture::of(simulation.world()).await;
        let outcome = Outcome {
            told,
            possible: simulation.world().look(coldspare_sim::possible),
            before,
            after,
        };

        simulation.observe(Box::new(|_, _| ()));
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        let run = Run {
            scenario,
            told: &outcome.told,
            at_rest,
        };
        simulation
            .world()
            .look(|truth| watch.look_back(&run, truth));
        let violations = std::mem::take(&mut watch.violations);
        drop(watch);
        Ok(Checked {
            outcome,
            violations,
        })
    })
}

/// For how long nothing is told before something may yet be expected: boot timers run silently, and
/// where none can run, services start and logs are replayed.
fn patience(truth: &Truth<'_>) -> Duration {
    let mut personas = truth.site().personas.values();
    let is_home = |of: &SitePersona| of.home.is_none() || !truth.homes(&of.persona.name).is_empty();
    if personas.all(is_home) {
        Duration::from_mins(10)
    } else {
        longest_boot(truth.site()) + LOOK
    }
}

/// Lets the run go on; what was told, and whether it has come to rest.
async fn play(
    simulation: &Simulation,
    scenario: &Scenario,
    until: Until,
    tells: &dyn Fn(&Event) -> bool,
) -> (Vec<Told>, bool) {
    let news = || {
        let mut news = simulation.told();
        news.retain(|told| tells(&told.event));
        news
    };
    let end = Time::after_epoch(scenario.duration);
    let broken = scenario.faults.iter().map(over).max().unwrap_or_default();
    let mut told: Vec<Told> = Vec::new();
    while until == Until::AtRest && simulation.now() + LOOK < end {
        simulation.run_until(simulation.now() + LOOK).await;
        told.extend(news());
        let last = told.last().map_or(Time::EPOCH, |told| told.at);
        let patience = simulation.world().look(patience);
        if simulation.now() < last.max(broken) + patience {
            continue;
        }
        let run = Run {
            scenario,
            told: &told,
            at_rest: true,
        };
        let is_well = |truth: &Truth<'_>| {
            let mut invariants = all().into_iter();
            invariants.all(|mut invariant| invariant.look_back(&run, truth).is_none())
        };
        if simulation.world().look(is_well) {
            return (told, true);
        }
    }
    simulation.run_until(end).await;
    told.extend(news());
    (told, false)
}
