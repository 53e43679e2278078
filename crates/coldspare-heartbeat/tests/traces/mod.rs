//! Traces: what networks, servers and monitors do to heartbeats, seeded, on virtual time.

pub(crate) mod dice;
pub(crate) mod scene;
pub(crate) mod weather;
pub(crate) mod world;
