//! What goes in to the controller, and what comes out.

use std::sync::Arc;

use coldspare_heartbeat::{Beat, Path, Slot};
use coldspare_names::{Generation, PersonaName, ServerName, Time};
use coldspare_store::{Key, Outcome, Txn};

use crate::act::{Done, Order, StepError};
use crate::ask::{Answered, Ask};
use crate::command::Command;
use crate::event::Event;
use crate::record::Loaded;
use crate::reply::Reply;
use crate::site::Site;

/// A step that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(super) u64);

/// A commit that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub(super) u64);

/// A request, numbered by whoever hands it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Under which generation of which persona a server is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The persona that it holds.
    pub persona: PersonaName,
    /// The generation under which it got it.
    pub generation: Generation,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// What was read, as asked for by [`Output::Load`].
    Loaded(Loaded),
    /// A heartbeat that proved to be this server's own.
    Heard {
        /// Whose.
        server: ServerName,
        /// Over which path.
        path: Path,
        /// What it says.
        beat: Beat,
    },
    /// The controller's own link of a path went down or came up.
    OwnLink {
        /// The path.
        path: Path,
        /// Whether it is up.
        up: bool,
    },
    /// An answer to [`Output::Ask`].
    Answered(Answered),
    /// A step ended.
    Acted {
        /// Which.
        task: TaskId,
        /// How.
        end: Result<Done, StepError>,
    },
    /// A commit ended; an error means that nobody knows whether it happened.
    Committed {
        /// Which.
        commit: CommitId,
        /// How.
        end: Result<Outcome, String>,
    },
    /// Somebody asks for something.
    Asked {
        /// The number under which the reply goes out.
        request: RequestId,
        /// What is asked.
        command: Command,
    },
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Read the record: see [`record::load`](crate::record::load).
    Load {
        /// The lines of the journal that show whether commits happened, of which nobody knows.
        lines: Vec<Key>,
    },
    /// Commit, and say how it ended: see [`record::commit`](crate::record::commit).
    Commit {
        /// Which.
        commit: CommitId,
        /// What has to be there first. Alone it counts for nothing, and it may be made again.
        before: Vec<Txn>,
        /// What.
        txn: Txn,
    },
    /// Carry out a step, and say how it ended.
    Act {
        /// Which.
        task: TaskId,
        /// What.
        order: Box<Order>,
    },
    /// Ask the world, and hand in the answer.
    Ask(Ask),
    /// Carry out steps and ask questions by this site from now on.
    Use(Arc<Site>),
    /// This site is on record, and its devices are others than those that there are handles on: a
    /// controller is to be started anew with it. The commits handed out so far are to end before.
    StartAnew(Arc<Site>),
    /// Expect heartbeats of a server in a slot, or none any more.
    Expect {
        /// The server.
        server: ServerName,
        /// Where the detector keeps it.
        slot: Slot,
        /// What it is watched as, if it is.
        watched: Option<Watched>,
    },
    /// Tell the heartbeats of a former holder from a stranger's, though none are expected: they
    /// speak against whoever says that it is off.
    Recognise {
        /// The server.
        server: ServerName,
        /// Where the detector would keep it.
        slot: Slot,
        /// What it was watched as.
        watched: Watched,
    },
    /// Hand in a [`Input::Tick`] at that time.
    Wake(Time),
    /// Tell everybody who listens.
    Tell(Event),
    /// Answer whoever asked.
    Reply {
        /// Whom.
        request: RequestId,
        /// What.
        reply: Reply,
    },
}
