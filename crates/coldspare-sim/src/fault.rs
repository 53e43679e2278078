//! What can break, as data.

use std::fmt;
use std::time::Duration;

use coldspare::{Event, What};
use coldspare_exchange::{DatabaseName, MemberName};
use coldspare_names::{ArrayName, Channel, ServerName, SwitchName, Time};
use coldspare_persona::Label;
use serde::Serialize;

/// Something that happens to the data centre at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// When.
    pub at: Time,
    /// What.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How long it lasts; none: until somebody repairs it.
    #[serde(rename = "for")]
    pub lasts: Option<Duration>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum FaultKind {
    /// A server's power supplies fail, or somebody holds its button: it is off and stays off,
    /// while its management controller lives on standby power.
    PowerLoss {
        /// The server.
        server: ServerName,
    },
    /// A server has power again, and follows its restore policy.
    PowerReturn {
        /// The server.
        server: ServerName,
    },
    /// A feed is lost: servers *and* their management controllers.
    FeedLoss {
        /// The name of the feed, as in the servers' `domains`.
        feed: Label,
    },
    /// A management controller does not answer.
    BmcLoss {
        /// Whose.
        server: ServerName,
    },
    /// A management controller says one thing, whatever is true.
    BmcLies {
        /// Whose.
        server: ServerName,
        /// What it says.
        reads: Reads,
    },
    /// A NIC is dead.
    NicLoss {
        /// The server.
        server: ServerName,
        /// Its channel.
        channel: Channel,
    },
    /// A cable is out.
    CableLoss {
        /// The server.
        server: ServerName,
        /// Its channel.
        channel: Channel,
    },
    /// A switch has no power.
    SwitchLoss {
        /// The switch.
        switch: SwitchName,
    },
    /// The controller is cut off: it hears nobody and reaches nothing.
    ControllerLinkLoss,
    /// A SAN port is dead.
    SanPortLoss {
        /// The server.
        server: ServerName,
        /// Which of its ports, in the order of the site file, from 1.
        port: usize,
    },
    /// All SAN ports of a server are dead.
    SanLoss {
        /// The server.
        server: ServerName,
    },
    /// An array is gone, with all its volumes.
    ArrayLoss {
        /// The array.
        array: ArrayName,
    },
    /// The agent on a server hangs; everything else goes on.
    AgentHang {
        /// The server.
        server: ServerName,
    },
    /// A server does nothing at all until it thaws, and then goes on as if nothing had happened.
    ServerFreeze {
        /// The server.
        server: ServerName,
    },
    /// A server does not get through its self-test any more.
    BootFailure {
        /// The server.
        server: ServerName,
    },
    /// The files of a database copy are damaged.
    VolumeDamage {
        /// The database.
        database: DatabaseName,
        /// Where its copy is.
        member: MemberName,
    },
    /// Somebody stops the Exchange services of a member.
    MemberServicesStop {
        /// The member.
        member: MemberName,
    },
    /// The controller dies, with every call that it has under way; another one starts from the
    /// store.
    ControllerCrash,
    /// The controller's store cannot be reached.
    StoreLoss,
    /// The store does what it is asked, and its answers are lost.
    StoreSilence,
    /// Somebody makes the hardware of a server whole again.
    Repair {
        /// The server.
        server: ServerName,
    },
}

/// What a lying management controller reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// On.
    On,
    /// Off.
    Off,
}

impl FaultKind {
    /// Its word in a scenario file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::PowerLoss { .. } => "power-loss",
            Self::PowerReturn { .. } => "power-return",
            Self::FeedLoss { .. } => "feed-loss",
            Self::BmcLoss { .. } => "bmc-loss",
            Self::BmcLies { .. } => "bmc-lies",
            Self::NicLoss { .. } => "nic-loss",
            Self::CableLoss { .. } => "cable-loss",
            Self::SwitchLoss { .. } => "switch-loss",
            Self::ControllerLinkLoss => "controller-link-loss",
            Self::SanPortLoss { .. } => "san-port-loss",
            Self::SanLoss { .. } => "san-loss",
            Self::ArrayLoss { .. } => "array-loss",
            Self::AgentHang { .. } => "agent-hang",
            Self::ServerFreeze { .. } => "server-freeze",
            Self::BootFailure { .. } => "boot-failure",
            Self::VolumeDamage { .. } => "volume-damage",
            Self::MemberServicesStop { .. } => "member-services-stop",
            Self::ControllerCrash => "controller-crash",
            Self::StoreLoss => "store-loss",
            Self::StoreSilence => "store-silence",
            Self::Repair { .. } => "repair",
        }
    }

    /// Whether it can be over by itself.
    pub fn can_end(&self) -> bool {
        !matches!(
            self,
            Self::PowerReturn { .. }
                | Self::VolumeDamage { .. }
                | Self::ControllerCrash
                | Self::Repair { .. }
        )
    }

    /// What is told when it begins, or ends.
    pub(crate) fn told(&self, status: &str) -> Event {
        let event = Event::new(What::Fault).status(status).because(self);
        match self {
            Self::PowerLoss { server }
            | Self::PowerReturn { server }
            | Self::BmcLoss { server }
            | Self::BmcLies { server, .. }
            | Self::SanPortLoss { server, .. }
            | Self::SanLoss { server }
            | Self::AgentHang { server }
            | Self::ServerFreeze { server }
            | Self::BootFailure { server }
            | Self::Repair { server } => event.server(server),
            Self::NicLoss { server, channel } | Self::CableLoss { server, channel } => {
                event.server(server).channel(channel)
            }
            Self::SwitchLoss { switch } => event.switch(switch),
            Self::ArrayLoss { array } => event.array(array),
            Self::VolumeDamage { database, member } => event.database(database).member(member),
            Self::MemberServicesStop { member } => event.member(member),
            Self::FeedLoss { .. }
            | Self::ControllerLinkLoss
            | Self::ControllerCrash
            | Self::StoreLoss
            | Self::StoreSilence => event,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::FeedLoss { feed } => write!(f, ": feed {feed}"),
            Self::BmcLies {
                reads: Reads::On, ..
            } => f.write_str(": it reads on"),
            Self::BmcLies {
                reads: Reads::Off, ..
            } => f.write_str(": it reads off"),
            Self::SanPortLoss { port, .. } => write!(f, ": port {port}"),
            _ => Ok(()),
        }
    }
}
