//! Durable state by conditional commit, and leadership.
