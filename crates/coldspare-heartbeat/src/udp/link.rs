//! The monitor's own links.

use std::path::PathBuf;

/// A network interface whose carrier is looked at.
#[derive(Debug)]
pub(super) struct Link {
    carrier: PathBuf,
}

impl Link {
    pub(super) fn of(interface: &str) -> Self {
        Self {
            carrier: PathBuf::from("/sys/class/net")
                .join(interface)
                .join("carrier"),
        }
    }

    /// Whether it has a carrier. One that is down, or is not there, has none.
    pub(super) fn is_up(&self) -> bool {
        std::fs::read(&self.carrier).is_ok_and(|text| text.starts_with(b"1"))
    }
}
