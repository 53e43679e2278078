//! A switch and a guest in memory: the reference of what the seams mean, with faults to switch on.
//!
//! Each is a shared handle: a clone is another end of the same device. One end belongs to whoever
//! controls it through the seam, the other to whoever plays the physical world.

mod guest;
mod switch;

pub use guest::MemoryGuest;
pub use switch::MemorySwitch;

/// What a device in memory does wrong, until told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It answers nothing and does nothing.
    Silent,
    /// It reports, but refuses every change.
    Refuses,
    /// It accepts every change and makes none.
    Ignores,
    /// It makes every change, and its answer is lost.
    LosesAnswer,
}

#[cfg(test)]
mod tests;
