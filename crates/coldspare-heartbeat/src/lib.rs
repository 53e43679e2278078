//! Failure detection and the verdict.
