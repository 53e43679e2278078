//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The paper's failover on real parts: three servers (QEMU) with management controllers (IPMI), a
/// managed switch (Open vSwitch), an iSCSI target (tgt), the controller, and an agent in a persona
/// that boots over iSCSI. Exit status: 0 all as told, 3 not, 2 it could not be tried.
#[derive(Debug, Parser)]
#[command(name = "lab")]
pub(crate) struct Arguments {
    /// What happens; `all`: everything, one after the other.
    #[arg(long, value_enum, default_value = "power")]
    pub(crate) scenario: Choice,
    /// One JSON object a line on standard output, and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the logs of all parts, also when all went well.
    #[arg(long)]
    pub(crate) keep: bool,
    /// How often; more than once, the spread of each term follows.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) times: u16,
    #[command(flatten)]
    pub(crate) inside: Option<Inside>,
}

/// What the laboratory says to itself, inside its walls.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Inside {
    /// The persona's image.
    #[arg(long = "inside", hide = true, required = false)]
    pub(crate) image: PathBuf,
    /// Where to report.
    #[arg(long, hide = true, required = false)]
    pub(crate) report: PathBuf,
    /// The controller's program, for scenarios in which it is a process of its own.
    #[arg(long, hide = true)]
    pub(crate) daemon: Option<PathBuf>,
    /// How long the bare boot took, in milliseconds, for scenarios that are compared to it.
    #[arg(long, hide = true)]
    pub(crate) bare: Option<u64>,
}

/// A scenario, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Every scenario.
    All,
    /// None: the persona's guest is booted without a controller, to compare with. The other
    /// scenarios do that before, where it says something.
    Bare,
    /// The button of the persona's server is held.
    Power,
    /// The persona's server freezes, and its controller is slow to turn it off.
    Frozen,
    /// The persona's server hangs and its controller is dead; later the server thaws.
    Feed,
    /// The persona's server and its controller lose power, and have it again while the spare boots.
    Return,
    /// The first spare does not boot.
    BadSpare,
    /// The agent is killed; the persona goes on writing.
    Agent,
    /// The agent is killed, and started again.
    Restart,
    /// Two cables of the persona's server are pulled, and plugged in again.
    Cables,
    /// The persona's server loses its way to the SAN; its agent lives.
    Disk,
    /// The persona is moved, and moved back.
    Move,
    /// The controller is killed in every stage of a failover, and started again.
    Controller,
    /// The controller is killed in mid-failover, and another one takes over.
    Follower,
    /// The laboratory itself panics: its own test asks for it.
    #[value(hide = true)]
    Panic,
}

impl Choice {
    /// The scenarios that are chosen, each alone.
    pub(crate) fn each(self) -> Vec<Self> {
        match self {
            Self::All => Self::value_variants()
                .iter()
                .copied()
                .filter(|one| !matches!(one, Self::All | Self::Bare | Self::Panic))
                .collect(),
            one => vec![one],
        }
    }

    /// Whether it is one failover, which is compared to a bare boot.
    pub(crate) fn is_compared(self) -> bool {
        matches!(self, Self::Power | Self::Frozen | Self::Feed | Self::Return)
    }

    /// Whether the controller is a process of its own, which can be killed.
    pub(crate) fn has_daemons(self) -> bool {
        matches!(self, Self::Controller | Self::Follower)
    }

    /// Its name, as it is typed.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
