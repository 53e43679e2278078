//! What the paper says, to be set beside what was measured.

/// "Measured improvements in Exchange availability with AIM": the steps of recovering the server
/// by hand, in the paper's order.
pub(crate) const BY_HAND: [&str; 10] = [
    "prepare a server for the installation of an operating system",
    "install the operating system with its patches",
    "activate it",
    "prepare for Exchange",
    "configure the MAPI and replication networks",
    "join the domain, and restart",
    "install what Exchange requires",
    "install Exchange Server 2010 SP2",
    "connect to the databases",
    "resume the database copies, and redistribute the active databases",
];

/// How long those take, by the paper: it depends on the administrator.
pub(crate) const BY_HAND_TAKES: &str = "a few hours to a day";

/// How long it took with AIM, by the paper; it gives no closer figure.
pub(crate) const WITH_AIM: &str = "less than an hour";
