//! No generation goes back: neither a volume's stamp, nor the generation that it admits, nor the
//! one under which a persona wakes up.

use std::collections::BTreeMap;

use coldspare_names::{Generation, PersonaName, VolumeId};
use coldspare_sim::Truth;

use crate::{Invariant, Run};

#[derive(Default)]
pub(crate) struct Generations {
    stamps: BTreeMap<VolumeId, Generation>,
    admitted: BTreeMap<VolumeId, Generation>,
    /// The latest boot of each persona that has its disks, and its generation.
    woken: BTreeMap<PersonaName, (u64, Generation)>,
}

impl Invariant for Generations {
    fn name(&self) -> &'static str {
        "no generation goes back"
    }

    fn look(&mut self, truth: &Truth<'_>) -> Option<String> {
        for (volume, admissions) in truth.admissions() {
            let stamp = self.stamps.entry(volume.clone()).or_default();
            if admissions.stamp < *stamp {
                return Some(format!(
                    "the stamp of {volume} went from {stamp} to {}",
                    admissions.stamp
                ));
            }
            *stamp = admissions.stamp;
            let Some(newest) = admissions.admitted.iter().map(|it| it.generation).max() else {
                continue;
            };
            let before = self.admitted.entry(volume.clone()).or_default();
            if newest < *before {
                return Some(format!("{volume} admits {newest} after {before}"));
            }
            *before = newest;
        }
        for (server, worn) in truth.worn().into_iter().filter(|(_, worn)| worn.up) {
            let woken = self.woken.entry(worn.persona.clone()).or_default();
            if worn.boot > woken.0 {
                if worn.generation < woken.1 {
                    return Some(format!(
                        "{} woke on {server} under {} after {}",
                        worn.persona, worn.generation, woken.1
                    ));
                }
                *woken = (worn.boot, worn.generation);
            }
        }
        None
    }

    fn look_back(&mut self, _: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        self.look(truth)
    }
}
