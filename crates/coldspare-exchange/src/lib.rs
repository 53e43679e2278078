//! Database availability groups and their operations.

mod action;
mod content_index;
mod copy;
mod copy_status;
mod dag;
mod dag_control;
mod error;
pub mod limits;
mod mount_dial;
mod name;
mod named;
mod refusal;
mod services;
mod version;

pub use action::{Action, Answer, Check, Move, Moved};
pub use content_index::ContentIndex;
pub use copy::{CopyState, LogPositions, QueueLength};
pub use copy_status::{CopyStatus, Heals, Permits, Place, Reseed, Resume};
pub use dag::{
    ActivationMode, ActivationPolicy, CopySettings, Dag, Database, Member, MemberPolicy, NodeState,
    Witness,
};
pub use dag_control::DagControl;
pub use error::Error;
pub use limits::Defect;
pub use mount_dial::{DialOverride, MountDial};
pub use name::{CopyId, DagName, DatabaseName, MemberName, SiteName, WitnessName};
pub use named::NoSuchName;
pub use refusal::Refusal;
pub use services::{
    Component, ComponentState, MailboxServices, Requester, Role, Service, required,
};
pub use version::{Edition, Version};
