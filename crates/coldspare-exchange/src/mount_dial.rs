//! How many logs may be missing when a copy is mounted.

use serde::{Deserialize, Serialize};

/// `AutoDatabaseMountDial` of a server.
///
/// Source: Microsoft's page on Active Manager.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum MountDial {
    /// No log may be missing.
    Lossless,
    /// At most 6: what a server has unless set.
    #[default]
    GoodAvailability,
    /// At most 12.
    BestAvailability,
}

impl MountDial {
    /// How many logs may be missing.
    pub const fn allowed_loss(self) -> u64 {
        match self {
            Self::Lossless => 0,
            Self::GoodAvailability => 6,
            Self::BestAvailability => 12,
        }
    }
}

/// `MountDialOverride` of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DialOverride {
    /// This dial.
    Dial(MountDial),
    /// Any number may be missing.
    BestEffort,
    /// `None` in the shell: the dial of the server that takes over.
    OfServer,
}

/// A move that says nothing is lossless.
impl Default for DialOverride {
    fn default() -> Self {
        Self::Dial(MountDial::Lossless)
    }
}

impl DialOverride {
    /// How many logs may be missing on a server with that dial of its own; `None` is any number.
    pub const fn allowed_loss(self, of_server: MountDial) -> Option<u64> {
        match self {
            Self::Dial(dial) => Some(dial.allowed_loss()),
            Self::BestEffort => None,
            Self::OfServer => Some(of_server.allowed_loss()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value · logs that may be missing · may a server have it, transcribed by hand.
    const TABLE: [(&str, Option<u64>, bool); 4] = [
        ("Lossless", Some(0), true),
        ("GoodAvailability", Some(6), true),
        ("BestAvailability", Some(12), true),
        ("BestEffort", None, false),
    ];

    #[test]
    fn each_dial_allows_what_the_table_says() {
        for (name, loss, of_server) in TABLE {
            let dial = serde_json::from_str::<MountDial>(&format!("\"{name}\""));
            assert_eq!(dial.is_ok(), of_server, "{name}");
            let asked = dial.map_or(DialOverride::BestEffort, DialOverride::Dial);
            assert_eq!(asked.allowed_loss(MountDial::Lossless), loss, "{name}");
        }
        let of_server = DialOverride::OfServer.allowed_loss(MountDial::BestAvailability);
        assert_eq!(of_server, Some(12), "the server's own dial");
        assert_eq!(MountDial::default(), MountDial::GoodAvailability);
        let unsaid = DialOverride::default().allowed_loss(MountDial::BestAvailability);
        assert_eq!(unsaid, Some(0), "a move that says nothing is lossless");
    }
}
