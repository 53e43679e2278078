/// What can be wrong with what the detector is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slot number that no array will ever reach.
    #[error("slot {number} is too high: there are {} slots", crate::Slot::LIMIT)]
    SlotTooHigh {
        /// The number.
        number: u32,
    },
    /// A key of zeros alone, which is nobody's.
    #[error("a key of zeros alone is nobody's")]
    EmptyKey,
    /// A profile that cannot work.
    #[error("the heartbeat profile's {field} is wrong: {reason}")]
    Profile {
        /// Which of its fields.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An address that cannot be used.
    #[error("cannot use the address {address}: {kind}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system says.
        kind: std::io::ErrorKind,
    },
    /// An interface to which no path can be tied.
    #[error("cannot use the interface {interface}: {kind}")]
    Interface {
        /// The interface.
        interface: String,
        /// What the operating system says.
        kind: std::io::ErrorKind,
    },
}
