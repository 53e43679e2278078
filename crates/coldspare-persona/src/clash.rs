//! What exactly one server or persona may have, and who has it besides.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use coldspare_names::{IscsiName, PersonaName, PortId, ServerName, VolumeId};
use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Persona, Server, SystemControlAddressing, mac_text};

/// Something that exactly one server or persona may have: with two, one would be taken for the
/// other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unique {
    /// A server's name.
    Server(ServerName),
    /// A persona's name.
    Persona(PersonaName),
    /// A server's system UUID.
    Uuid(Uuid),
    /// The hardware address of a NIC or a SAN port.
    Mac(#[serde(with = "mac_text")] MacAddr6),
    /// The switch port at the end of a NIC's cable.
    Cable(PortId),
    /// A server's address on the SAN.
    SanAddress(IpAddr),
    /// The name under which a persona logs in to its volumes.
    Initiator(IscsiName),
    /// A persona's volume: an image or data. One of each per persona, none shared.
    Volume(VolumeId),
    /// A persona's static address on the system control network.
    SystemControlAddress(IpAddr),
}

/// Who has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A server.
    Server(ServerName),
    /// A persona.
    Persona(PersonaName),
}

/// One thing that is there more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The thing.
    pub what: Unique,
    /// Who has it: two or more, and the same one twice if it has it twice.
    pub owners: Vec<Owner>,
}

/// Everything that more than one of these servers and personas has, and only one may.
pub fn clashes<'a>(
    servers: impl IntoIterator<Item = &'a Server>,
    personas: impl IntoIterator<Item = &'a Persona>,
) -> Vec<Clash> {
    let of_servers = servers.into_iter().flat_map(|server| {
        let owner = Owner::Server(server.name.clone());
        of_server(server)
            .into_iter()
            .map(move |it| (it, owner.clone()))
    });
    let of_personas = personas.into_iter().flat_map(|persona| {
        let owner = Owner::Persona(persona.name.clone());
        of_persona(persona)
            .into_iter()
            .map(move |it| (it, owner.clone()))
    });
    let mut owners_of: BTreeMap<Unique, Vec<Owner>> = BTreeMap::new();
    for (what, owner) in of_servers.chain(of_personas) {
        owners_of.entry(what).or_default().push(owner);
    }
    let shared = owners_of.into_iter().filter(|(_, owners)| owners.len() > 1);
    shared
        .map(|(what, owners)| Clash { what, owners })
        .collect()
}

fn of_server(server: &Server) -> Vec<Unique> {
    let mut unique = vec![
        Unique::Server(server.name.clone()),
        Unique::Uuid(server.identity.uuid),
    ];
    for nic in server.nics.values() {
        unique.extend([Unique::Mac(nic.mac), Unique::Cable(nic.cable.clone())]);
    }
    for port in server.san_ports.iter() {
        unique.extend([Unique::Mac(port.mac), Unique::SanAddress(port.address)]);
    }
    unique
}

fn of_persona(persona: &Persona) -> Vec<Unique> {
    let mut unique = vec![
        Unique::Persona(persona.name.clone()),
        Unique::Initiator(persona.initiator.clone()),
        Unique::Volume(persona.image.clone()),
    ];
    unique.extend(persona.data.iter().cloned().map(Unique::Volume));
    if let SystemControlAddressing::Static { primary, secondary } = persona.system_control {
        unique.extend([primary, secondary].map(Unique::SystemControlAddress));
    }
    unique
}

impl fmt::Display for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(name) => write!(f, "server name {name}"),
            Self::Persona(name) => write!(f, "persona name {name}"),
            Self::Uuid(uuid) => write!(f, "system UUID {uuid}"),
            Self::Mac(mac) => write!(f, "hardware address {mac}"),
            Self::Cable(port) => write!(f, "cable to {port}"),
            Self::SanAddress(address) => write!(f, "SAN address {address}"),
            Self::Initiator(name) => write!(f, "initiator name {name}"),
            Self::Volume(volume) => volume.fmt(f),
            Self::SystemControlAddress(address) => {
                write!(f, "system control address {address}")
            }
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(name) => write!(f, "server {name}"),
            Self::Persona(name) => write!(f, "persona {name}"),
        }
    }
}

/// `initiator name iqn.… belongs to persona a, persona b`.
impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} belongs to ", self.what)?;
        for (index, owner) in self.owners.iter().enumerate() {
            let separator = if index == 0 { "" } else { " and " };
            write!(f, "{separator}{owner}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{persona, server};

    #[test]
    fn a_site_without_clashes_has_none() {
        let servers = [server("r720-1"), server("r720-2")];
        let personas = [persona("exchange-1"), persona("exchange-2")];
        assert_eq!(clashes(&servers, &personas), []);
    }

    #[test]
    fn two_personas_never_share_an_initiator_name_or_a_volume() {
        let one = persona("exchange-1");
        let mut two = crate::PersonaSpec::from(persona("exchange-2"));
        two.initiator = one.initiator.clone();
        two.data = vec![one.image.clone()];
        let two = Persona::try_from(two).unwrap();
        let found: Vec<_> = clashes([], [&one, &two])
            .iter()
            .map(Clash::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "initiator name iqn.2012-08.com.example:exchange-1 belongs to persona exchange-1 \
                 and persona exchange-2",
                "volume exchange-1 on ps6110 belongs to persona exchange-1 and persona exchange-2",
            ]
        );
    }

    #[test]
    fn a_server_given_twice_clashes_in_everything_that_is_its_own() {
        let server = server("r720-1");
        let found = clashes([&server, &server], []);
        let nics = server.nics.len();
        let san_ports = server.san_ports.as_slice().len();
        assert_eq!(found.len(), 2 + 2 * nics + 2 * san_ports);
    }

    #[test]
    fn two_paths_of_one_persona_need_two_addresses() {
        let mut spec = crate::PersonaSpec::from(persona("exchange-1"));
        let address = IpAddr::from([10, 40, 4, 1]);
        spec.system_control = SystemControlAddressing::Static {
            primary: address,
            secondary: address,
        };
        let persona = Persona::try_from(spec).unwrap();
        let found = clashes([], [&persona]);
        assert_eq!(found[0].what, Unique::SystemControlAddress(address));
    }
}
