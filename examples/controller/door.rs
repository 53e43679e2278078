//! The socket at which operators ask. Only its owner and root can open it, and who they are is
//! known from the kernel.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coldspare::command::{Actor, Command, Verb};
use coldspare::{Handle, Reply};
use coldspare_examples::asking::{Answer, Request, Unreadable, receive, send};
use coldspare_names::PoolName;
use nix::unistd::{Uid, User};
use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use crate::{Failure, turns};

/// So many may be connected. Others wait.
const ROOM: usize = 64;

/// Who answers at the door.
#[derive(Debug, Clone)]
pub(crate) enum Host {
    /// The controller that looks after the site.
    Leads {
        /// The way in to it.
        controller: Handle,
        /// The one pool that it looks after, if it is one.
        pool: Option<PoolName>,
        /// What its lease lasts, if it is one of several.
        lease: Option<Duration>,
    },
    /// One that only waits for its turn.
    Follows {
        /// What it says of who leads.
        leader: String,
    },
}

/// A socket that is open. Clones are the same; the last one takes it away.
#[derive(Debug, Clone)]
pub(crate) struct Door(Arc<Socket>);

#[derive(Debug)]
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already: then somebody else has taken its place away.
        let _ = fs::remove_file(&self.path);
    }
}

impl Door {
    /// Opens the socket, also where one was left behind by a controller that was killed.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| format!("socket {}: {error}", path.display());
        remains(path)?;
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(format!("socket {}: another controller answers", path.display()).into());
        }
        // It gets its name only once nobody else can open it.
        let mut unnamed = path.as_os_str().to_owned();
        unnamed.push(".new");
        let unnamed = PathBuf::from(unnamed);
        if remains(&unnamed)? {
            fs::remove_file(&unnamed).map_err(failed)?;
        }
        let listener = UnixListener::bind(&unnamed).map_err(failed)?;
        fs::set_permissions(&unnamed, Permissions::from_mode(0o600)).map_err(failed)?;
        fs::rename(&unnamed, path).map_err(failed)?;
        Ok(Self(Arc::new(Socket {
            listener,
            path: path.to_owned(),
        })))
    }

    /// Lets in whoever asks, until the host has ended and everybody has an answer.
    pub(crate) async fn serve(self, host: Host, ended: watch::Receiver<bool>) {
        let mut over = ended.clone();
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                () = is_over(&mut over) => break,
                Some(_) = visits.join_next() => {}
                accepted = self.0.listener.accept(), if visits.len() < ROOM => match accepted {
                    Ok((visitor, _)) => {
                        visits.spawn(visit(visitor, host.clone(), ended.clone()));
                    }
                    // Out of descriptors, say: that passes.
                    Err(error) => {
                        tracing::warn!(%error, "nobody can ask");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        while visits.join_next().await.is_some() {}
    }
}

/// Whether a socket is left there; it may be taken away, and nothing else may.
fn remains(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(format!("socket {}: what is there is not a socket", path.display()).into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("socket {}: {error}", path.display()).into()),
    }
}

async fn is_over(ended: &mut watch::Receiver<bool>) {
    // Whoever could say so is gone: that says it too.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Answers one visitor's requests, one after the other.
async fn visit(mut visitor: UnixStream, host: Host, mut ended: watch::Receiver<bool>) {
    let Ok(credentials) = visitor.peer_cred() else {
        return;
    };
    let actor = Actor::Person(name_of(credentials.uid()));
    let (from, mut to) = visitor.split();
    let mut from = BufReader::new(from);
    loop {
        let request = tokio::select! {
            biased;
            request = receive::<Request>(&mut from) => request,
            () = is_over(&mut ended) => return,
        };
        let goes_on = !matches!(request, Err(Unreadable::Endless | Unreadable::Broken(_)));
        let answer = match request {
            Ok(None) => return,
            Ok(Some(request)) => ask(&host, &actor, request).await,
            Err(unreadable) => Answer::Bad(unreadable.to_string()),
        };
        if send(&mut to, &answer).await.is_err() || !goes_on {
            return;
        }
    }
}

async fn ask(host: &Host, actor: &Actor, request: Request) -> Answer {
    let (controller, pool, lease) = match host {
        Host::Leads {
            controller,
            pool,
            lease,
        } => (controller, pool.clone(), *lease),
        Host::Follows { leader } => {
            return Answer::Reply(Reply::Refused(format!("this controller follows: {leader}")));
        }
    };
    // A large site takes seconds to read, in which heartbeats are to be heard.
    let verb = match spawn_blocking(move || request.verb(pool.as_ref())).await {
        Ok(Ok(verb)) => verb,
        Ok(Err(bad)) => return Answer::Bad(bad.to_string()),
        Err(broke_off) => return Answer::Bad(broke_off.to_string()),
    };
    // Once on record, it would keep whoever leads from giving anything.
    if let Verb::Compare { site } | Verb::Apply { site } = &verb
        && let Err(reason) = turns::check(lease, site)
    {
        return Answer::Reply(Reply::Refused(reason));
    }
    let word = verb.word();
    let actor = actor.clone();
    let asked_by = actor.to_string();
    let reply = controller.ask(Command { actor, verb }).await;
    let outcome = match &reply {
        None => "the controller stops",
        Some(Reply::Accepted(_)) => "accepted",
        Some(Reply::AlreadySo) => "already so",
        Some(Reply::Refused(_)) => "refused",
        Some(Reply::Status(_) | Reply::Preview(_) | Reply::Difference(_)) => "told",
    };
    tracing::info!(verb = word, actor = asked_by, outcome, "asked");
    reply.map_or(Answer::Stopping, Answer::Reply)
}

/// The user's name, or number if there is no such user here any more.
fn name_of(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("user {uid}"), |user| user.name)
}
