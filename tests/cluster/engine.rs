//! Three nodes of etcd, and what the controllers keep there.

use coldspare_store::{EtcdStore, Key};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use super::cluster::Cluster;
use super::process;

/// Three nodes of etcd. They end with it.
pub(crate) struct Engine {
    pub(crate) nodes: Cluster,
    runtime: Runtime,
}

impl Engine {
    /// `None`: etcd is missing, which is said.
    pub(crate) fn start() -> Option<Self> {
        // Links between nodes carry on while a test waits for something else.
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let nodes = runtime.block_on(Cluster::start(3, &[]))?;
        Some(Self { nodes, runtime })
    }

    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// How controllers are told of it.
    pub(crate) fn address(&self) -> String {
        format!("etcd:{}", self.nodes.endpoints().join(","))
    }

    /// What the controllers see.
    pub(crate) async fn store(&self) -> EtcdStore {
        let root = Key::new("coldspare").unwrap();
        let store = EtcdStore::connect(&self.nodes.endpoints(), &root).await;
        store.unwrap()
    }

    /// Every line of the audit journal.
    pub(crate) fn journal(&self) -> Vec<Value> {
        self.wait(async { process::journal(&self.store().await).await })
    }
}
