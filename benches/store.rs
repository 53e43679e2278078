//! What a commit costs in each store, alone and among others, beside what its engine costs bare.
//!
//! `cargo bench --bench store`; with `--features etcd` on a cluster of three nodes as well.
//! Everything lies in the folder for temporary files (`TMPDIR`): what is measured is its disk.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[cfg(feature = "etcd")]
#[path = "../crates/coldspare-store/tests/cluster/mod.rs"]
#[expect(dead_code, reason = "a bench has no faults")]
mod cluster;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use coldspare_store::{Key, MemoryStore, Outcome, SqliteStore, Store, Txn, Value};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// The size of a persona's record while a plan is carried out, in bytes.
const RECORD: usize = 2048;
/// How many commits are under way at once where they are many.
const MANY: u64 = 128;

/// What a stage of a run commits: a persona's record, and a line of the journal.
fn stage(number: u64) -> Txn {
    let persona = Key::new(format!("persona/{}", number % 100)).unwrap();
    let line = Key::new(format!("journal/{number:020}")).unwrap();
    Txn::new()
        .put(persona, Value::new([b'x'; RECORD]).unwrap())
        .put(line, Value::new([b'x'; 200]).unwrap())
}

async fn commit(store: &dyn Store, number: u64) {
    let outcome = store.commit(&stage(number)).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &Arc<dyn Store>) {
    let number = Cell::new(0);
    let next = || {
        number.set(number.get() + 1);
        number.get()
    };
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));
    group.bench_function("alone", |bencher| {
        bencher.iter(|| runtime.block_on(commit(&**store, next())));
    });
    group.throughput(Throughput::Elements(MANY));
    group.bench_function(format!("{MANY} at once"), |bencher| {
        bencher.iter(|| {
            let mut commits = JoinSet::new();
            for _ in 0..MANY {
                let (store, number) = (store.clone(), next());
                commits.spawn_on(
                    async move { commit(&*store, number).await },
                    runtime.handle(),
                );
            }
            runtime.block_on(commits.join_all())
        });
    });
    group.finish();
}

/// As much written to the engine itself: the least that a commit can cost.
fn bare(criterion: &mut Criterion, folder: &TempDir) {
    let engine = rusqlite::Connection::open(folder.path().join("bare.db")).unwrap();
    engine
        .execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = full;
             CREATE TABLE entry (key INTEGER PRIMARY KEY, value BLOB)",
        )
        .unwrap();
    let mut group = criterion.benchmark_group("sqlite bare");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));
    group.bench_function("alone", |bencher| {
        bencher.iter(|| {
            let values = [[b'x'; RECORD].as_slice(), &[b'x'; 200]];
            let txn = engine.unchecked_transaction().unwrap();
            for value in values {
                txn.execute("INSERT INTO entry (value) VALUES (?)", [value])
                    .unwrap();
            }
            txn.commit().unwrap();
        });
    });
    group.finish();
}

fn commits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    measure(criterion, &runtime, "memory", &memory);
    bare(criterion, &folder);
    let sqlite: Arc<dyn Store> = Arc::new(runtime.block_on(SqliteStore::open(file)).unwrap());
    measure(criterion, &runtime, "sqlite", &sqlite);
    #[cfg(feature = "etcd")]
    on_etcd(criterion, &runtime);
}

#[cfg(feature = "etcd")]
fn on_etcd(criterion: &mut Criterion, runtime: &Runtime) {
    let Some(cluster) = runtime.block_on(cluster::Cluster::start(3, &[])) else {
        return;
    };
    let root = Key::new("bench").unwrap();
    let store = runtime.block_on(coldspare_store::EtcdStore::connect(
        &cluster.endpoints(),
        &root,
    ));
    let etcd: Arc<dyn Store> = Arc::new(store.unwrap());
    measure(criterion, runtime, "etcd", &etcd);
}

criterion_group!(stores, commits);
criterion_main!(stores);
