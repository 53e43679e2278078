//! etcd in earnest: three nodes on loopback, killed, stopped, and without a quorum.

#![cfg_attr(
    all(feature = "etcd", feature = "conformance"),
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

#[cfg(all(feature = "etcd", feature = "conformance"))]
mod cluster;
#[cfg(all(feature = "etcd", feature = "conformance"))]
#[path = "etcd/faults.rs"]
mod faults;
#[cfg(all(feature = "etcd", feature = "conformance"))]
mod rivals;

#[test]
#[cfg(not(all(feature = "etcd", feature = "conformance")))]
#[ignore = "the store on etcd is tested with --all-features, and etcd-server and protoc installed"]
fn the_store_on_etcd() {}
