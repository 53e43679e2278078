//! No spare is lost: a server that wears nothing and works is off, disarmed and parked again. One
//! that was called off while it was on may stay on for as long as nobody needs a spare.

use coldspare_bmc::{BootSource, PowerState};
use coldspare_sim::Truth;

use crate::{Invariant, Run};

pub(crate) struct Spares;

impl Invariant for Spares {
    fn name(&self) -> &'static str {
        "no spare lost"
    }

    fn look(&mut self, _: &Truth<'_>) -> Option<String> {
        None
    }

    fn look_back(&mut self, run: &Run<'_>, truth: &Truth<'_>) -> Option<String> {
        if !run.had_time(truth) || !run.is_healed() {
            return None;
        }
        let worn = truth.worn();
        let mut idle = truth
            .site()
            .servers
            .keys()
            .filter(|server| !worn.contains_key(*server) && !run.was_lied_about(server));
        let ports = truth.ports();
        idle.find_map(|server| {
            let power = truth.power(server);
            if power != PowerState::Off {
                return Some(format!("{server} wears nothing, and its power is {power}"));
            }
            if !matches!(truth.remembered_boot(server), BootSource::Nothing) {
                return Some(format!("{server} wears nothing, and is still armed"));
            }
            let networks = truth.site().networks.iter();
            let vlans: Vec<_> = networks.map(|network| network.vlan).collect();
            let mut ports = ports
                .iter()
                .filter(|port| port.server == *server && port.managed);
            let open = ports.find(|port| vlans.iter().any(|vlan| port.observed.may_pass(*vlan)))?;
            Some(format!(
                "{server} wears nothing, and {} is not parked",
                open.port
            ))
        })
    }
}
