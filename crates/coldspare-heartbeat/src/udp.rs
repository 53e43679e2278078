//! The shells around the pure halves: a monitor and a sender on UDP sockets.
//!
//! Both are driven by their owner: `next` waits for the next thing worth telling, and may be dropped
//! at any time, in a `select!` for example. Neither has a task, a thread or a queue of its own.

mod clock;
mod ear;
mod link;
mod monitor;
mod sender;
mod sockets;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use ear::Received;
pub use monitor::Monitor;
pub use sender::{Route, Sender};
pub use sockets::{Batch, Drained, Sockets, Traffic};
