//! Coldspare benches.
