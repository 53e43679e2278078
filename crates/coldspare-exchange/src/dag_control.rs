//! The seam to one database availability group.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{Action, Answer, CopyState, Dag, Error, MailboxServices, MemberName};

/// One group: what it says of itself, and what it can be asked to do.
///
/// Every action sets a whole value and may be repeated; what it did is seen in the next read.
/// What Exchange refuses comes back as [`Answer::Refused`], and then nothing was changed.
#[async_trait]
pub trait DagControl: Debug + Send + Sync {
    /// The group with its members, databases and the state of its cluster.
    async fn dag(&self) -> Result<Dag, Error>;

    /// Every copy as it stands, in order of database and member. A copy on a member that does not
    /// answer is reported as *`ServiceDown`*, not left out.
    async fn copies(&self) -> Result<Vec<CopyState>, Error>;

    /// The services and components of one member. A member that cannot be reached is an error.
    async fn services(&self, member: &MemberName) -> Result<MailboxServices, Error>;

    /// Does what is asked, or says why not.
    async fn act(&self, action: &Action) -> Result<Answer, Error>;
}
