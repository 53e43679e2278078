//! What an agent is told by its image: where its controller is. Never a secret.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use coldspare_names::{Channel, NetworkName, PersonaName};
use coldspare_network::{ChannelPair, GuestNetwork, GuestPlan, Mtu, VlanId, on_secondary};
use ipnet::Ipv4Net;
use macaddr::MacAddr6;
use serde::Deserialize;

use crate::Error;

/// The agent's configuration, a TOML file in the persona's image: the same on every server.
///
/// ```
/// let config = coldspare_agent::Config::parse(r#"
///     persona = "exchange-1"
///     network = "scn"
///     mark = "/var/lib/coldspare/mark"
///     shut-down = ["/sbin/poweroff"]
///
///     [[paths]]
///     controller = "10.4.0.1:7404"
///     channel = 1
///     interface = "eth1"
///     tag = 4004
///     address = "10.4.0.11/24"
/// "#)?;
/// assert_eq!(config.paths[0].device(), "c1v4004");
/// # Ok::<(), coldspare_agent::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Who it is.
    pub persona: PersonaName,
    /// What the site calls the system control network.
    pub network: NetworkName,
    /// One or two ways to the controller, the first one first.
    pub paths: Vec<ControlPath>,
    /// The file on the boot disk that is written as a sign that the disk can be.
    pub mark: PathBuf,
    /// The program, and its arguments, that shuts the operating system down.
    pub shut_down: Vec<String>,
}

/// One way to the controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ControlPath {
    /// Where the controller listens on this path: for heartbeats by UDP, for agents by TCP.
    pub controller: SocketAddr,
    /// The channel of this path.
    pub channel: Channel,
    /// What the operating system calls the NIC of that channel, on every server.
    pub interface: String,
    /// The VLAN's tag; none in access mode.
    pub tag: Option<VlanId>,
    /// The persona's own address on this path.
    pub address: Ipv4Net,
}

impl Config {
    /// Reads a configuration.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let config: Self = toml::from_str(text).map_err(Error::Config)?;
        match config.paths.len() {
            1 | 2 => Ok(config),
            count => Err(Error::Paths { count }),
        }
    }

    /// What is set before the controller can be asked: the system control network alone, just as
    /// the controller plans it, so that its plan leaves what it finds undisturbed. The NICs are
    /// those of the machine, by what the operating system calls them.
    pub fn first_plan(&self, nics: &BTreeMap<String, MacAddr6>) -> Result<GuestPlan, Error> {
        let mut plan = GuestPlan::default();
        let names = [self.network.clone(), on_secondary(&self.network)];
        for (path, name) in self.paths.iter().zip(names) {
            let mac = nics
                .get(&path.interface)
                .ok_or_else(|| Error::InterfaceMissing {
                    interface: path.interface.clone(),
                })?;
            let network = GuestNetwork {
                tag: path.tag,
                channels: ChannelPair::single(path.channel),
                address: Some(path.address),
                mtu: Mtu::default(),
            };
            plan.nics.insert(path.channel, *mac);
            plan.networks.insert(name, network);
        }
        Ok(plan)
    }
}

impl ControlPath {
    /// The interface that has its address, as the guest's plan makes it.
    pub fn device(&self) -> String {
        self.tag.map_or_else(
            || self.interface.clone(),
            |tag| format!("c{}v{tag}", self.channel),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
        persona = "exchange-1"
        network = "scn"
        mark = "/var/mark"
        shut-down = ["/sbin/poweroff", "-f"]
        [[paths]]
        controller = "10.4.0.1:7404"
        channel = 1
        interface = "eth1"
        tag = 4004
        address = "10.4.0.11/24"
        [[paths]]
        controller = "10.4.0.2:7404"
        channel = 2
        interface = "eth2"
        tag = 4004
        address = "10.4.0.12/24"
    "#;

    fn nics(names: &[&str]) -> BTreeMap<String, MacAddr6> {
        let nic = |(index, name): (usize, &&str)| {
            let number = u8::try_from(index).unwrap();
            ((*name).to_owned(), MacAddr6::new(2, 0, 0, 0, 0, number))
        };
        names.iter().enumerate().map(nic).collect()
    }

    #[test]
    fn both_paths_are_up_at_once_before_the_controller_is_asked() {
        let config = Config::parse(TWO).unwrap();
        let plan = config.first_plan(&nics(&["eth0", "eth1", "eth2"])).unwrap();
        let addresses: Vec<_> = plan.networks.values().map(|one| one.address).collect();
        let expected = ["10.4.0.11/24", "10.4.0.12/24"].map(|text| text.parse().ok());
        assert_eq!(addresses, expected);
        assert_eq!(plan.nics.len(), 2);
    }

    #[test]
    fn a_machine_without_the_nic_is_told_which() {
        let config = Config::parse(TWO).unwrap();
        let error = config.first_plan(&nics(&["eth0", "eth1"])).unwrap_err();
        assert_eq!(error.to_string(), "there is no interface eth2");
    }

    #[test]
    fn a_configuration_has_one_path_or_two_and_no_key_that_nobody_reads() {
        let (head, _) = TWO.split_once("[[paths]]").unwrap();
        let none = format!("{head}\npaths = []");
        assert!(matches!(
            Config::parse(&none),
            Err(Error::Paths { count: 0 })
        ));
        let secret = format!("secret = \"x\"\n{TWO}");
        assert!(matches!(Config::parse(&secret), Err(Error::Config(_))));
    }
}
