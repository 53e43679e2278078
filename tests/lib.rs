//! Coldspare tests.
