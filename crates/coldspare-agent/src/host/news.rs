//! What an agent tells whoever reads its console.

use std::net::SocketAddr;

use coldspare_heartbeat::Path;

use crate::Error;

/// Something that changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum News {
    /// A controller took it.
    #[error("the controller at {0} took this agent")]
    Connected(SocketAddr),
    /// There is no connection to the controller on a path.
    #[error("no connection to the controller at {controller}")]
    NotConnected {
        /// Where it should be.
        controller: SocketAddr,
        /// Why there is none.
        source: Error,
    },
    /// A path begins or ceases to carry the monitor's echo.
    #[error("the {path} carries {} echo", if *.echoed { "an" } else { "no" })]
    Echo {
        /// Which.
        path: Path,
        /// Whether it does now.
        echoed: bool,
    },
    /// Heartbeats cannot be sent.
    #[error("no heartbeats can be sent")]
    NoHeartbeats(#[source] coldspare_heartbeat::Error),
    /// Networks stay on the channel on which they are.
    #[error("links cannot be followed")]
    NoFailover(#[source] coldspare_network::Error),
}
