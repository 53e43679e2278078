//! How long a plan is expected to take. Estimates are shown, never acted on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::step::{Plan, Step};

/// How long each kind of step usually takes, as measured or assumed by whoever runs the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Estimates {
    /// One call to a device, read back.
    pub call: Duration,
    /// A power-off, both readings included.
    pub power_off: Duration,
    /// Draining an application.
    pub drain: Duration,
    /// An operating system's shut-down.
    pub shut_down: Duration,
    /// From power-on until the agent is up.
    pub boot: Duration,
    /// From then until the application's services run.
    pub services: Duration,
    /// From then until its copies are healthy.
    pub rejoin: Duration,
    /// From then until it is redistributed.
    pub redistribute: Duration,
}

/// Assumptions in the order of size of a rack server with Windows Server and Exchange; the paper
/// gives no single figure, only that all of it takes less than an hour.
impl Default for Estimates {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(1),
            power_off: Duration::from_secs(5),
            drain: Duration::from_mins(1),
            shut_down: Duration::from_mins(3),
            boot: Duration::from_mins(8),
            services: Duration::from_mins(4),
            rejoin: Duration::from_mins(5),
            redistribute: Duration::from_mins(1),
        }
    }
}

impl Estimates {
    /// How long a plan takes: its stages in series, the steps of each side by side.
    pub fn of(&self, plan: &Plan) -> Duration {
        let stage = |steps: &Vec<Step>| steps.iter().map(|step| self.step(step)).max();
        plan.stages.iter().filter_map(stage).sum()
    }

    fn step(&self, step: &Step) -> Duration {
        match step {
            Step::Drain { .. } => self.drain,
            Step::ShutDown { .. } => self.shut_down,
            Step::PowerOff { .. } => self.power_off,
            Step::Disarm { .. }
            | Step::ShutOut { .. }
            | Step::Park { .. }
            | Step::Wire { .. }
            | Step::Arm { .. }
            | Step::Admit { .. }
            | Step::PowerOn { .. }
            | Step::ConfigureGuest { .. } => self.call,
            Step::AwaitAgent { .. } => self.boot,
            Step::AwaitServices { .. } => self.services,
            Step::Rejoin { .. } => self.rejoin,
            Step::Redistribute { .. } => self.redistribute,
        }
    }
}

#[cfg(test)]
mod tests;
