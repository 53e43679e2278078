//! Database availability groups and their operations.
