//! One writer a volume: nobody else can write it, and nothing of an older generation landed on it
//! after the first of a newer one.

use coldspare_names::VolumeId;
use coldspare_sim::Truth;

use crate::{Invariant, Run};

pub(crate) struct OneWriter;

impl Invariant for OneWriter {
    fn name(&self) -> &'static str {
        "one writer a volume"
    }

    fn look(&mut self, truth: &Truth<'_>) -> Option<String> {
        truth
            .site()
            .owners()
            .into_iter()
            .find_map(|(volume, owner)| {
                let writers = truth.writers(&volume);
                let stranger = writers.iter().any(|writer| writer.persona != owner);
                (stranger || writers.len() > 1).then(|| format!("{writers:?} could write {volume}"))
            })
    }

    fn look_back(&mut self, _: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        truth
            .site()
            .owners()
            .into_keys()
            .find_map(|volume| late_write(truth, &volume))
    }
}

/// Writings stand in the order in which their first byte landed.
fn late_write(truth: &Truth<'_>, volume: &VolumeId) -> Option<String> {
    let writings = truth.writings(volume);
    writings.iter().enumerate().find_map(|(index, newer)| {
        let late = writings[..index]
            .iter()
            .find(|older| older.generation < newer.generation && older.last > newer.first)?;
        Some(format!("{late:?} wrote {volume} after {newer:?} had begun"))
    })
}
