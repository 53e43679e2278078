//! Several controllers on one etcd, as real processes: one leads, the others follow, whatever is
//! killed, stopped or cut off.
//!
//! Each process has its devices in its own memory, so what survives here is what the store holds
//! and what is heard: the simulation and the laboratory are where devices outlive their controller.
//! Where etcd is missing nothing is tried, and that is said; with `CI=true` it is a failure.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_methods,
    reason = "these are real processes, in real time"
)]

#[path = "../../crates/coldspare-store/tests/cluster/mod.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod cluster;
mod engine;
mod failover;
mod faults;
mod history;
mod kills;
#[path = "../controller/large.rs"]
#[allow(dead_code, reason = "the tests of one controller use the rest")]
mod large;
mod member;
mod mistakes;
mod persona;
mod pools;
#[path = "../controller/process.rs"]
#[allow(dead_code, reason = "the tests of one controller use the rest")]
mod process;
mod site;
#[path = "../controller/streams.rs"]
mod streams;
mod take_over;
