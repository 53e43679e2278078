//! What a person sees.

use std::collections::BTreeMap;

use coldspare_heartbeat::udp::Monitor;
use coldspare_heartbeat::{Finding, Slot};

use crate::agent::Agent;

/// The agents, and what was last found about each.
pub(crate) struct Table {
    processes: BTreeMap<Slot, u32>,
    crowd: u32,
    found: BTreeMap<Slot, String>,
    live: bool,
}

/// Lines for those of the crowd about whom there is something to say.
const MOST: usize = 20;

impl Table {
    pub(crate) fn new(agents: &[Agent], crowd: u32, live: bool) -> Self {
        let slots = (0..).map_while(|number| Slot::new(number).ok());
        Self {
            processes: slots.zip(agents.iter().map(Agent::process)).collect(),
            crowd,
            found: BTreeMap::new(),
            live,
        }
    }

    pub(crate) fn note(&mut self, finding: &Finding) {
        if let Finding::Held { cause, slots } = finding {
            let held = |slot: &Slot| (*slot, format!("held: {cause}"));
            self.found.extend(slots.iter().map(held));
            return;
        }
        let (slot, text) = match finding {
            Finding::Started { slot, boot } => (slot, format!("alive, boot {boot}")),
            Finding::Recovered { slot } => (slot, "alive again".to_owned()),
            Finding::Suspected { slot, .. } => (slot, "silent: asking".to_owned()),
            Finding::PathDegraded { slot, path } => (slot, format!("alive, {path:?} path silent")),
            Finding::PathRestored { slot, .. } | Finding::EchoRestored { slot, .. } => {
                (slot, "alive".to_owned())
            }
            Finding::DiskStalled { slot, .. } => (slot, "alive, disk not written".to_owned()),
            Finding::Announced { slot, flags } if flags.shutting_down => {
                (slot, "shutting down".to_owned())
            }
            Finding::Judged { slot, verdict } => {
                let text = format!(
                    "{:?} ({:?}): {:?}",
                    verdict.status, verdict.certainty, verdict.row
                );
                (slot, text)
            }
            Finding::EchoLost { slot, path } => (slot, format!("alive, hears nobody: {path}")),
            Finding::CeilingPassed { slot } => (slot, "nobody can tell: a person must".to_owned()),
            Finding::Contradicted { slot } => {
                (slot, "its controller contradicts itself".to_owned())
            }
            _ => return,
        };
        self.found.insert(*slot, text);
    }

    pub(crate) fn draw(&self, monitor: &Monitor) {
        if !self.live {
            return;
        }
        print!("\x1b[2J\x1b[H");
        println!("slot  process   what was found          (kill -9, -STOP or -CONT a process)");
        for (slot, process) in &self.processes {
            let found = self.found.get(slot).map_or("expected", String::as_str);
            println!("{slot:>4}  {process:>7}   {found}");
        }
        if self.crowd > 0 {
            self.draw_crowd();
        }
        println!(
            "\n{:?}\n{:?}",
            monitor.intake().counters(),
            monitor.sockets().traffic()
        );
    }

    fn draw_crowd(&self) {
        let simulated = |slot: &Slot| !self.processes.contains_key(slot);
        let (well, other): (Vec<_>, Vec<_>) = self
            .found
            .iter()
            .filter(|(slot, _)| simulated(slot))
            .partition(|(_, found)| found.starts_with("alive"));
        println!("{} of {} simulated are alive", well.len(), self.crowd);
        for (slot, found) in other.into_iter().take(MOST) {
            println!("{slot:>4}            {found}");
        }
    }
}
