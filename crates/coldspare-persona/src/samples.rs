//! The paper's servers and personas, for tests.

use std::collections::BTreeMap;
use std::net::IpAddr;

use coldspare_names::{Channel, IscsiName, PersonaName, PortId, ServerName, VolumeId};
use macaddr::MacAddr6;
use uuid::Uuid;

use crate::placement::NetworkNeed;
use crate::{
    Architecture, BootMode, Identity, LinkSpeed, Memory, Nic, Persona, PersonaSpec, SanPort,
    SanPorts, Server,
};

pub(crate) fn channel(number: u8) -> Channel {
    Channel::new(number).unwrap()
}

/// A number that tells one name from another.
fn number(name: &str) -> u8 {
    name.bytes()
        .fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))
}

/// An R720 with four NICs and two SAN ports, as in the paper's Table 1.
pub(crate) fn server(name: &str) -> Server {
    let number = number(name);
    let nic = |channel_number: u8| {
        let nic = Nic {
            mac: MacAddr6::new(2, 0, 0, 0, number, channel_number),
            speed: LinkSpeed::gigabits(1),
            cable: PortId {
                switch: "powerconnect-1".parse().unwrap(),
                port: format!("{number}/g{channel_number}").parse().unwrap(),
            },
        };
        (channel(channel_number), nic)
    };
    let san_port = |path: u8| SanPort {
        mac: MacAddr6::new(2, 0, 0, 1, number, path),
        address: IpAddr::from([10, 50, path, number]),
        iscsi_boot: true,
    };
    Server {
        name: ServerName::new(name).unwrap(),
        pool: "exchange".parse().unwrap(),
        identity: Identity {
            uuid: Uuid::from_u128(number.into()),
            serial: None,
        },
        architecture: Architecture::X86With64Bits,
        processors: 16,
        memory: Memory::gibibytes(64),
        boot_mode: BootMode::Bios,
        nics: BTreeMap::from([1, 2, 3, 4].map(nic)),
        san_ports: SanPorts::new([1, 2].map(san_port)).unwrap(),
        domains: [].into(),
        capabilities: [].into(),
        maintenance: false,
    }
}

pub(crate) fn spec(name: &str) -> PersonaSpec {
    PersonaSpec::new(
        PersonaName::new(name).unwrap(),
        "exchange".parse().unwrap(),
        IscsiName::new(format!("iqn.2012-08.com.example:{name}")).unwrap(),
        VolumeId {
            array: "ps6110".parse().unwrap(),
            volume: name.parse().unwrap(),
        },
    )
}

pub(crate) fn persona(name: &str) -> Persona {
    Persona::try_from(spec(name)).unwrap()
}

/// The channels of the paper's Table 2.
pub(crate) fn networks() -> Vec<NetworkNeed> {
    [("scn", 1, 2), ("mapi", 3, 4), ("replication", 4, 3)]
        .map(|(network, primary, secondary)| NetworkNeed {
            network: network.parse().unwrap(),
            primary: channel(primary),
            secondary: Some(channel(secondary)),
        })
        .into()
}
