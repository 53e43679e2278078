//! The nodes of a cluster: one is asked, and another when it does not answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, KvClient, WatchClient};
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::Failure;
use crate::{Cause, Error};

/// How long a call may take in all: longer than etcd needs to elect a leader.
const LIMIT: Duration = Duration::from_secs(6);
/// How long one node may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long to wait before asking again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// How often a silent connection is tried, which etcd allows every 5 s, and how long it may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(6), PATIENCE);
/// The largest answer: whatever a cluster holds.
const LARGEST: usize = i32::MAX as usize;

/// Whether a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Done twice is as if done once.
    Always,
    /// Only if it is certain that it was not done.
    IfNothingHappened,
}

/// The nodes of a cluster. Cheap to clone.
#[derive(Clone)]
pub(super) struct Nodes {
    name: String,
    clients: Arc<[Client]>,
    /// Which to ask: the number of changes so far, to be taken modulo the number of nodes.
    turn: Arc<AtomicUsize>,
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nodes").field(&self.name).finish()
    }
}

impl Nodes {
    pub(super) async fn new(endpoints: &[impl AsRef<str>]) -> Result<Self, Error> {
        let endpoints: Vec<&str> = endpoints.iter().map(AsRef::as_ref).collect();
        let name = format!("etcd:{}", endpoints.join(","));
        let unreachable = |source: Cause| Error::Unreachable {
            store: name.clone(),
            source: Some(source),
        };
        let mut clients = Vec::new();
        for endpoint in &endpoints {
            // Nothing is sent yet; a client of its own for each, so that it is known who is asked.
            let client = Client::connect([endpoint], Some(options())).await;
            clients.push(client.map_err(|error| unreachable(error.into()))?);
        }
        if clients.is_empty() {
            return Err(unreachable("no endpoint is given".into()));
        }
        Ok(Self {
            name,
            clients: clients.into(),
            turn: Arc::default(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whom to ask.
    pub(super) fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    /// Whoever's turn that was, asks the next one from now on.
    pub(super) fn pass_over(&self, turn: usize) {
        // Another call has passed over it already.
        let _ = self.turn.compare_exchange(
            turn,
            turn.wrapping_add(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Asks node after node until one answers.
    pub(super) async fn ask<T, F>(
        &self,
        again: Again,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        let end = now() + LIMIT;
        loop {
            let turn = self.turn();
            let client = self.clients[turn % self.clients.len()].clone();
            let failure = match timeout_at(end.min(now() + PATIENCE), call(client)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Failure::of(&self.name, error),
                Err(_) => Failure::silence(),
            };
            self.pass_over(turn);
            let store = self.name.clone();
            let cause = match failure {
                Failure::Refused(error) => return Err(error),
                Failure::Unknown(cause) if again == Again::IfNothingHappened => {
                    return Err(Error::Unanswered {
                        store,
                        source: Some(cause),
                    });
                }
                Failure::Unknown(cause) | Failure::Nothing(cause) => cause,
            };
            if now() + PAUSE >= end {
                return Err(Error::Unreachable {
                    store,
                    source: Some(cause),
                });
            }
            sleep(PAUSE).await;
        }
    }
}

/// Without a leader a node says so at once, instead of keeping the request until there is one.
fn options() -> ConnectOptions {
    ConnectOptions::new()
        .with_connect_timeout(PATIENCE)
        .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
        .with_keep_alive_while_idle(false)
        .with_require_leader(true)
}

/// What reads and commits.
pub(super) fn reading(client: &Client) -> KvClient {
    client.kv_client().max_decoding_message_size(LARGEST)
}

/// What watches.
pub(super) fn watching(client: &Client) -> WatchClient {
    client.watch_client().max_decoding_message_size(LARGEST)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a call over the network needs an end in real time"
)]
fn now() -> Instant {
    Instant::now()
}
