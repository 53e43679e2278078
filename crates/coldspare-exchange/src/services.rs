//! The services of a mailbox server, and (2013 and later) its components.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Version;
use crate::named::named;

named! {
    /// A Windows service that a mailbox server needs, by Microsoft's name for it.
    ///
    /// Sources: Microsoft's overview of services on Exchange servers for 2013 and later; the
    /// names that only 2010 has are from general knowledge and were not read in a source.
    #[expect(missing_docs, reason = "the names are Microsoft's own")]
    Service = "service" {
        MSExchangeADTopology,
        ClusSvc,
        IISAdmin,
        W3SVC,
        WinRM,
        MSExchangeIS,
        MSExchangeRepl,
        MSExchangeDagMgmt,
        MSExchangeDelivery,
        MSExchangeSubmission,
        MSExchangeTransport,
        MSExchangeFrontEndTransport,
        MSExchangeMailboxAssistants,
        MSExchangeMailboxReplication,
        MSExchangeRPC,
        MSExchangeFastSearch,
        HostControllerService,
        MSExchangeServiceHost,
        MSExchangeThrottling,
        MSExchangeDiagnostics,
        MSExchangeHM,
        MSExchangeHMRecovery,
        MSComplianceAudit,
        MSExchangeCompliance,
        MSExchangeSearch,
        MSExchangeSA,
        MSExchangeMailSubmission,
        MSExchangeAB,
        MSExchangeFDS,
    }
}

named! {
    /// What a server does for Exchange.
    Role = "server role" {
        /// Databases and their copies.
        Mailbox,
        /// Mail between servers: its own role in 2010, part of *Mailbox* since.
        HubTransport,
        /// The clients' way in: its own role up to 2013, part of *Mailbox* since.
        ClientAccess,
    }
}

named! {
    /// A part of a server that can be taken out of service by itself (2013 and later).
    #[expect(missing_docs, reason = "the names are Microsoft's own")]
    Component = "server component" {
        ServerWideOffline,
        HubTransport,
        FrontendTransport,
        Monitoring,
        RecoveryActionsEnabled,
        HighAvailability,
        AutoDiscoverProxy,
        ActiveSyncProxy,
        EcpProxy,
        EwsProxy,
        ImapProxy,
        OabProxy,
        OwaProxy,
        PopProxy,
        RpsProxy,
        RpcProxy,
        MapiProxy,
        UMCallRouter,
    }
}

/// Whether a component works, as one requester wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ComponentState {
    /// It works.
    Active,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It does not work.
    Inactive,
}

named! {
    /// Who wants a component in a state. It works only if no requester holds it back.
    #[expect(missing_docs, reason = "the names are Microsoft's own")]
    Requester = "requester" {
        HealthAPI,
        Maintenance,
        Sidelined,
        Functional,
        Deployment,
    }
}

/// What runs on one mailbox server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailboxServices {
    /// Services that run.
    pub running: BTreeSet<Service>,
    /// Services that are installed and do not run.
    pub stopped: BTreeSet<Service>,
    /// Who wants which component in which state; empty for 2010.
    pub components: BTreeMap<Component, BTreeMap<Requester, ComponentState>>,
    /// Messages in its queues (`Get-Queue`), those that shadow redundancy keeps left out.
    pub queued_messages: u64,
}

impl MailboxServices {
    /// The services that a multi-role mailbox server of that version needs and that do not run.
    /// Empty: all required services are running.
    pub fn missing(&self, version: Version) -> Vec<Service> {
        let required = required(version, &Role::ALL.iter().copied().collect());
        let missing = |service: &Service| !self.running.contains(service);
        required.into_iter().filter(missing).collect()
    }

    /// The state of a component: what the most restrictive requester wants.
    pub fn component(&self, component: Component) -> ComponentState {
        let wanted = self.components.get(&component);
        let strictest = wanted.and_then(|of| of.values().max().copied());
        strictest.unwrap_or(ComponentState::Active)
    }
}

/// The services that those roles need in that version, in the order in which they start: the
/// directory first, for nearly all depend on it; the cluster before what the group does; store
/// and replication before any database mounts.
pub fn required(version: Version, roles: &BTreeSet<Role>) -> Vec<Service> {
    let mut services: Vec<Service> = Service::ALL.to_vec();
    services.retain(|service| {
        needed_by(*service, version)
            .iter()
            .any(|role| roles.contains(role))
    });
    services
}

/// Which roles need a service. From 2013 on they all are parts of *Mailbox*; the separate client
/// access role that 2013 still had is not told apart.
fn needed_by(service: Service, version: Version) -> &'static [Role] {
    if version == Version::V2010 {
        return needed_in_2010(service);
    }
    match service {
        Service::MSExchangeSearch
        | Service::MSExchangeSA
        | Service::MSExchangeMailSubmission
        | Service::MSExchangeAB
        | Service::MSExchangeFDS => &[],
        _ => &[Role::Mailbox],
    }
}

fn needed_in_2010(service: Service) -> &'static [Role] {
    use Role::{ClientAccess, HubTransport, Mailbox};
    match service {
        Service::MSExchangeADTopology | Service::MSExchangeServiceHost | Service::WinRM => {
            &[Mailbox, HubTransport, ClientAccess]
        }
        Service::IISAdmin | Service::W3SVC | Service::MSExchangeRPC => &[Mailbox, ClientAccess],
        Service::ClusSvc
        | Service::MSExchangeIS
        | Service::MSExchangeRepl
        | Service::MSExchangeMailboxAssistants
        | Service::MSExchangeThrottling
        | Service::MSExchangeSearch
        | Service::MSExchangeSA
        | Service::MSExchangeMailSubmission => &[Mailbox],
        Service::MSExchangeTransport => &[HubTransport],
        Service::MSExchangeMailboxReplication | Service::MSExchangeAB | Service::MSExchangeFDS => {
            &[ClientAccess]
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
