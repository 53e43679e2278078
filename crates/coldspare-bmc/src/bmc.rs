//! The seam: one machine's management controller.

use std::fmt;

use async_trait::async_trait;
use coldspare_names::ServerName;
use serde::{Deserialize, Serialize};

use crate::{ArmedBoot, BootSource, Inventory, PowerCommand, Reading, RestorePolicy};

/// One machine's management controller. A handle is one controller.
///
/// Every verb sets a whole value and may be repeated. That it succeeded says only that the
/// controller took it: what counts is what is read afterwards, and [`prove_off`](crate::prove_off),
/// [`disarm`](crate::disarm), [`arm`](crate::arm) and [`power_on`](crate::power_on) do that reading.
/// They also look at the identity first: an implementation sends what it is told to whatever
/// answers at its address.
///
/// Every call ends within a limit of the implementation's own; one that is dropped half-way may
/// still take effect.
#[async_trait]
pub trait Bmc: fmt::Debug + Send + Sync {
    /// Identity and power, over one connection. A controller that does not answer, or says
    /// something unreadable, is an error and never [`Off`](crate::PowerState::Off).
    async fn read(&self) -> Result<Reading, Error>;

    /// Asks for a change of power. A machine that already is what is asked for stays so, whether
    /// the controller calls that a success or, as several makers do, an error.
    async fn set_power(&self, command: PowerCommand) -> Result<(), Error>;

    /// What the machine will do when it is turned on or its mains return.
    async fn settings(&self) -> Result<Settings, Error>;

    /// Replaces all that the machine remembers about what to boot, an older secret included.
    /// A source without a portal is refused.
    async fn set_boot(&self, source: &BootSource) -> Result<(), Error>;

    /// Replaces what the machine does when its mains return. A policy that the controller cannot
    /// set is [`Error::Unsupported`] and changes nothing; the one that it reads is no such policy.
    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error>;

    /// What the machine is made of.
    async fn inventory(&self) -> Result<Inventory, Error>;
}

/// What a machine will do by itself, read back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What it boots. `None`: this controller has no iSCSI boot settings (IPMI has none), and
    /// setting them is [`Error::Unsupported`].
    pub boot: Option<ArmedBoot>,
    /// What it does when its mains return. `None`: this controller has no such setting, or does
    /// not know.
    pub restore: Option<RestorePolicy>,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.boot {
            None => f.write_str("no boot settings"),
            Some(ArmedBoot::Nothing) => f.write_str("boots nothing"),
            Some(ArmedBoot::Iscsi(boot)) => {
                write!(f, "boots {} as {}", boot.target, boot.initiator)?;
                boot.chap_user
                    .as_ref()
                    .map_or(Ok(()), |user| write!(f, " (CHAP user {user})"))
            }
        }?;
        f.write_str(match self.restore {
            None => ", no restore policy",
            Some(RestorePolicy::AlwaysOff) => ", stays off when its mains return",
            Some(RestorePolicy::LastState) => ", is what it was when its mains return",
            Some(RestorePolicy::AlwaysOn) => ", starts when its mains return",
        })
    }
}

/// Why a controller did not do or tell what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing came back within the time limit, or no connection came about. Whatever was asked
    /// may still happen.
    #[error("the management controller of {server} does not answer")]
    NoAnswer {
        /// Whose controller.
        server: ServerName,
        /// What the transport says.
        source: Option<Cause>,
    },
    /// It does not know our user, or the user may not do this.
    #[error("the management controller of {server} does not accept its user")]
    Denied {
        /// Whose controller.
        server: ServerName,
        /// What the transport says.
        source: Option<Cause>,
    },
    /// It answered that it will not.
    #[error("the management controller of {server} refuses to {request}: {reason}")]
    Refused {
        /// Whose controller.
        server: ServerName,
        /// What was asked, in words: "power off".
        request: String,
        /// The controller's own words.
        reason: String,
        /// Whether the same may succeed later (busy, in its self-test, a job pending).
        retry: bool,
    },
    /// It has no such setting.
    #[error("the management controller of {server} has no {setting}")]
    Unsupported {
        /// Whose controller.
        server: ServerName,
        /// What it lacks, in words: "iSCSI boot settings".
        setting: &'static str,
    },
    /// The program that speaks to it is not there, or does not run here.
    #[error("{tool}, which speaks to the management controller of {server}, cannot be run")]
    NoTool {
        /// Whose controller.
        server: ServerName,
        /// Which program.
        tool: &'static str,
        /// What the operating system says.
        source: Option<Cause>,
    },
    /// It answered something that cannot be read, or not safely.
    #[error("the management controller of {server} answers what cannot be read: {reason}")]
    Unreadable {
        /// Whose controller.
        server: ServerName,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// What an adapter's transport says about a failure.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether the same call may succeed later, without anybody changing anything.
    pub const fn may_retry(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused { retry, .. } => *retry,
            Self::Denied { .. }
            | Self::Unsupported { .. }
            | Self::NoTool { .. }
            | Self::Unreadable { .. } => false,
        }
    }
}
