//! The engine's thread: reads one after the other, and commits together.

use std::{fmt, slice};

use tokio::sync::{mpsc, oneshot, watch};

use super::engine::Engine;
use super::failure::Failure;
use crate::{Outcome, Revision, Txn};

/// How many commits go to the disk together at most.
const GROUP: usize = 256;

type Read = Box<dyn FnOnce(&mut Engine) + Send>;
type Reply = oneshot::Sender<Result<Outcome, Failure>>;

/// What the thread is asked.
pub(super) enum Request {
    /// To commit.
    Commit(Txn, Reply),
    /// To read.
    Read(Read),
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit(..) => "Commit",
            Self::Read(_) => "Read",
        })
    }
}

/// Answers requests until nobody can ask any more.
pub(super) fn run(
    mut engine: Engine,
    mut requests: mpsc::Receiver<Request>,
    committed: &watch::Sender<Revision>,
) {
    while let Some(request) = requests.blocking_recv() {
        let mut waiting = Waiting::default();
        waiting.add(request);
        while waiting.txns.len() < GROUP
            && let Ok(request) = requests.try_recv()
        {
            waiting.add(request);
        }
        // Whoever only reads waits for no other process that writes.
        if !waiting.txns.is_empty() {
            commit(&mut engine, &waiting.txns, waiting.replies, committed);
        }
        for read in waiting.reads {
            read(&mut engine);
        }
    }
}

/// Requests that came while the engine was busy. None is answered, so any order is right.
#[derive(Default)]
struct Waiting {
    txns: Vec<Txn>,
    replies: Vec<Reply>,
    reads: Vec<Read>,
}

impl Waiting {
    fn add(&mut self, request: Request) {
        match request {
            // Its sender has given up and may have asked again: it is not begun so late.
            Request::Commit(_, reply) if reply.is_closed() => {}
            Request::Commit(txn, reply) => {
                self.txns.push(txn);
                self.replies.push(reply);
            }
            Request::Read(read) => self.reads.push(read),
        }
    }
}

fn commit(
    engine: &mut Engine,
    txns: &[Txn],
    replies: Vec<Reply>,
    committed: &watch::Sender<Revision>,
) {
    let answers: Vec<Result<Outcome, Failure>> = match engine.commit(txns) {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        // What is too much together may have room apart.
        Err(Failure::Full(_)) if txns.len() > 1 => txns
            .iter()
            .flat_map(|txn| match engine.commit(slice::from_ref(txn)) {
                Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
                Err(failure) => vec![Err(failure)],
            })
            .collect(),
        Err(failure) => vec![Err(failure); txns.len()],
    };
    let revisions = answers.iter().filter_map(|answer| match answer {
        Ok(Outcome::Committed(revision)) => Some(*revision),
        _ => None,
    });
    if let Some(latest) = revisions.max() {
        committed.send_replace(latest);
    }
    for (reply, answer) in replies.into_iter().zip(answers) {
        // Whoever asked has gone away.
        let _ = reply.send(answer);
    }
}
