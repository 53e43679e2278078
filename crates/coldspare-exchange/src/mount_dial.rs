//! How many logs may be missing when a copy is mounted.

use serde::{Deserialize, Serialize};

/// `AutoDatabaseMountDial` of a server, or what a move asks for instead.
///
/// Source: Microsoft's page on Active Manager.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum MountDial {
    /// None.
    Lossless,
    /// At most 6: what a server has unless set.
    #[default]
    GoodAvailability,
    /// At most 12.
    BestAvailability,
    /// Any number. Only for a move, never for a server.
    BestEffort,
}

impl MountDial {
    /// How many logs may be missing; `None` is any number.
    pub const fn allowed_loss(self) -> Option<u64> {
        match self {
            Self::Lossless => Some(0),
            Self::GoodAvailability => Some(6),
            Self::BestAvailability => Some(12),
            Self::BestEffort => None,
        }
    }

    /// Whether a copy that lacks so many logs may be mounted.
    pub fn allows(self, missing: u64) -> bool {
        self.allowed_loss().is_none_or(|allowed| missing <= allowed)
    }
}

/// `MountDialOverride` of a move.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum DialOverride {
    /// This dial. A move that says nothing is lossless.
    Dial(MountDial),
    /// `None` in the shell: the dial of the server that takes over.
    #[default]
    OfServer,
}

impl DialOverride {
    /// The dial in force on a server with that dial of its own.
    pub const fn resolve(self, of_server: MountDial) -> MountDial {
        match self {
            Self::Dial(dial) => dial,
            Self::OfServer => of_server,
        }
    }
}
