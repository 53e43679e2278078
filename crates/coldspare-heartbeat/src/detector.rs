//! The detector: servers in, findings out.

use coldspare_names::Time;

use crate::{Beat, Enrolment, Error, Finding, Heard, Path, Profile, Slot, Testimony, Verdict};

/// Watches servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Detector {
    profile: Profile,
}

impl Detector {
    /// A detector that watches nobody yet.
    pub fn new(profile: Profile, _now: Time) -> Result<Self, Error> {
        profile.check()?;
        Ok(Self { profile })
    }

    /// The limits by which it judges.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Watches a server from now on, anew if it was watched before.
    pub fn enrol(&mut self, _slot: Slot, _enrolment: &Enrolment, _now: Time) {}

    /// Watches it no longer; its slot is free.
    pub fn withdraw(&mut self, _slot: Slot) {}

    /// Judges it no longer (or again) while people work on it; its heartbeats are still taken.
    pub fn maintenance(&mut self, _slot: Slot, _on: bool, _now: Time) {}

    /// Takes a heartbeat, in constant time.
    pub fn heard(&mut self, _slot: Slot, _path: Path, _beat: &Beat, _now: Time) -> Heard {
        Heard::Accepted
    }

    /// Takes an answer to a question.
    pub fn testify(&mut self, _slot: Slot, _testimony: Testimony, _now: Time) {}

    /// Takes note of the monitor's own link of a path.
    pub fn own_link(&mut self, _path: Path, _up: bool, _now: Time) {}

    /// Judges: everything found since the last call.
    pub fn poll(&mut self, _now: Time) -> Vec<Finding> {
        Vec::new()
    }

    /// When [`Detector::poll`] wants to be called next at the latest.
    pub fn deadline(&self) -> Option<Time> {
        None
    }

    /// The verdict that stands about a server.
    pub fn verdict(&self, _slot: Slot) -> Option<&Verdict> {
        None
    }
}
