//! The monitor's own links.

use std::path::PathBuf;

/// A network interface whose carrier is looked at.
#[derive(Debug)]
pub(super) struct Link {
    carrier: PathBuf,
    /// Whether it was up when it was looked at last.
    was_up: Option<bool>,
}

impl Link {
    pub(super) fn of(interface: &str) -> Self {
        Self {
            carrier: PathBuf::from("/sys/class/net")
                .join(interface)
                .join("carrier"),
            was_up: None,
        }
    }

    /// Whether it has a carrier, if that is not known yet. One that is down, or is not there, has
    /// none.
    pub(super) fn news(&mut self) -> Option<bool> {
        let is_up = std::fs::read(&self.carrier).is_ok_and(|text| text.starts_with(b"1"));
        (self.was_up.replace(is_up) != Some(is_up)).then_some(is_up)
    }
}
