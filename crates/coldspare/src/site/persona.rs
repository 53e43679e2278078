//! Personas: `[personas.NAME]`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use coldspare_exchange::{DagName, MemberName};
use coldspare_names::{NetworkName, PersonaName, ServerName, VolumeId};
use coldspare_network::{Assignment, Connection, Connections, LogicalNetwork, Mode, NetworkKind};
use coldspare_persona::{
    HealthMonitor, NetworkMode, Persona, PersonaSpec, Requirements, SystemControlAddressing,
};
use serde::{Deserialize, Serialize};

use super::SiteDag;
use super::array::volume_id;
use super::reader::Table;
use super::value::{Value, Wrong, duration, list, plain, text};

/// A persona, its place on the networks, where it begins, and what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SitePersona {
    /// The persona. Its data volumes include those of its database copies.
    pub persona: Persona,
    /// Its place on its networks.
    pub connections: Connections,
    /// The server that wears it in the beginning.
    pub home: Option<ServerName>,
    /// What it carries.
    pub workload: WorkloadKind,
}

impl SitePersona {
    /// Its data volumes without those of its database copies.
    pub(super) fn own_data(&self, dags: &BTreeMap<DagName, SiteDag>) -> &[VolumeId] {
        let copies = match &self.workload {
            WorkloadKind::DagMember { dag, member } => dags.get(dag).map_or(0, |group| {
                let held = group.volumes.keys().filter(|copy| copy.member == *member);
                held.count()
            }),
            WorkloadKind::None | WorkloadKind::DomainController => 0,
        };
        let data = &self.persona.data;
        &data[..data.len().saturating_sub(copies)]
    }
}

/// What a persona carries, as far as failover has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Nothing that needs leading.
    #[default]
    None,
    /// An Active Directory domain controller: members of a group serve only while they reach one.
    DomainController,
    /// A member of a database availability group.
    DagMember {
        /// The group.
        dag: DagName,
        /// The member.
        member: MemberName,
    },
}

/// What a database availability group says of one of its personas.
#[derive(Debug, Default)]
pub(super) struct Membership {
    pub(super) workload: WorkloadKind,
    pub(super) volumes: Vec<VolumeId>,
}

pub(super) fn read(
    name: &PersonaName,
    networks: &BTreeMap<NetworkName, LogicalNetwork>,
    membership: Membership,
    table: &mut Table<'_>,
) -> Option<SitePersona> {
    let pool = table.required("pool", table.one_of("pools"));
    let initiator = table.required("initiator", text);
    let image = table.table("image", volume_id);
    let mut data = table.tables("data", volume_id);
    let home = table.optional("home", table.one_of("servers"));
    let workload = table.optional("workload", workload);
    let places = table.optional_table("connections", |table| {
        table.values_of("networks", |name, value| place(networks.get(name), value))
    });
    let gateway: Option<Ipv4Addr> = table.optional("default-gateway", text);
    let boot_timer = table.optional("boot-timer", plain);
    let priority = table.optional("priority", plain);
    let recovery_time_objective = table.optional("recovery-time-objective", duration);
    let description = table.optional("description", plain);
    let operating_system = table.optional_table("operating-system", Table::rest);
    let network_mode = table.optional("network-mode", plain).unwrap_or_default();
    let agent = table.optional("agent", plain).unwrap_or(true);
    let networking_enabled = table.optional("networking-enabled", plain);
    let routing_and_dns = table.optional("routing-and-dns", plain);
    let dns_search_domain = table.optional("dns-search-domain", plain);
    let health_monitor = table.optional("health-monitor", text);
    let extensions_enabled = table.optional("extensions-enabled", plain);
    let requirements = table.optional_table("requirements", requirements);

    let places = places.unwrap_or_default();
    if workload.is_some() && membership.workload != WorkloadKind::None {
        table.report(
            "workload",
            "this persona is a member of a database availability group",
        );
    }
    data.extend(membership.volumes);
    let spec = PersonaSpec {
        name: name.clone(),
        pool: pool?,
        description: description.unwrap_or_default(),
        operating_system: operating_system.unwrap_or_default(),
        net_boot: true,
        network_mode,
        networking_enabled: networking_enabled.unwrap_or(agent),
        routing_and_dns: routing_and_dns.unwrap_or_default(),
        default_gateway: gateway.map(Into::into),
        dns_search_domain,
        system_control: places
            .values()
            .find_map(|place| place.1)
            .unwrap_or_default(),
        agent,
        health_monitor: health_monitor.map(|address| HealthMonitor { address }),
        extensions_enabled: extensions_enabled.unwrap_or_default(),
        initiator: initiator?,
        image: image?,
        data,
        networks: places.keys().cloned().collect(),
        requirements: requirements.unwrap_or_default(),
        boot_timer: boot_timer.unwrap_or_default(),
        priority: priority.unwrap_or_default(),
        recovery_time_objective,
    };
    let connections = places
        .into_iter()
        .map(|(network, (assignment, _))| Connection {
            network,
            assignment,
        });
    let connections = Connections {
        mode: match network_mode {
            NetworkMode::Access => Mode::Access,
            NetworkMode::Trunk | NetworkMode::Auto => Mode::Trunk,
        },
        connections: connections.collect(),
        gateway,
    };
    let persona = Persona::try_from(spec);
    let persona = persona.map_err(|error| table.report_whole(error.to_string()));
    Some(SitePersona {
        persona: persona.ok()?,
        connections,
        home,
        workload: workload.unwrap_or(membership.workload),
    })
}

type Place = (Assignment, Option<SystemControlAddressing>);

/// Reads `"pool"`, an address, or the two addresses by which a persona is always found on the
/// system control network.
fn place<'d>(network: Option<&LogicalNetwork>, value: &'d Value<'d>) -> Result<Place, Wrong> {
    let is_system_control = network.is_some_and(|n| n.kind == NetworkKind::SystemControl);
    if value.get_ref().as_str() == Some("pool") {
        let addressing = is_system_control.then_some(SystemControlAddressing::Pool);
        return Ok((Assignment::Pool, addressing));
    }
    if !is_system_control {
        return Ok((Assignment::Static(text(value)?), None));
    }
    let two: Vec<Ipv4Addr> = list(text)(value)?;
    let [primary, secondary] = two[..] else {
        return Err("it is \"pool\", or the primary and the secondary address".into());
    };
    let addressing = SystemControlAddressing::Static {
        primary: primary.into(),
        secondary: secondary.into(),
    };
    let assignment = Assignment::OnEachChannel { primary, secondary };
    Ok((assignment, Some(addressing)))
}

fn workload(value: &Value<'_>) -> Result<WorkloadKind, Wrong> {
    match value.get_ref().as_str() {
        Some("domain-controller") => Ok(WorkloadKind::DomainController),
        _ => Err(
            "it is \"domain-controller\", or left out; members are listed in their group".into(),
        ),
    }
}

fn requirements(table: &mut Table<'_>) -> Requirements {
    let memory = table.optional("memory", text);
    let processors = table.optional("processors", plain);
    let boot_mode = table.optional("boot-mode", plain);
    let link_speeds = table.optional_table("link-speeds", |table| {
        table.values_of("networks", |_, value| text(value))
    });
    let capabilities = table.optional("capabilities", list(text));
    let apart = table.optional("apart", list(text));
    Requirements {
        memory: memory.unwrap_or_default(),
        processors: processors.unwrap_or_default(),
        boot_mode,
        link_speeds: link_speeds.unwrap_or_default(),
        capabilities: capabilities.into_iter().flatten().collect(),
        apart: apart.into_iter().flatten().collect(),
    }
}
