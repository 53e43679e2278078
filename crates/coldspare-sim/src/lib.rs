//! A data centre in memory, on virtual time, in which everything can break.
