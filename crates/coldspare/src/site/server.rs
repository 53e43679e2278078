//! Servers: `[servers.NAME]`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use coldspare_names::{Channel, PortId, ServerName};
use coldspare_network::{Cable, Cabling, Problem};
use coldspare_persona::{FailureDomain, Identity, Label, Nic, SanPort, SanPorts, Server};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::driver::{self, BmcDriver};
use super::reader::Table;
use super::value::{list, plain, text};

/// A server and how its management controller is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SiteServer {
    /// The machine.
    pub server: Server,
    /// Its management controller.
    pub bmc: BmcDriver,
}

impl SiteServer {
    /// Its LAN cables. Fails only where two of its channels end on one port, which no site that
    /// was read from a file has.
    pub fn cabling(&self) -> Result<Cabling, Problem> {
        let cables = self.server.nics.iter().map(|(&channel, nic)| {
            let (mac, port) = (nic.mac, nic.cable.clone());
            (channel, Cable { mac, port })
        });
        Cabling::new(cables.collect())
    }
}

pub(super) fn read(name: &ServerName, table: &mut Table<'_>) -> Option<SiteServer> {
    let pool = table.required("pool", table.one_of("pools"));
    let uuid = table.required("uuid", text);
    let serial = table.optional("serial", text);
    let architecture = table.optional("architecture", plain).unwrap_or_default();
    let processors = table.required("processors", plain);
    let memory = table.required("memory", text);
    let boot_mode = table.required("boot-mode", plain);
    let nics = table.named("nics", |_: &Position, table| nic(table));
    let san_ports = table.tables("san-ports", san_port);
    let domains = table.optional_table("domains", domains).unwrap_or_default();
    let capabilities = table
        .optional("capabilities", list(text))
        .unwrap_or_default();
    let maintenance = table.optional("maintenance", plain).unwrap_or_default();
    let bmc = table.table("bmc", driver::bmc);
    let san_ports = SanPorts::new(san_ports)
        .map_err(|error| table.report("san-ports", error.to_string()))
        .ok();
    if uuid.is_some_and(|uuid: Uuid| uuid.is_nil() || uuid.is_max()) {
        table.report(
            "uuid",
            "all zeros or all ones name no machine (SMBIOS, DSP0134 7.2.1)",
        );
    }
    let server = Server {
        name: name.clone(),
        pool: pool?,
        identity: Identity {
            uuid: uuid?,
            serial,
        },
        architecture,
        processors: processors?,
        memory: memory?,
        boot_mode: boot_mode?,
        nics: nics.into_iter().map(|(at, nic)| (at.0, nic)).collect(),
        san_ports: san_ports?,
        domains,
        capabilities: capabilities.into_iter().collect(),
        maintenance,
    };
    Some(SiteServer { server, bmc: bmc? })
}

fn nic(table: &mut Table<'_>) -> Option<Nic> {
    let mac = table.required("mac", text);
    let speed = table.required("speed", text);
    let switch = table.required("switch", table.one_of("switches"));
    let port = table.required("port", text);
    Some(Nic {
        mac: mac?,
        speed: speed?,
        cable: PortId {
            switch: switch?,
            port: port?,
        },
    })
}

fn san_port(table: &mut Table<'_>) -> Option<SanPort> {
    let mac = table.required("mac", text);
    let address = table.required("address", text);
    let iscsi_boot = table.required("iscsi-boot", plain);
    Some(SanPort {
        mac: mac?,
        address: address?,
        iscsi_boot: iscsi_boot?,
    })
}

/// What a server shares its fate with: `domains = { rack = "1", feed = "A" }`.
fn domains(table: &mut Table<'_>) -> BTreeSet<FailureDomain> {
    let named: BTreeMap<Label, Label> = table.values(text);
    let domain = |(kind, name)| FailureDomain { kind, name };
    named.into_iter().map(domain).collect()
}

/// A channel as the key of a table.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Position(Channel);

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text
            .parse()
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let channel = number.and_then(|number| Channel::new(number).ok());
        channel
            .map(Self)
            .ok_or("a channel is a number from 1 to 255")
    }
}
