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
    /// The persona's image. Only the laboratory itself says so, to itself inside its walls.
    #[arg(long, hide = true)]
    pub(crate) inside: Option<PathBuf>,
}

/// A scenario, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Every scenario.
    All,
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
    /// The persona is moved, and moved back.
    Move,
}

impl Choice {
    /// The scenarios that are chosen, each alone.
    pub(crate) fn each(self) -> Vec<Self> {
        match self {
            Self::All => Self::value_variants()
                .iter()
                .copied()
                .filter(|one| *one != Self::All)
                .collect(),
            one => vec![one],
        }
    }

    /// Its name, as it is typed.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
