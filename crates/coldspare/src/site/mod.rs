//! The site file: what there is in a data centre, and how it is reached, as one TOML text.
//!
//! A text becomes a [`Site`] or [`SiteErrors`], which name *everything* that is wrong: file, line,
//! column, key, reason, and what was probably meant. Nothing an operator writes makes it panic.
//!
//! **The one rule:** a `Site` that exists is whole. Every name in it leads somewhere, nothing that
//! must be unique is there twice, and it holds no secret, only where secrets are.
//!
//! ```
//! use coldspare::site::Site;
//!
//! let errors = Site::parse("nam = 'study'", "site.toml").unwrap_err();
//! assert!(errors.to_string().contains(
//!     r#"site.toml:1:1: nam: this key is not known here; did you mean "name"?"#
//! ));
//! ```

mod array;
mod check;
mod dag;
mod difference;
mod document;
mod driver;
mod error;
mod external;
mod heartbeat;
mod network;
mod part;
mod persona;
mod reader;
mod secret;
mod server;
mod value;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use coldspare_exchange::DagName;
use coldspare_heartbeat::Profile;
use coldspare_names::{ArrayName, PersonaName, PoolName, ServerName, SwitchName};
use coldspare_network::Networks;
use coldspare_persona::{Label, Pool};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use array::SiteArray;
pub use dag::SiteDag;
pub use difference::Change;
#[cfg(feature = "ipmi")]
pub use driver::IpmiDriver;
#[cfg(feature = "ovs")]
pub use driver::OvsDriver;
#[cfg(feature = "tgt")]
pub use driver::TgtDriver;
pub use driver::{ArrayDriver, BmcDriver, DagDriver, SwitchDriver};
pub use error::{Key, KeyPath, Place, SiteError, SiteErrors};
pub use external::{External, ExternalRole};
pub use network::SiteSwitch;
pub use part::Indivisible;
pub use persona::{SitePersona, WorkloadKind};
pub use secret::SecretRef;
pub use server::SiteServer;

use self::document::Document;
use self::reader::Table;
use self::value::{plain, text};

/// Everything that a controller is told about its data centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Site {
    /// What people call it.
    pub name: Label,
    /// Where the key is from which the secrets of every generation are derived.
    pub key: SecretRef,
    /// Who brings the active databases back to where they are preferred.
    pub redistribution: Redistribution,
    /// The addresses of the SAN: its servers' ports and its arrays' portals lie in it.
    pub san_subnet: IpNet,
    /// The limits by which servers are judged.
    pub heartbeat: Profile,
    /// Servers and personas among which failover happens.
    pub pools: BTreeMap<PoolName, Pool>,
    /// The machines.
    pub servers: BTreeMap<ServerName, SiteServer>,
    /// The identities that they wear.
    pub personas: BTreeMap<PersonaName, SitePersona>,
    /// The logical networks.
    pub networks: Networks,
    /// The switches.
    pub switches: BTreeMap<SwitchName, SiteSwitch>,
    /// The storage arrays.
    pub arrays: BTreeMap<ArrayName, SiteArray>,
    /// The database availability groups.
    pub dags: BTreeMap<DagName, SiteDag>,
    /// Hosts that the site needs and does not manage.
    pub externals: BTreeMap<Label, External>,
}

/// Who brings the active databases back to where they are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redistribution {
    /// The controller, once all copies are healthy.
    #[default]
    Controller,
    /// A start-up item inside the persona, as in the appendix of the study.
    Persona,
}

/// The longest text that is taken: ten thousand servers fit, and a wrong file costs no memory.
const LONGEST: u64 = 16 << 20;

impl Site {
    /// Reads a site file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SiteErrors> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let mut bytes = Vec::new();
        // One byte more than is allowed tells a longer file, also one whose size nobody knows.
        let read =
            File::open(path).and_then(|opened| opened.take(LONGEST + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(SiteErrors::whole(
                file,
                format!("it cannot be read: {error}"),
            ));
        }
        if bytes.len() as u64 > LONGEST {
            return Err(SiteErrors::whole(file, too_long()));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&text, &file),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..good]
                    .split(|byte| *byte == b'\n')
                    .count();
                let reason = format!("it is not text in UTF-8: byte {good}, in line {line}");
                Err(SiteErrors::whole(file, reason))
            }
        }
    }

    /// Reads the text of a site file; `file` is what errors call it.
    pub fn parse(text: &str, file: &str) -> Result<Self, SiteErrors> {
        if text.len() as u64 > LONGEST {
            return Err(SiteErrors::whole(file.to_owned(), too_long()));
        }
        let with_file = |errors| SiteErrors {
            file: file.to_owned(),
            errors,
        };
        if text.trim().is_empty() {
            return Err(SiteErrors::whole(file.to_owned(), "it is empty".to_owned()));
        }
        let document = Document::parse(text).map_err(with_file)?;
        let site = document.read(read);
        match (site, document.errors()) {
            (Some(site), errors) if errors.is_empty() => Ok(site.packed()),
            (_, errors) => Err(with_file(errors)),
        }
    }
}

impl Site {
    /// The same in less memory: a map that is made at once has no room to spare, and one that grew
    /// entry by entry is half empty.
    pub(crate) fn packed(self) -> Self {
        Self {
            servers: self.servers.into_iter().collect(),
            personas: self.personas.into_iter().collect(),
            ..self
        }
    }
}

fn too_long() -> String {
    format!("it is longer than {} MiB: no site file is", LONGEST >> 20)
}

fn read(top: &mut Table<'_>) -> Option<Site> {
    let name = top.required("name", text);
    let key = secret::secret(top, "key");
    let redistribution = top.optional("redistribution", plain).unwrap_or_default();
    let san_subnet = top.required("san-subnet", text);
    let heartbeat = top
        .optional_table("heartbeat", heartbeat::read)
        .unwrap_or_default();
    let pools = top.named("pools", |name: &PoolName, table| {
        let name = name.clone();
        let policy = table.rest();
        Some(Pool { name, policy })
    });
    let switches = top.named("switches", |_: &SwitchName, table| network::switch(table));
    let networks = top.named("networks", network::network);
    let arrays = top.named("arrays", |_: &ArrayName, table| array::read(table));
    let externals = top.named("externals", |_: &Label, table| external::read(table));
    let servers = top.named("servers", server::read);
    let dags = top.named("dags", dag::read);
    let mut memberships = check::memberships(&dags, top);
    let personas = top.named("personas", |name, table| {
        let membership = memberships.remove(name).unwrap_or_default();
        persona::read(name, &networks, membership, table)
    });

    check::servers(&servers, &switches, san_subnet, top);
    check::arrays(&arrays, san_subnet, top);
    let networks = check::networks(networks, top);
    check::personas(&personas, &servers, networks.as_ref(), top);
    check::addresses(&personas, &externals, networks.as_ref(), top);
    check::volumes(&dags, &personas, top);
    check::witnesses(&dags, &externals, top);
    Some(Site {
        name: name?,
        key: key?,
        redistribution,
        san_subnet: san_subnet?,
        heartbeat,
        pools,
        servers,
        personas,
        networks: networks?,
        switches,
        arrays,
        dags,
        externals,
    })
}

#[cfg(test)]
mod tests;
