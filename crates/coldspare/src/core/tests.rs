use std::time::Duration;

use coldspare_names::Generation;

mod adoption;
mod away;
mod bench;
mod conflicts;
mod crashes;
mod failover;
mod many;
mod requests;
mod trouble;

/// Long enough for a failover in which nothing is slow.
const SHORT: Duration = Duration::from_mins(1);
/// Longer than any rest, pause or limit, boot timers apart.
const LONG: Duration = Duration::from_mins(5);

fn generation(number: u64) -> Generation {
    Generation::new(number)
}
