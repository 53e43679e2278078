//! What the programs share: how a failover is told, how a controller is asked, which agents it lets
//! in, and what a laboratory is made of.

pub mod agents;
pub mod asking;
pub mod parts;
pub mod preview;
pub mod tables;
pub mod tell;
pub mod verdict;
