//! What the programs share: how a failover is told, how a controller is asked, and which agents it
//! lets in.

pub mod agents;
pub mod asking;
pub mod preview;
pub mod tables;
pub mod tell;
pub mod verdict;
