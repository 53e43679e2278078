//! What a controller of a large site keeps in memory, with its store on disk.

use std::sync::Arc;

use tempfile::TempDir;

use crate::many::size;
use crate::measure::target;
use crate::operation::Operation;
use crate::world::World;
use crate::{must, on_disk, runtime};

pub(crate) fn measure() {
    let runtime = runtime();
    let size = size();
    let mut read = None;
    let of_site = allocation_counter::measure(|| read = Some(Arc::new(size.site())));
    let world = read.map(|site| runtime.block_on(World::running(site)));
    let Some(world) = world else { return };
    let folder = must(TempDir::new());
    let mut operation = None;
    let of_all = allocation_counter::measure(|| {
        let store = on_disk(&folder, "store.db");
        let begun = runtime.block_on(Operation::begin(world, store));
        // What is kept for the peers of a bench is not the controller's.
        drop(begun.store.committed());
        operation = Some(begun);
    });
    println!("\nmemory of a controller of {} servers", size.servers());
    // They run on the servers.
    let agents = operation.as_mut().map(Operation::take_agents);
    let of_agents = allocation_counter::measure(|| drop(agents));
    let rest = of_all.bytes_current + of_agents.bytes_current;
    let first = of_site.bytes_current;
    let (first, rest) = (mebibytes(first), mebibytes(rest));
    println!("  the site                                      {first:>8.1} MiB");
    println!("  the rest                                      {rest:>8.1} MiB");
    println!(
        "  the most at a time, while it is adopted       {:>8.1} MiB",
        mebibytes(of_all.bytes_max.try_into().unwrap_or_default())
    );
    target("MiB in all", first + rest, 64.0);
    drop(operation);
}

#[expect(clippy::cast_precision_loss, reason = "bytes for a person to read")]
fn mebibytes(bytes: i64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
