use super::*;

/// A proof for tests of what proofs do.
pub(crate) fn proof(server: &str, up_to: u64) -> FenceProof {
    FenceProof {
        server: server.parse().unwrap(),
        up_to: Generation::new(up_to),
        evidence: Evidence::Off,
    }
}
