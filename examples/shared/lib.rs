//! Runnable programs. Each stands for itself: `cargo run --release --example NAME`.
