//! What a controller of a large site keeps in memory.

use std::sync::Arc;

use coldspare_store::MemoryStore;

use crate::many::size;
use crate::measure::target;
use crate::operation::Operation;
use crate::runtime;
use crate::watched::Watched;
use crate::world::World;

pub(crate) fn measure() {
    let runtime = runtime();
    let size = size();
    let mut read = None;
    let of_site = allocation_counter::measure(|| read = Some(Arc::new(size.site())));
    let world = read.map(|site| runtime.block_on(World::running(site)));
    let Some(world) = world else { return };
    let mut operation = None;
    let of_all = allocation_counter::measure(|| {
        let store = Watched::here(MemoryStore::new());
        operation = Some(runtime.block_on(Operation::begin(world, store)));
    });
    println!("\nmemory of a controller of {} servers", size.servers());
    let (first, rest) = (of_site.bytes_current, of_all.bytes_current);
    let (first, rest) = (mebibytes(first), mebibytes(rest));
    println!("  the site                                      {first:>8.1} MiB");
    println!("  the rest, with the store and the agents       {rest:>8.1} MiB");
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
