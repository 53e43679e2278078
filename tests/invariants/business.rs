//! No port on a VLAN its server has no business on: a server that is on passes only the VLANs of
//! the personas that it has worn, or was about to boot, since it was powered on. Of a server whose
//! management controller says that it is off nobody can know better: it wears nothing, or it would be
//! heard.

use std::collections::{BTreeMap, BTreeSet};

use coldspare::site::SitePersona;
use coldspare_bmc::{BootSource, PowerState};
use coldspare_names::ServerName;
use coldspare_network::VlanId;
use coldspare_sim::Truth;

use crate::{Invariant, Run};

#[derive(Default)]
pub(crate) struct Business {
    /// What each server may pass for as long as it stays on.
    since_power_on: BTreeMap<ServerName, BTreeSet<VlanId>>,
}

impl Invariant for Business {
    fn name(&self) -> &'static str {
        "no port on a VLAN without business"
    }

    fn look(&mut self, truth: &Truth<'_>) -> Option<String> {
        self.take_note(truth);
        truth
            .ports()
            .into_iter()
            .filter(|port| port.managed)
            .find_map(|port| {
                let allowed = self.since_power_on.get(&port.server)?;
                if truth.is_called_off(&port.server) {
                    return None;
                }
                let all = truth.site().networks.iter().map(|network| network.vlan);
                let passed = all.filter(|vlan| port.observed.may_pass(*vlan));
                let strange: Vec<_> = passed.filter(|vlan| !allowed.contains(vlan)).collect();
                (!strange.is_empty()).then(|| {
                    format!(
                        "{} is on, and {} passes VLANs {strange:?}",
                        port.server, port.port
                    )
                })
            })
    }

    fn look_back(&mut self, _: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        self.look(truth)
    }
}

impl Business {
    fn take_note(&mut self, truth: &Truth<'_>) {
        let worn = truth.worn();
        for server in truth.site().servers.keys() {
            if truth.power(server) == PowerState::Off {
                self.since_power_on.remove(server);
                continue;
            }
            let wears = worn
                .get(server)
                .and_then(|worn| truth.site().personas.get(&worn.persona));
            let business = wears.into_iter().chain(armed_with(truth, server));
            let vlans = business.flat_map(|persona| vlans(truth, persona));
            self.since_power_on
                .entry(server.clone())
                .or_default()
                .extend(vlans);
        }
    }
}

fn armed_with<'a>(truth: &Truth<'a>, server: &ServerName) -> Option<&'a SitePersona> {
    let BootSource::Iscsi(boot) = truth.remembered_boot(server) else {
        return None;
    };
    let mut personas = truth.site().personas.values();
    personas.find(|of| of.persona.initiator == boot.initiator)
}

fn vlans(truth: &Truth<'_>, persona: &SitePersona) -> BTreeSet<VlanId> {
    let networks = persona.connections.connections.iter();
    let networks = networks.filter_map(|it| truth.site().networks.get(&it.network).ok());
    networks.map(|network| network.vlan).collect()
}
