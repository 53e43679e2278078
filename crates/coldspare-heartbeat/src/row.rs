//! What a heartbeat changes or is checked against: half a line of memory, that is fetched at once.

use crate::{Newest, Watch};

/// The tick of a path that is not awaited: there is none, or its silence is known.
pub(crate) const NEVER: u32 = u32::MAX;

/// All of it, of one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[repr(align(32))]
pub(crate) struct Row {
    /// The newest that was accepted.
    pub(crate) newest: Newest,
    /// When each path was heard, in ticks of a millisecond since the ledger's origin.
    pub(crate) heard: [u32; 2],
    /// By number: see [`crate::shared::Shared`].
    pub(crate) generation: u32,
    pub(crate) state: State,
}

// What is promised of the memory of a server depends on it.
const _: () = assert!(size_of::<Row>() == 32);

impl Row {
    /// Of a slot in which nobody is enrolled.
    pub(crate) const NONE: Self = Self {
        newest: Newest::NONE,
        heard: [NEVER; 2],
        generation: u32::MAX,
        state: State::VACANT,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) condition: Condition,
    pub(crate) watch: Watch,
    /// What its last heartbeat announced and reported, a bit each.
    pub(crate) says: u8,
}

impl State {
    pub(crate) const VACANT: Self = Self {
        condition: Condition::Vacant,
        watch: Watch::Agent,
        says: 0,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    /// Nobody is enrolled.
    Vacant,
    /// Not heard yet, and not missed yet.
    Expected,
    /// Heard, and missed when silent.
    Watched,
    /// Heard, but its disk is stalled: it has a case.
    Sick,
    /// Missed: it has a case.
    Silent,
    /// It said that it is shutting down.
    Leaving,
    /// People work on it.
    Maintenance,
}
