//! Logical networks, channels and channel failover, switch ports, guest interfaces.
