//! From a site to handles on its devices: one `match` a seam.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare_bmc::{Bmc, MemoryBmc};
#[cfg(feature = "ipmi")]
use coldspare_bmc::{Ipmi, IpmiAccess, IpmiUser, NicFile};
use coldspare_exchange::memory::{Settings, SimulatedCluster};
use coldspare_heartbeat::Path;
use coldspare_names::{PortName, ServerName, SwitchName, Time};
use coldspare_network::Switch;
use coldspare_network::memory::{MemoryGuest, MemorySwitch};
#[cfg(feature = "ovs")]
use coldspare_network::ovs::OvsSwitch;
use coldspare_san::memory::MemoryArray;
#[cfg(feature = "tgt")]
use coldspare_san::tgt::TgtArray;
use coldspare_san::{Array, SecretKey};
use futures::FutureExt;
use secrecy::{ExposeSecret, SecretString};

use crate::dag_member::DagMember;
use crate::devices::{Devices, Pinger, Prober};
#[cfg(feature = "ipmi")]
use crate::site::IpmiDriver;
use crate::site::{ArrayDriver, BmcDriver, DagDriver, Site, SwitchDriver, WorkloadKind};
use crate::workload::{Plain, Workload};

/// Why a site could not be connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The site's key cannot be had from where the site says it is.
    #[error("the site's key cannot be read")]
    Key(#[source] io::Error),
    /// The password of a management controller cannot be had from where the site says it is.
    #[error("the password for the management controller of {server} cannot be read")]
    Password {
        /// Whose controller.
        server: ServerName,
        /// Why.
        source: io::Error,
    },
    /// A management controller's user is one that IPMI cannot carry.
    #[cfg(feature = "ipmi")]
    #[error("the user of the management controller of {server} cannot be")]
    IpmiUser {
        /// Whose controller.
        server: ServerName,
        /// Why.
        source: coldspare_bmc::IpmiUserError,
    },
    /// Personas without agent cannot be watched.
    #[cfg(feature = "udp")]
    #[error("no health monitor can be pinged: it takes net.ipv4.ping_group_range or CAP_NET_RAW")]
    Ping(#[source] io::Error),
    /// An array cannot be as the site describes it.
    #[error("an array cannot be as the site says")]
    Array(#[source] coldspare_san::Error),
    /// The site describes a database availability group that cannot be.
    #[error("the database availability group {dag} cannot be")]
    Dag {
        /// Which.
        dag: String,
        /// Why.
        source: coldspare_exchange::Error,
    },
}

/// Handles on everything that a site names.
///
/// Devices in memory stand each for itself here: nothing boots when a power button is pressed. Their
/// arrays have the volumes of the site, and nobody is admitted.
/// For a data centre in which causes have effects, fill [`Devices`] from a simulated world.
pub fn connect(site: &Site) -> Result<Devices, ConnectError> {
    let secret = site.key.read().map_err(ConnectError::Key)?;
    let san_key = san_key(&secret);
    let mut devices = Devices {
        bmcs: BTreeMap::new(),
        switches: BTreeMap::new(),
        arrays: BTreeMap::new(),
        guests: BTreeMap::new(),
        groups: BTreeMap::new(),
        workloads: BTreeMap::new(),
        san_key: san_key.clone(),
        prober: Arc::new(Silent),
        #[cfg(feature = "udp")]
        pinger: Arc::new(pinger(site)?),
        #[cfg(not(feature = "udp"))]
        pinger: Arc::new(Silent),
    };
    for (name, of) in &site.servers {
        let identity = site
            .identity(name)
            .unwrap_or_else(|| coldspare_bmc::Identity::of_uuid(of.server.identity.uuid));
        let bmc: Arc<dyn Bmc> = match &of.bmc {
            BmcDriver::Memory => Arc::new(MemoryBmc::new(name.clone(), identity)),
            #[cfg(feature = "ipmi")]
            BmcDriver::Ipmi(driver) => ipmi(name, driver)?,
        };
        devices.bmcs.insert(name.clone(), bmc);
    }
    for (name, of) in &site.switches {
        let ports = server_ports(site, name);
        let switch: Arc<dyn Switch> = match &of.driver {
            SwitchDriver::Unmanaged => continue,
            SwitchDriver::Memory => Arc::new(MemorySwitch::new(name.clone(), ports)),
            #[cfg(feature = "ovs")]
            SwitchDriver::Ovs(driver) => {
                Arc::new(OvsSwitch::new(name.clone(), driver.settings(), ports))
            }
        };
        devices.switches.insert(name.clone(), switch);
    }
    for (name, of) in &site.arrays {
        let (portals, key) = (of.portals.clone(), san_key.clone());
        let array: Arc<dyn Array> = match &of.driver {
            ArrayDriver::Memory { traits } => {
                let array = MemoryArray::new(name.clone(), portals, key, *traits);
                for volume in of.volumes.values() {
                    // In memory it is made at once.
                    let made = array.create(volume).now_or_never().transpose();
                    made.map_err(ConnectError::Array)?;
                }
                Arc::new(array)
            }
            #[cfg(feature = "tgt")]
            ArrayDriver::Tgt(driver) => {
                let array = TgtArray::new(name.clone(), driver.settings(portals), key);
                Arc::new(array.map_err(ConnectError::Array)?)
            }
        };
        devices.arrays.insert(name.clone(), array);
    }
    for (name, of) in &site.dags {
        let group = match of.driver {
            DagDriver::Memory => {
                SimulatedCluster::new(of.dag.clone(), Settings::default(), Time::EPOCH)
            }
        };
        let refuse = |source| ConnectError::Dag {
            dag: name.to_string(),
            source,
        };
        let group = Arc::new(group.map_err(refuse)?);
        devices.groups.insert(name.clone(), group);
    }
    for (name, of) in &site.personas {
        if of.persona.agent {
            let nics = of.home.iter().flat_map(|home| {
                site.cabling(home)
                    .iter()
                    .map(|(_, c)| c.mac)
                    .collect::<Vec<_>>()
            });
            devices
                .guests
                .insert(name.clone(), Arc::new(MemoryGuest::new(name.clone(), nics)));
        }
        let workload: Arc<dyn Workload> = match &of.workload {
            WorkloadKind::DagMember { dag, member } => match devices.groups.get(dag) {
                Some(group) => Arc::new(DagMember::new(
                    group.clone(),
                    member.clone(),
                    site.redistribution,
                )),
                None => Arc::new(Plain),
            },
            _ => Arc::new(Plain),
        };
        devices.workloads.insert(name.clone(), workload);
    }
    Ok(devices)
}

/// A controller that speaks IPMI, and beside it the file that stands for a NIC's memory.
#[cfg(feature = "ipmi")]
fn ipmi(server: &ServerName, driver: &IpmiDriver) -> Result<Arc<dyn Bmc>, ConnectError> {
    let password = driver
        .password
        .read()
        .map_err(|source| ConnectError::Password {
            server: server.clone(),
            source,
        })?;
    let user = IpmiUser::new(&*driver.user, password).map_err(|source| ConnectError::IpmiUser {
        server: server.clone(),
        source,
    })?;
    let access = IpmiAccess {
        address: driver.address,
        user,
        cipher_suite: driver.cipher_suite,
        guid_order: driver.guid_order,
        limit: driver.limit,
    };
    let bmc: Arc<dyn Bmc> = Arc::new(Ipmi::new(server.clone(), access));
    Ok(match &driver.nic_file {
        Some(path) => Arc::new(NicFile::new(server.clone(), bmc, path)),
        None => bmc,
    })
}

/// The key from which the secrets of admissions are derived, from the site's key.
pub fn san_key(site_key: &SecretString) -> SecretKey {
    let material = site_key.expose_secret().as_bytes();
    SecretKey::new(blake3::derive_key(
        "coldspare 2026-11 site key, for the SAN",
        material,
    ))
}

/// The ports of a switch at which a server's NIC ends.
fn server_ports(site: &Site, switch: &SwitchName) -> BTreeSet<PortName> {
    let servers = site.servers.values().flat_map(|of| of.server.nics.values());
    let here = servers.filter(|nic| nic.cable.switch == *switch);
    here.map(|nic| nic.cable.port.clone()).collect()
}

/// What pings health monitors, if this process may.
#[cfg(feature = "udp")]
fn pinger(site: &Site) -> Result<Echo, ConnectError> {
    let mut personas = site.personas.values();
    if personas.any(|of| !of.persona.agent) {
        coldspare_heartbeat::ping::is_allowed().map_err(ConnectError::Ping)?;
    }
    Ok(Echo)
}

/// By ICMP echo, which operating systems answer by themselves.
#[cfg(feature = "udp")]
#[derive(Debug)]
pub(crate) struct Echo;

#[cfg(feature = "udp")]
#[async_trait]
impl Pinger for Echo {
    async fn answers(&self, address: IpAddr) -> bool {
        coldspare_heartbeat::ping::ping(address).await.is_ok()
    }
}

/// Where there is nobody to answer: who hears no agents asks nobody else either.
#[derive(Debug)]
struct Silent;

impl Prober for Silent {
    fn probe(&self, _: &ServerName, _: Path) {}
}

#[cfg(not(feature = "udp"))]
#[async_trait]
impl Pinger for Silent {
    async fn answers(&self, _: IpAddr) -> bool {
        false
    }
}
