//! Which faults met the controller in the midst of what.

use std::collections::BTreeMap;
use std::fmt;

use coldspare::{Told, What};
use coldspare_names::Time;
use coldspare_sim::Fault;

/// What a controller is about, from the event with which it begins.
const PHASES: [(&str, &[What]); 6] = [
    ("quiet", &[What::Restored]),
    ("judging", &[What::Suspected]),
    ("taking", &[What::Reserved]),
    ("giving", &[What::Fenced]),
    ("booting", &[What::PoweredOn]),
    ("leading back", &[What::AgentUp]),
];

/// How often each kind of fault happened in each phase.
#[derive(Default)]
pub(crate) struct Coverage(BTreeMap<&'static str, [usize; PHASES.len()]>);

impl Coverage {
    pub(crate) fn count(&mut self, faults: &[Fault], told: &[Told]) {
        for fault in faults {
            self.0.entry(fault.kind.word()).or_default()[phase(told, fault.at)] += 1;
        }
    }
}

/// What began last before that time.
fn phase(told: &[Told], at: Time) -> usize {
    let mut before = told.iter().rev().skip_while(|told| told.at >= at);
    let phase = before.find_map(|told| {
        let mut phases = PHASES.iter();
        phases.position(|(_, begins)| begins.contains(&told.event.event))
    });
    phase.unwrap_or_default()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<22}", "faults tried while")?;
        for (phase, _) in PHASES {
            write!(f, " {phase:>12}")?;
        }
        writeln!(f)?;
        for (kind, times) in &self.0 {
            write!(f, "  {kind:<20}")?;
            for times in times {
                write!(f, " {times:>12}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
