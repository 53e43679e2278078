//! A thousand servers of a large site die at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coldspare::What;
use coldspare_names::ServerName;
use coldspare_store::MemoryStore;
use futures::future::join_all;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::measure::{floor, is_test, target, timed};
use crate::operation::Operation;
use crate::site::Size;
use crate::watched::Watched;
use crate::world::World;
use crate::{must, on_disk, runtime};

/// How many die in each pool.
const EACH: usize = 10;

/// Devices take their time, as real ones do: what they do would otherwise count as the controller's,
/// since they are in the same thread.
const LATENCY: Duration = Duration::from_secs(1);

pub(crate) fn size() -> Size {
    Size {
        pools: if is_test() { 2 } else { 100 },
        homes: 88,
        spares: 12,
        arrays: if is_test() { 2 } else { 20 },
    }
}

pub(crate) fn measure() {
    let runtime = runtime();
    let [ours, theirs] = [(); 2].map(|()| Watched::here(MemoryStore::new()));
    die(&runtime, "memory", ours, &theirs, 1.0);

    let folder = must(TempDir::new());
    let [ours, theirs] = ["ours.db", "theirs.db"].map(|name| on_disk(&folder, name));
    die(&runtime, "SQLite", ours, &theirs, 2.0);
}

fn die(runtime: &Runtime, place: &str, ours: Arc<Watched>, theirs: &Arc<Watched>, limit: f64) {
    let size = size();
    let many = size.pools * EACH;
    println!(
        "\n{many} of {} servers die at once, on {place}",
        size.servers()
    );
    let world = runtime.block_on(World::running(Arc::new(size.site())));
    let (adopted, mut operation) = timed(|| runtime.block_on(Operation::begin(world, ours)));
    show("the running site is adopted, its spares made fit", adopted);
    operation.world.set_latency(LATENCY);
    let each_pool = operation.world.site.pools.keys().flat_map(|pool| {
        let of_pool = operation.world.site.personas.values();
        let of_pool = of_pool.filter(move |of| of.persona.pool == *pool);
        of_pool.filter_map(|of| of.home.clone()).take(EACH)
    });
    let servers: Vec<ServerName> = each_pool.collect();

    let [silence, first, last, begun] = runtime.block_on(async {
        let silence = operation.lose_power(&servers).await;
        let first = operation.until(What::Verdict, 1).await;
        let last = operation.until(What::Verdict, many).await;
        let begun = operation.until(What::Reserved, many).await;
        [silence, first, last, begun]
    });
    let commits = operation.store.committed();
    let opening = &commits[..many];
    let (bare, ()) = timed(|| {
        runtime.block_on(async {
            join_all(opening.chunks(1).map(|txn| theirs.repeat(txn))).await;
        });
    });
    let from = |began: Instant, ended: Instant| ended.saturating_duration_since(began);
    show("from the silence to the last verdict", from(silence, last));
    show(
        "from the first verdict until all is under way",
        from(first, begun),
    );
    show(
        "from the silence until all is under way",
        from(silence, begun),
    );
    show("as many bare commits at once, on another store", bare);
    let what = format!("seconds from the first verdict until all {many} are under way");
    target(&what, from(first, begun).as_secs_f64(), limit);
    floor(from(first, begun).as_secs_f64(), bare.as_secs_f64());
}

fn show(what: &str, took: Duration) {
    println!("  {what:<58} {:>12.1} ms", took.as_secs_f64() * 1e3);
}
