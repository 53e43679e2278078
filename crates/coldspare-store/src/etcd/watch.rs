//! Commits as they come, from whichever node is there.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use etcd_client::{Event, WatchOptions, WatchResponse, WatchStream};
use tokio::time::sleep;

use super::nodes::{Again, Nodes, PAUSE, watching};
use super::{revision, signed};
use crate::{Change, Error, Key, Revision, Value, Watch};

/// A watch that goes on at another node when one is lost.
#[derive(Debug)]
pub(super) struct EtcdWatch {
    nodes: Nodes,
    /// What the keys of all entries begin with.
    entries: String,
    /// What the keys of the watched ones begin with.
    watched: String,
    /// All up to here is shown, or waits to be.
    after: Revision,
    waiting: VecDeque<Change>,
    stream: Option<WatchStream>,
    turn: usize,
}

impl EtcdWatch {
    pub(super) async fn open(
        nodes: Nodes,
        entries: String,
        watched: String,
        after: Revision,
    ) -> Result<Self, Error> {
        let waiting = VecDeque::new();
        let turn = nodes.turn();
        let mut watch = Self {
            nodes,
            entries,
            watched,
            after,
            waiting,
            stream: None,
            turn,
        };
        watch.resume().await?;
        Ok(watch)
    }

    /// Watches from the last commit that came.
    async fn resume(&mut self) -> Result<(), Error> {
        let next = Revision::new(self.after.number().saturating_add(1));
        let options = WatchOptions::new()
            .with_prefix()
            .with_start_revision(signed(next));
        let ask = |client: etcd_client::Client| {
            let (watched, options) = (self.watched.clone(), options.clone());
            async move { watching(&client).watch(watched, Some(options)).await }
        };
        self.stream = Some(self.nodes.ask(Again::Always, ask).await?);
        self.turn = self.nodes.turn();
        Ok(())
    }

    fn take(&mut self, response: &WatchResponse) -> Result<(), Error> {
        let mut changes: BTreeMap<Revision, Change> = BTreeMap::new();
        for event in response.events() {
            let (revision, key, value) = self.read(event)?;
            let entries = BTreeMap::new();
            let change = changes
                .entry(revision)
                .or_insert(Change { revision, entries });
            change.entries.insert(key, value);
        }
        if let Some(latest) = changes.keys().last() {
            self.after = *latest;
        }
        self.waiting.extend(changes.into_values());
        Ok(())
    }

    fn read(&self, event: &Event) -> Result<(Revision, Key, Option<Value>), Error> {
        let damaged = |reason: String| Error::Damaged {
            store: self.nodes.name().to_owned(),
            reason,
        };
        let kv = event
            .kv()
            .ok_or_else(|| damaged("an event is of no key".to_owned()))?;
        let key = String::from_utf8_lossy(kv.key().get(self.entries.len()..).unwrap_or_default());
        let key = Key::new(key).map_err(|error| damaged(error.to_string()))?;
        // What is deleted has no version.
        let value = (kv.version() > 0)
            .then(|| Value::new(kv.value()))
            .transpose();
        let value = value.map_err(|error| damaged(error.to_string()))?;
        Ok((revision(kv.mod_revision()), key, value))
    }
}

#[async_trait]
impl Watch for EtcdWatch {
    async fn next(&mut self) -> Result<Change, Error> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(change);
            }
            let Some(stream) = &mut self.stream else {
                self.resume().await?;
                continue;
            };
            match stream.message().await {
                Ok(Some(response)) if response.compact_revision() > 0 => {
                    let store = self.nodes.name().to_owned();
                    return Err(Error::Compacted {
                        store,
                        after: self.after,
                    });
                }
                Ok(Some(response)) if response.canceled() => {
                    return Err(Error::Unreachable {
                        store: self.nodes.name().to_owned(),
                        source: Some(response.cancel_reason().into()),
                    });
                }
                Ok(Some(response)) => self.take(&response)?,
                // The node is lost, or has lost its leader.
                Ok(None) | Err(_) => {
                    self.stream = None;
                    self.nodes.pass_over(self.turn);
                    sleep(PAUSE).await;
                }
            }
        }
    }
}
