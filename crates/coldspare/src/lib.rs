//! Thin orchestration: site, holding and fence, planner, run, core and shell.

pub mod act;
pub mod ask;
mod clock;
pub mod command;
mod connect;
pub mod core;
mod dag_member;
mod devices;
mod estimates;
mod event;
pub mod fence;
mod hearing;
mod holding;
mod join;
pub mod leading;
mod planner;
pub mod record;
mod reply;
pub mod report;
mod shell;
pub mod site;
pub mod step;
#[cfg(test)]
mod test_world;
#[cfg(feature = "udp")]
pub mod udp;
pub mod watch;
mod workload;

pub use self::core::Core;
pub use clock::Clock;
pub use connect::{ConnectError, connect, san_key};
pub use dag_member::DagMember;
pub use devices::{Devices, Pinger, Prober};
pub use estimates::Estimates;
pub use event::{Event, Subject, Told, What};
pub use hearing::{Expected, Roster};
pub use holding::{Fenced, Grant, Holding};
pub use planner::{Planner, Unplannable, longest_give};
pub use reply::{Overview, PersonaOverview, Preview, Reply, ServerOverview};
pub use shell::{Ending, Handle, Shell};
pub use workload::{Plain, Progress, Workload, WorkloadError};
