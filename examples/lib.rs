//! Coldspare examples.
