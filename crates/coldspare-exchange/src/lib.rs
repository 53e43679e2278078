//! Database availability groups (DAGs) of Microsoft Exchange, from 2010 SP2 to Subscription
//! Edition: their model, the decisions about them, and the seam to one.
//!
//! **The one rule:** a group is never left worse than it was found. Whatever would lose a
//! committed log, serve a database twice or leave one dismounted that was mounted is refused, and
//! the refusal says what would have to change.
//!
//! The example is the group of the white paper: two members, two databases with two copies each,
//! a file share witness. A member dies; its database is active on the survivor seconds later. The
//! member returns; its copies are repaired, its logs replayed, and the databases go back to where
//! they are preferred.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use std::time::Duration;
//!
//! use coldspare_exchange::memory::{Settings, SimulatedCluster};
//! use coldspare_exchange::{
//!     Answer, Balance, Dag, DagControl, Member, MemberName, Version, concerns, redistribute,
//!     repair, suspended_on_purpose,
//! };
//! use coldspare_names::Time;
//!
//! let pair: [MemberName; 2] = ["Exchange1".parse()?, "Exchange2".parse()?];
//! let dag = Dag::new("DAG1".parse()?, Version::V2010)
//!     .with_witness("FS1".parse()?)
//!     .with_member(pair[0].clone(), Member::at("Lab".parse()?))
//!     .with_member(pair[1].clone(), Member::at("Lab".parse()?))
//!     .with_database("Database-1".parse()?, &[pair[0].clone(), pair[1].clone()])
//!     .with_database("Database-2".parse()?, &[pair[1].clone(), pair[0].clone()]);
//! let cluster = SimulatedCluster::new(dag, Settings::default(), Time::EPOCH)?;
//! let group: &dyn DagControl = &cluster;
//! let (start, keep) = (group.dag().await?, suspended_on_purpose(&group.copies().await?));
//!
//! let minute = |minute| Time::after_epoch(Duration::from_mins(minute));
//! cluster.member_down(&pair[0])?;
//! cluster.advance(minute(1));
//! let degraded = group.dag().await?;
//! assert_eq!(degraded.active_on(&pair[1]).count(), 2, "the survivor serves both");
//! assert!(degraded.databases.values().all(|database| database.mounted));
//!
//! cluster.member_up(&pair[0])?;
//! cluster.advance(minute(10));
//! assert!(group.services(&pair[0]).await?.missing(degraded.version).is_empty());
//! for step in repair(&group.copies().await?, &keep) {
//!     group.act(&step.action).await?;
//! }
//! cluster.advance(minute(20));
//! let (dag, copies) = (group.dag().await?, group.copies().await?);
//! assert!(concerns(&dag, &copies, &pair[0], &keep).is_empty(), "all copies are healthy");
//! for planned in redistribute(&dag, &copies, Balance::ByActivationPreference).moves {
//!     assert!(matches!(group.act(&planned.action()).await?, Answer::Moved(_)));
//! }
//! assert_eq!(group.dag().await?.databases, start.databases, "as at the start");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod action;
pub mod activation_coordination;
pub mod auto_reseed;
pub mod best_copy;
#[cfg(feature = "cmdlet")]
pub mod cmdlet;
#[cfg(feature = "conformance")]
pub mod conformance;
mod content_index;
mod copy;
mod copy_status;
mod dag;
mod dag_control;
mod database;
mod error;
pub mod health;
pub mod limits;
pub mod load;
pub mod logs;
pub mod maintenance;
pub mod memory;
mod mount_dial;
mod name;
mod named;
pub mod quorum;
pub mod redistribute;
mod refusal;
mod repair;
mod resilience;
pub mod selection;
pub mod server_health;
mod services;
pub mod switchover;
pub mod timing;
mod transition;
mod version;

pub use action::{Action, Answer, Check, Move, Moved, SeedParts};
pub use content_index::ContentIndex;
pub use copy::{CopyState, LogPositions, QueueLength};
pub use copy_status::{CopyStatus, Heals, Permits, Place, Reseed, Resume};
pub use dag::{
    ActivationMode, ActivationPolicy, Dag, GroupSettings, Member, MemberPolicy, NodeState, Witness,
    WitnessShare,
};
pub use dag_control::DagControl;
pub use database::{CopySettings, Database};
pub use error::Error;
pub use health::{Concern, concerns};
pub use limits::Defect;
pub use mount_dial::{DialOverride, MountDial};
pub use name::{CopyId, DagName, DatabaseName, MemberName, SiteName, WitnessName};
pub use named::NoSuchName;
pub use redistribute::{Balance, FailedMove, PlannedMove, Redistribution, redistribute};
pub use refusal::Refusal;
pub use repair::{COMMENT, Repair, RepairReason, repair, reseed, suspended_on_purpose};
pub use resilience::{ActiveDatabases, Degradation, Resilience, resilience};
pub use services::{
    Component, ComponentState, MailboxServices, Requester, Role, Service, required,
};
pub use transition::{CopyEvent, after};
pub use version::{Edition, Version};
