//! What the control plane itself takes of a failover: everything that is not waiting for a device.
//!
//! The controller is the real one, core and shell, on the real stores; devices and agents are in
//! memory. The clock of the runtime stands still while anybody works, and jumps when all wait:
//! whatever is waited for costs nothing, so that what is measured is the rest. Measured is from just
//! before the silence of a server can be noticed until its persona is restored.
//!
//! Heartbeats of those that live on are not counted: they have a bench of their own. Nor, for a
//! single failover, is what the devices in memory do themselves: a controller waits for real ones.
//!
//! | room | measures |
//! |---|---|
//! | `alone` | the core alone, by the size of its site |
//! | `one` | one failover, beside its commits alone |
//! | `many` | a thousand servers of a large site that die at once |
//! | `memory` | the heap of a controller of a large site |
//!
//! Measured on a virtual machine with two cores, busy with other work, TMPDIR on its virtual disk:
//!
//! | what | figure | at most |
//! |---|---|---|
//! | 1,000 of 10,000 servers: from the first verdict until all is under way, on memory | 0.40 to 0.56 s | 1 s |
//! | the same on SQLite (as many bare commits at once: 0.09 s) | 0.44 to 0.64 s | 2 s |
//! | one failover on memory, 7 commits | 0.33 to 0.52 ms | |
//! | one failover on SQLite, beside its commits alone in the bare engine (1.68 to 2.91 ms) | 1.14 to 1.80, half of 20 runs below 1.49 | 1.5 |
//! | the same, beside its commits alone on another store (1.47 to 2.47 ms) | 1.42 to 1.89, half of them below 1.61 | |
//! | one failover on etcd, beside its commits alone (22.6 ms) | 1.26 | |
//! | heap for 10,000 servers | 51.4 MiB | 64 MiB |
//! | the core alone, one failover: 10,000 servers beside 400 | 4.8 to 13.7 | 1.5: missed |
//!
//! `cargo bench --bench control-plane`, or only some rooms (`-- one memory`); with `--features etcd`
//! on a cluster of three nodes as well. What is on disk lies in the folder for temporary files
//! (`TMPDIR`).

mod alone;
#[cfg(feature = "etcd")]
#[path = "../../crates/coldspare-store/tests/cluster/mod.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "a bench has no faults, and one that cannot go on has failed"
)]
mod cluster;
mod many;
#[path = "../heartbeat/measure.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod measure;
mod memory;
mod one;
mod operation;
mod site;
mod timed;
mod watched;
mod world;

use std::sync::Arc;
use std::time::Instant;

use coldspare_store::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use watched::Watched;

fn main() {
    let rooms: [(&str, fn()); 4] = [
        ("alone", alone::measure),
        ("one", one::measure),
        ("many", many::measure),
        ("memory", memory::measure),
    ];
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let named = |name: &str| wanted.iter().any(|wanted| wanted == name);
    let any_named = rooms.iter().any(|(name, _)| named(name));
    for (name, measure) in rooms {
        if named(name) || !any_named {
            measure();
        }
    }
}

/// A runtime whose clock stands still while anybody works.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    must(builder.enable_all().start_paused(true).build())
}

/// A store on disk. It is opened while time passes.
fn on_disk(folder: &TempDir, name: &str) -> Arc<Watched> {
    let runtime = must(
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
    );
    let store = runtime.block_on(SqliteStore::open(folder.path().join(name)));
    Watched::elsewhere(must(store))
}

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}
