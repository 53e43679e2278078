//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum, value_parser};
use coldspare_names::PoolName;
use tracing::Level;

/// Looks after a site: judges its servers, and brings the personas of dead ones back on spares.
///
/// An interrupt, SIGTERM and SIGHUP end it in good order: what is being recorded is, and on etcd
/// another one takes over at once.
#[derive(Debug, Parser)]
#[command(name = "controller")]
pub(crate) struct Arguments {
    /// The site file. After the first start the store has the site on record: a file that differs is
    /// told and not used, see `ctl apply`. Not needed then.
    #[arg(long)]
    pub(crate) site: Option<PathBuf>,
    /// The one pool that it looks after, of a site with several; without it, all of them. Each pool
    /// has its own controllers then: on one etcd they lead each pool by itself.
    #[arg(long)]
    pub(crate) pool: Option<PoolName>,
    /// Where it keeps what must not be lost: `sqlite:PATH`, `etcd:ENDPOINT,…` or `memory`. An
    /// endpoint is `http://HOST:PORT`, without TLS, user and password.
    #[arg(long)]
    pub(crate) store: StoreAddress,
    /// What it is called. On one etcd each controller has a name of its own.
    #[arg(long, default_value = "controller")]
    pub(crate) name: String,
    /// On etcd, for how many seconds one that leads may not be heard of before another takes over:
    /// longer than the longest call that powers a server on or admits it, and its pause.
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    lease: u64,
    /// The socket at which operators ask. Only its owner and root may.
    #[arg(long, default_value = "/run/coldspare.sock")]
    pub(crate) socket: PathBuf,
    /// Where agents are heard, for each path: `ADDRESS:PORT`, or `ADDRESS:PORT@INTERFACE` where
    /// both paths are in one subnet. Heartbeats come over UDP, agents connect over TCP.
    #[arg(long, num_args = 1..=2)]
    pub(crate) hear: Vec<Ear>,
    /// How the log is written, on standard error.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) log: LogFormat,
    /// What is logged at least: `error`, `warn`, `info`, `debug` or `trace`.
    #[arg(long, default_value = "info")]
    pub(crate) log_level: Level,
}

impl Arguments {
    /// How long a lease lasts.
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease)
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line: what the controller tells as the study tells it with `--json`, in seconds
    /// since 1970, and everything else with a `timestamp` and a `level`.
    Json,
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreAddress {
    /// In this process, and gone with it.
    Memory,
    /// In a file.
    Sqlite(PathBuf),
    /// On a cluster.
    Etcd(Vec<String>),
}

impl FromStr for StoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("etcd", endpoints)) if !endpoints.is_empty() => {
                let endpoints = endpoints.split(',').map(str::to_owned);
                Ok(Self::Etcd(endpoints.collect()))
            }
            _ => Err("not one of sqlite:PATH, etcd:ENDPOINT,… and memory".to_owned()),
        }
    }
}

/// Where agents are heard over one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ear {
    pub(crate) address: SocketAddr,
    /// The interface that carries the path, if it is tied to one.
    pub(crate) interface: Option<String>,
}

impl FromStr for Ear {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, interface) = match text.split_once('@') {
            Some((address, interface)) => (address, Some(interface.to_owned())),
            None => (text, None),
        };
        let address = address
            .parse()
            .map_err(|_| "not ADDRESS:PORT or ADDRESS:PORT@INTERFACE".to_owned())?;
        Ok(Self { address, interface })
    }
}
