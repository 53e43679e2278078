//! A data centre in memory, on virtual time, in which everything can break.

mod devices;
mod fault;
mod latency;
mod scenario;
mod simulation;
mod truth;
mod world;

pub use fault::{Fault, FaultKind, Reads};
pub use latency::Latency;
pub use scenario::Scenario;
pub use simulation::{Outcome, Picture, Simulation, simulate};
pub use truth::Truth;
pub use world::{Error, Observer, World};
