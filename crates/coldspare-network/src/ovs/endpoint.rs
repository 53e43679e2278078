//! Where a database listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an OVSDB server listens, in its own notation: `unix:FILE` or `tcp:ADDRESS:PORT`.
///
/// The address is a number: a failover must not wait for a name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Endpoint {
    /// A socket of this machine.
    Unix(PathBuf),
    /// A port of any machine. The connection is not encrypted: it belongs on a network of its own.
    Tcp(SocketAddr),
}

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither unix:FILE nor tcp:ADDRESS:PORT")]
pub struct BadEndpoint(String);

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let endpoint = match text.split_once(':') {
            Some(("unix", file)) if !file.is_empty() => Some(Self::Unix(file.into())),
            Some(("tcp", address)) => address.parse().ok().map(Self::Tcp),
            _ => None,
        };
        endpoint.ok_or_else(|| BadEndpoint(text.chars().take(120).collect()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(file) => write!(f, "unix:{}", file.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = BadEndpoint;

    fn try_from(text: String) -> Result<Self, BadEndpoint> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_written_as_open_vswitch_writes_it() {
        for text in [
            "unix:/run/openvswitch/db.sock",
            "tcp:127.0.0.1:6640",
            "tcp:[::1]:6640",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "unix:",
            "tcp:switch:6640",
            "tcp:10.0.0.1",
            "/run/db.sock",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
