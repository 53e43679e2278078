//! A controller that is wrong about the application.

use std::sync::Arc;

use async_trait::async_trait;
use coldspare::{Progress, Workload, WorkloadError};

/// An application that is never led back to where it is preferred.
#[derive(Debug)]
pub(crate) struct NeverRebalances(pub(crate) Arc<dyn Workload>);

#[async_trait]
impl Workload for NeverRebalances {
    async fn leave(&self) -> Result<Progress, WorkloadError> {
        self.0.leave().await
    }

    async fn ready(&self) -> Result<Progress, WorkloadError> {
        self.0.ready().await
    }

    async fn rejoin(&self) -> Result<Progress, WorkloadError> {
        self.0.rejoin().await
    }

    async fn rebalance(&self) -> Result<Progress, WorkloadError> {
        Ok(Progress::Done)
    }
}
