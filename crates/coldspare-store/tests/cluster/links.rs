//! The links between the nodes: what one says to another passes through here, and can be held up.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How a node says to another who it is, when it connects.
const SAYS_WHO: &str = "X-Server-From: ";

/// A node that no other hears, and that hears no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Isolated {
    pub(super) node: usize,
    /// What it calls itself.
    pub(super) id: String,
}

/// The ways to all nodes. What is on its way ends when it is dropped.
pub(super) struct Links {
    isolated: watch::Sender<Option<Isolated>>,
    ways: JoinSet<()>,
}

impl Links {
    pub(super) fn new() -> Self {
        Self {
            isolated: watch::Sender::new(None),
            ways: JoinSet::new(),
        }
    }

    /// Where others reach the node that listens there.
    pub(super) async fn lead_to(&mut self, node: usize, at: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let isolated = self.isolated.subscribe();
        self.ways.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(connect(stream, node, at, isolated.clone()));
            }
        });
        here
    }

    /// Holds up all that this node says and is told; or nothing any more.
    pub(super) fn isolate(&self, node: Option<Isolated>) {
        self.isolated.send_replace(node);
    }
}

async fn connect(
    from: TcpStream,
    node: usize,
    at: SocketAddr,
    isolated: watch::Receiver<Option<Isolated>>,
) {
    // The node is not there: whoever asks sees the connection close.
    let Ok(to) = TcpStream::connect(at).await else {
        return;
    };
    let (mut asks, answered) = from.into_split();
    let (answers, asked) = to.into_split();
    let mut first = vec![0; 1 << 14];
    let Ok(length) = asks.read(&mut first).await else {
        return;
    };
    first.truncate(length);
    let who = who(&first);
    let way = Way {
        node,
        who,
        isolated,
    };
    tokio::join!(
        way.clone().carry(first, asks, asked),
        way.carry(Vec::new(), answers, answered)
    );
}

/// Who connects, if it says so.
fn who(request: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(request);
    let (_, after) = text.split_once(SAYS_WHO)?;
    Some(after.lines().next()?.trim().to_owned())
}

/// A connection to a node, and from whom.
#[derive(Clone)]
struct Way {
    node: usize,
    who: Option<String>,
    isolated: watch::Receiver<Option<Isolated>>,
}

impl Way {
    async fn carry(mut self, first: Vec<u8>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = first;
        loop {
            let (node, who) = (self.node, self.who.as_deref());
            let leads = |isolated: &Option<Isolated>| {
                let ends = isolated.as_ref();
                !ends.is_some_and(|it| it.node == node || Some(&*it.id) == who)
            };
            if self.isolated.wait_for(leads).await.is_err() || to.write_all(&bytes).await.is_err() {
                return;
            }
            bytes.resize(1 << 16, 0);
            match from.read(&mut bytes).await {
                // Dropped, the other half says that no more comes.
                Ok(0) | Err(_) => return,
                Ok(length) => bytes.truncate(length),
            }
        }
    }
}
