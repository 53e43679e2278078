//! Volumes, iSCSI targets, admission and boot targets.
