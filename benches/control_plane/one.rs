//! One failover after the other, beside as many bare commits.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use coldspare::What;
use coldspare_store::{MemoryStore, Put, Txn};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::measure::{Contender, compare, floor, target, timed};
use crate::operation::Operation;
use crate::site::Size;
use crate::watched::Watched;
use crate::world::World;
use crate::{must, on_disk, runtime};

/// One pool, smaller than a rack.
const POOL: Size = Size {
    pools: 1,
    homes: 8,
    spares: 2,
    arrays: 2,
};

pub(crate) fn measure() {
    let runtime = runtime();
    let [ours, theirs] = [(); 2].map(|()| Watched::here(MemoryStore::new()));
    beside(&runtime, "memory", ours, &theirs, None);

    let folder = must(TempDir::new());
    let [ours, theirs] = ["ours.db", "theirs.db"].map(|name| on_disk(&folder, name));
    let bare = Bare::open(&folder);
    let times = beside(&runtime, "SQLite", ours, &theirs, Some(&bare));
    let what = "a failover on SQLite, beside its commits alone in the bare engine";
    target(what, times[1] / times[2], 1.5);
    floor(times[1] / times[2], times[0] / times[2]);

    #[cfg(feature = "etcd")]
    on_etcd(&runtime);
}

#[cfg(feature = "etcd")]
fn on_etcd(runtime: &Runtime) {
    use coldspare_store::{EtcdStore, Key};
    let mut machines = tokio::runtime::Builder::new_multi_thread();
    let machines = must(machines.worker_threads(1).enable_all().build());
    let Some(cluster) = machines.block_on(crate::cluster::Cluster::start(3, &[])) else {
        return;
    };
    let store = |root| {
        let root = must(Key::new(root));
        must(machines.block_on(EtcdStore::connect(&cluster.endpoints(), &root)))
    };
    let [ours, theirs] = ["ours", "theirs"].map(store).map(Watched::elsewhere);
    beside(
        runtime,
        "etcd, three nodes on this machine",
        ours,
        &theirs,
        None,
    );
}

/// Failovers on one store; and the commits of the latest, one after the other with nobody about, on
/// another store of its kind, and in the bare engine.
fn beside(
    runtime: &Runtime,
    place: &str,
    ours: Arc<Watched>,
    theirs: &Watched,
    bare: Option<&Bare>,
) -> Vec<f64> {
    let world = runtime.block_on(World::running(Arc::new(POOL.site())));
    let mut operation = runtime.block_on(Operation::begin(world, ours));
    let (_, commits) = runtime.block_on(failover(&mut operation));
    let number = commits.len();
    let commits = RefCell::new(commits);
    let mut contenders = vec![
        Contender::timed("its commits alone, on another store of this kind", || {
            let repeated = timed(|| runtime.block_on(theirs.repeat(&commits.borrow())));
            (repeated.0, 1)
        }),
        Contender::timed("a failover, from the silence to the end", || {
            let (took, committed) = runtime.block_on(failover(&mut operation));
            *commits.borrow_mut() = committed;
            (took, 1)
        }),
    ];
    contenders.extend(bare.map(|bare| {
        Contender::timed("its commits alone, in the bare engine", || {
            (timed(|| bare.repeat(&commits.borrow())).0, 1)
        })
    }));
    let title = format!("one failover on {place}: {number} commits");
    compare(&title, "each", 40, &mut contenders)
}

/// A server loses its power, and its persona comes up on a spare; then all is made good. How long
/// that took the controller, without the devices' own work, and what it committed.
async fn failover(operation: &mut Operation) -> (Duration, Vec<Txn>) {
    let homes = operation.homes().await;
    let server = homes.into_values().next();
    let server = must(server.ok_or("no persona is anywhere"));
    let began = operation.lose_power(std::slice::from_ref(&server)).await;
    operation.world.worked.take();
    let ended = operation.until(What::Restored, 1).await;
    let waited = operation.world.worked.take();
    let commits = operation.store.committed();
    operation.world.repair(&server);
    operation.until(What::Scrubbed, 1).await;
    operation.rest(Duration::from_mins(5)).await;
    ((ended - began).saturating_sub(waited), commits)
}

/// The engine itself, in a file on the same disk: the least that durable commits can cost.
struct Bare(Connection);

impl Bare {
    fn open(folder: &TempDir) -> Self {
        let engine = must(Connection::open(folder.path().join("bare.db")));
        must(engine.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full;
             CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB) STRICT",
        ));
        Self(engine)
    }

    fn repeat(&self, commits: &[Txn]) {
        for txn in commits {
            let inside = must(self.0.unchecked_transaction());
            for (key, put) in txn.changes() {
                let Put::Value(value) = put else { continue };
                let mut entry = must(inside.prepare_cached(
                    "INSERT INTO entry (key, value) VALUES (?, ?)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                ));
                must(entry.execute((key.as_str(), value.bytes())));
            }
            must(inside.commit());
        }
    }
}
