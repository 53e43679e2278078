//! What is wrong with a value that was to become a noun of this crate.

use coldspare_names::PersonaName;

/// Why a value was refused. Trying again never helps: the value has to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that is no amount with a known unit.
    #[error("{text:?} is no {kind}: write it as in {form:?}")]
    Quantity {
        /// What it was meant to be, in words.
        kind: &'static str,
        /// The refused text, cut to a length that can be printed.
        text: String,
        /// An example of the right form.
        form: &'static str,
    },
    /// A text that is no label; cut to a length that can be printed.
    #[error("{0:?} is no label: 1 to 128 bytes, no control characters, no blank at either end")]
    Label(String),
    /// A boot timer of no length: every boot would have failed before it began.
    #[error("a boot timer must be longer than nothing")]
    BootTimerZero,
    /// Neither one nor two SAN ports.
    #[error("a server has one or two SAN ports, not {0}")]
    SanPorts(usize),
    /// Nothing would tell whether the persona is up.
    #[error("persona {0} has no agent and so needs a health monitor")]
    NothingToWatch(PersonaName),
    /// The operating system's network setup was to be changed, but nobody is there to do it.
    #[error("persona {0} has no agent, so its networking cannot be enabled")]
    NetworkingWithoutAgent(PersonaName),
    /// The persona's disk is in one server, so it cannot wake up on another.
    #[error("persona {0} does not boot from the network, so no other server could wear it")]
    OwnDisk(PersonaName),
}
