//! The command line.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use coldspare_examples::asking::{Request, SiteText};
use coldspare_names::{Generation, PersonaName, ServerName};

/// Asks the controller on this machine. Whoever asks is recorded by their user name.
///
/// Exit status: 0 done, 3 refused, 2 bad input or no controller.
#[derive(Debug, Parser)]
#[command(name = "ctl")]
pub(crate) struct Arguments {
    /// The controller's socket.
    #[arg(long, default_value = "/run/coldspare.sock", global = true)]
    pub(crate) socket: PathBuf,
    /// One JSON object on standard output: the whole answer.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How everything is.
    Status,
    /// What a retarget would do: nothing is done.
    Plan {
        /// The persona.
        persona: PersonaName,
        /// The server; the best one if not said.
        #[arg(long)]
        to: Option<ServerName>,
    },
    /// Move a persona to another server, in good order.
    Retarget {
        /// The persona.
        persona: PersonaName,
        /// The server; the best one if not said.
        #[arg(long)]
        to: Option<ServerName>,
    },
    /// Bring a persona up.
    Start {
        /// The persona.
        persona: PersonaName,
        /// The server; the best one if not said.
        #[arg(long)]
        on: Option<ServerName>,
    },
    /// Shut a persona down, and take it from its server.
    Stop {
        /// The persona.
        persona: PersonaName,
    },
    /// Keep a server from being given a persona, or allow it again.
    Maintenance {
        /// Whether it is in maintenance.
        switch: Switch,
        /// The server.
        server: ServerName,
    },
    /// State that something cannot be any more.
    #[command(subcommand)]
    Confirm(Confirm),
    /// Begin nothing new, anywhere; what runs goes on.
    Pause,
    /// Begin again.
    Resume,
    /// Use a changed site. It is on record then, and a restart uses it too.
    Apply {
        /// Only show what would change.
        #[arg(long)]
        show: bool,
        /// The site file.
        site: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Confirm {
    /// A server cannot act as a persona any more: by your word, and on your responsibility.
    Fenced {
        /// The persona.
        persona: PersonaName,
        /// The server.
        server: ServerName,
        /// The generation under which the server holds the persona: see `status`.
        generation: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Arguments {
    /// What to ask.
    pub(crate) fn request(&self) -> Result<Request, String> {
        Ok(match &self.verb {
            Verb::Status => Request::Status,
            Verb::Plan { persona, to } => Request::Plan {
                persona: persona.clone(),
                to: to.clone(),
            },
            Verb::Retarget { persona, to } => Request::Retarget {
                persona: persona.clone(),
                to: to.clone(),
            },
            Verb::Start { persona, on } => Request::Start {
                persona: persona.clone(),
                on: on.clone(),
            },
            Verb::Stop { persona } => Request::Stop {
                persona: persona.clone(),
            },
            Verb::Maintenance { switch, server } => Request::Maintenance {
                server: server.clone(),
                on: *switch == Switch::On,
            },
            Verb::Confirm(Confirm::Fenced {
                persona,
                server,
                generation,
            }) => Request::ConfirmFenced {
                persona: persona.clone(),
                server: server.clone(),
                generation: Generation::new(*generation),
            },
            Verb::Pause => Request::Pause { on: true },
            Verb::Resume => Request::Pause { on: false },
            Verb::Apply { show: true, site } => Request::Compare { site: text(site)? },
            Verb::Apply { show: false, site } => Request::Apply { site: text(site)? },
        })
    }
}

fn text(path: &Path) -> Result<SiteText, String> {
    let file = path.display().to_string();
    match fs::read_to_string(path) {
        Ok(text) => Ok(SiteText { file, text }),
        Err(error) => Err(format!("{file}: it cannot be read: {error}")),
    }
}
