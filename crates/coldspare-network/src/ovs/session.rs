//! What is asked of the database, and of the daemon that follows it, in one call of the seam.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::columns::{Bridge, BridgeRow, Count, Interface, PortRow, Progress, Rows, Uuid};
use super::connection::Connection;
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::{Settling, message, request};

pub(super) struct Session(Connection);

impl Session {
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        Connection::open(endpoint).await.map(Self)
    }

    /// The bridge with its ports, as the database has it.
    pub(super) async fn look(&mut self, bridge: &str) -> Result<Bridge, Failure> {
        let [bridges, ports] = self.transact(request::look(bridge)).await?;
        let row = rows::<BridgeRow>(bridges)?.into_iter().next();
        let row = row.ok_or_else(|| Failure::NoBridge(bridge.to_owned()))?;
        Bridge::new(row, rows::<PortRow>(ports)?)
    }

    /// Which interfaces have a link.
    pub(super) async fn links_up(&mut self) -> Result<BTreeSet<Uuid>, Failure> {
        let [interfaces] = self.transact(request::links()).await?;
        let interfaces = rows::<Interface>(interfaces)?.into_iter();
        let up = interfaces.filter(Interface::is_up);
        Ok(up.map(|interface| interface.uuid).collect())
    }

    /// Makes a change whole, or not at all.
    pub(super) async fn change(&mut self, transaction: request::Change) -> Result<(), Failure> {
        let updates = transaction.updates;
        let results = self.transact_all(transaction.operations).await?;
        for result in results.into_iter().rev().take(updates) {
            if serde_json::from_value::<Count>(result)? != Count::ONE {
                return Err(Failure::unexpected("a row that was there and was not"));
            }
        }
        Ok(())
    }

    /// Returns when the daemon forwards by what the database holds now.
    ///
    /// It confirms a configuration before its forwarding tables have it, and puts them in place
    /// before it looks at the next one: so that one is asked for as well.
    pub(super) async fn in_force(&mut self) -> Result<(), Failure> {
        for _ in 0..2 {
            let [_, progress] = self.transact(request::ask_for_progress()).await?;
            let Progress { wanted, mut done } = progress_of(progress)?;
            while done < wanted {
                let [_, progress] = self.transact(request::await_progress(done)).await?;
                done = progress_of(progress)?.done;
            }
        }
        Ok(())
    }

    async fn transact<const N: usize>(
        &mut self,
        operations: [Value; N],
    ) -> Result<[Value; N], Failure> {
        let results = self.transact_all(operations.into()).await?;
        let results = results.try_into();
        results.map_err(|_| Failure::unexpected("another number of results than was asked for"))
    }

    async fn transact_all(&mut self, operations: Vec<Value>) -> Result<Vec<Value>, Failure> {
        let asked = operations.len();
        let reply = self
            .0
            .call("transact", &request::transact(operations))
            .await?;
        message::results(reply, asked)
    }
}

/// Returns when no frame is forwarded by what was in force before.
pub(super) async fn settle(settling: &Settling) -> Result<(), Failure> {
    match settling {
        Settling::Pause(pause) => tokio::time::sleep(*pause).await,
        Settling::Purge(control) => {
            // The control socket speaks JSON-RPC, too.
            let mut daemon = Connection::open(&Endpoint::Unix(control.clone())).await?;
            daemon.call("revalidator/purge", &json!([])).await?;
        }
    }
    Ok(())
}

fn rows<T: DeserializeOwned>(result: Value) -> Result<Vec<T>, Failure> {
    Ok(serde_json::from_value::<Rows<T>>(result)?.rows)
}

fn progress_of(result: Value) -> Result<Progress, Failure> {
    let progress = rows::<Progress>(result)?.into_iter().next();
    progress.ok_or_else(|| Failure::unexpected("a database without its root row"))
}
