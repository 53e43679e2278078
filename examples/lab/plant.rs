//! Everything real: switches, array, servers with their management controllers.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use coldspare::site::Site;
use coldspare_names::ServerName;

use crate::Failure;
use crate::enclosure::ROOT;

mod array;
mod network;
mod process;
mod server;

pub(crate) use array::{Storage, data_target};
pub(crate) use network::Network;
pub(crate) use process::{Process, log_file};
pub(crate) use server::Server;

/// All parts. Whoever drops it ends them.
#[derive(Debug)]
pub(crate) struct Plant {
    pub(crate) servers: BTreeMap<ServerName, Server>,
    pub(crate) storage: Storage,
    _network: Network,
}

impl Plant {
    /// Starts everything: servers off, volumes blank.
    pub(crate) async fn start(site: &Site) -> Result<Self, Failure> {
        let names: Vec<_> = site.servers.keys().map(ServerName::as_str).collect();
        let network = Network::start(&names).await?;
        let storage = Storage::start(site).await?;
        let mut servers = BTreeMap::new();
        for name in site.servers.keys() {
            servers.insert(name.clone(), Server::start(site, name).await?);
        }
        Ok(Self {
            servers,
            storage,
            _network: network,
        })
    }
}

/// Folders, and secrets that nobody but this run knows.
pub(crate) fn lay_out() -> Result<(), Failure> {
    for folder in ["log", "secrets"] {
        fs::create_dir_all(format!("{ROOT}/{folder}"))?;
    }
    for secret in ["site-key", "bmc"] {
        let path = format!("{ROOT}/secrets/{secret}");
        fs::write(&path, random()?)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// 16 letters that nobody guesses: an IPMI password has 20 bytes at most.
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
