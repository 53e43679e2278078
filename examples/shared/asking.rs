//! How people on a controller's machine ask it: over a Unix socket, a JSON object a line, one answer
//! to each request, in order.
//!
//! Who asks is not said: the controller knows the user behind the socket from the kernel.

use std::io;

use coldspare::Reply;
use coldspare::command::Verb;
use coldspare::site::{Indivisible, Site, SiteErrors};
use coldspare_names::{Generation, PersonaName, PoolName, ServerName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::net::UnixStream;

/// The longest line, in bytes: the longest site file fits, whatever of it has to be escaped.
pub const LONGEST: u64 = 40 << 20;

/// What is asked: the verbs of the controller, as they cross the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// See [`Verb::Status`].
    Status,
    /// See [`Verb::Plan`].
    Plan {
        /// The persona.
        persona: PersonaName,
        /// Where to.
        to: Option<ServerName>,
    },
    /// See [`Verb::Retarget`].
    Retarget {
        /// The persona.
        persona: PersonaName,
        /// Where to.
        to: Option<ServerName>,
    },
    /// See [`Verb::Start`].
    Start {
        /// The persona.
        persona: PersonaName,
        /// Where.
        on: Option<ServerName>,
    },
    /// See [`Verb::Stop`].
    Stop {
        /// The persona.
        persona: PersonaName,
    },
    /// See [`Verb::Maintenance`].
    Maintenance {
        /// The server.
        server: ServerName,
        /// Whether it is in maintenance.
        on: bool,
    },
    /// See [`Verb::ConfirmFenced`].
    ConfirmFenced {
        /// The persona.
        persona: PersonaName,
        /// The server.
        server: ServerName,
        /// Under which generation it holds the persona.
        generation: Generation,
    },
    /// See [`Verb::Pause`].
    Pause {
        /// Whether to pause.
        on: bool,
    },
    /// See [`Verb::Compare`].
    Compare {
        /// The other site.
        site: SiteText,
    },
    /// See [`Verb::Apply`].
    Apply {
        /// The new site.
        site: SiteText,
    },
}

/// A site file as it stands. It crosses as text, so that whoever uses it has read and checked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteText {
    /// What errors call it.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// Why a request's site cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSite {
    /// It is none.
    #[error(transparent)]
    Text(#[from] SiteErrors),
    /// The controller's pool cannot be looked after alone.
    #[error(transparent)]
    Part(#[from] Indivisible),
}

impl Request {
    /// What the controller is to do; one that looks after one pool only takes that pool of a site.
    pub fn verb(self, pool: Option<&PoolName>) -> Result<Verb, BadSite> {
        let read = |site: SiteText| -> Result<_, BadSite> {
            let site = Site::parse(&site.text, &site.file)?;
            let site = match pool {
                Some(pool) => site.of_pool(pool)?,
                None => site,
            };
            Ok(Box::new(site))
        };
        Ok(match self {
            Self::Status => Verb::Status,
            Self::Plan { persona, to } => Verb::Plan { persona, to },
            Self::Retarget { persona, to } => Verb::Retarget { persona, to },
            Self::Start { persona, on } => Verb::Start { persona, on },
            Self::Stop { persona } => Verb::Stop { persona },
            Self::Maintenance { server, on } => Verb::Maintenance { server, on },
            Self::ConfirmFenced {
                persona,
                server,
                generation,
            } => Verb::ConfirmFenced {
                persona,
                server,
                generation,
            },
            Self::Pause { on } => Verb::Pause { on },
            Self::Compare { site } => Verb::Compare { site: read(site)? },
            Self::Apply { site } => Verb::Apply { site: read(site)? },
        })
    }
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What the controller says to it.
    Reply(Reply),
    /// It was not one that can be put to a controller, and why.
    Bad(String),
    /// The controller stops. What was asked may have been recorded; the next start shows it.
    Stopping,
}

/// Why a line is none that was expected.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    /// It is too long, or ends in its middle. What follows cannot be told apart from it.
    #[error("a line is longer than {} MiB, or has no end", LONGEST >> 20)]
    Endless,
    /// It is something else. The next line may be good.
    #[error("not understood: {0}")]
    Other(serde_json::Error),
}

/// Asks a controller, and waits for the answer; [`Answer::Stopping`]: it went away meanwhile.
pub async fn exchange(mut stream: UnixStream, request: &Request) -> Result<Answer, Unreadable> {
    send(&mut stream, request).await?;
    let answer = receive(&mut BufReader::new(stream)).await?;
    Ok(answer.unwrap_or(Answer::Stopping))
}

/// Sends a request or an answer.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// Waits for a request or an answer; `None`: there is none any more.
pub async fn receive<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> Result<Option<T>, Unreadable> {
    let mut line = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut line).await?;
    match line.split_last() {
        None => Ok(None),
        Some((b'\n', line)) => serde_json::from_slice(line)
            .map(Some)
            .map_err(Unreadable::Other),
        Some(_) => Err(Unreadable::Endless),
    }
}

#[cfg(test)]
mod tests;
