//! How a failover is told: what the study and the laboratory print alike.

pub mod tables;
pub mod tell;
pub mod verdict;
