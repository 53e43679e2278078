//! What orchestration asks of an application.

use std::fmt;

use async_trait::async_trait;

/// How far an application has come with what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// Not yet: what it waits for, in words. Ask again.
    Waiting(String),
}

/// Why an application did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{subject}: {reason}")]
pub struct WorkloadError {
    /// What was asked, of whom.
    pub subject: String,
    /// Why not.
    pub reason: String,
}

/// The application that a persona carries: a member of a database availability group, or nothing
/// that needs leading (a domain controller).
///
/// Each verb does the next bit and says how far it is; it is asked again until it is done, so
/// that a restart of whoever asks loses nothing.
#[async_trait]
pub trait Workload: fmt::Debug + Send + Sync {
    /// Moves the work elsewhere, before a planned move or stop.
    async fn leave(&self) -> Result<Progress, WorkloadError>;

    /// Whether the application's services run.
    async fn ready(&self) -> Result<Progress, WorkloadError>;

    /// Brings what the application keeps here back to health.
    async fn rejoin(&self) -> Result<Progress, WorkloadError>;

    /// Brings the work back to where it is preferred.
    async fn rebalance(&self) -> Result<Progress, WorkloadError>;
}

/// An application that needs nothing but its server, its volumes and its networks.
#[derive(Debug)]
pub struct Plain;

#[async_trait]
impl Workload for Plain {
    async fn leave(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }

    async fn ready(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }

    async fn rejoin(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }

    async fn rebalance(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }
}
