//! Changing networks under running personas: which ports and guests change, and in which order.

use std::collections::BTreeMap;

use coldspare_names::{Channel, PersonaName};
use serde::{Deserialize, Serialize};

use crate::{
    Cabling, Connections, GuestPlan, Membership, Networks, PortPlan, Problem, guest_plan, port_plan,
};

/// A persona that runs, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// How it is connected.
    pub connections: Connections,
    /// The cables of its server.
    pub cabling: Cabling,
}

/// What may be done side by side; the next stage begins when all of it is done and read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Ports to set, all of one channel.
    Ports(PortPlan),
    /// Guest plans to set.
    Guests(BTreeMap<PersonaName, GuestPlan>),
}

/// The stages from the networks before to the networks after.
///
/// First trunk ports gain the new VLANs beside the old ones, then the guests change over, then the
/// ports lose the old VLANs: no guest is ever on a VLAN that its ports do not pass, and networks
/// that do not change go on. (While guests change over, those that have do not hear those that have
/// not.) A port in access mode can pass one VLAN only, so it changes
/// last. Each stage touches one channel, so that a switch that interrupts a port while it sets it
/// leaves the system control network its other channel.
///
/// No port passes, at any stage, a VLAN that is not its own persona's, before or after; therefore
/// a network cannot take over another's VLAN in one change: [`Problem::VlanTwice`].
pub fn change(
    running: &BTreeMap<PersonaName, Running>,
    before: &Networks,
    after: &Networks,
) -> Result<Vec<Stage>, Problem> {
    refuse_taken_over_vlans(before, after)?;
    let mut widening: BTreeMap<Channel, PortPlan> = BTreeMap::new();
    let mut narrowing: BTreeMap<Channel, PortPlan> = BTreeMap::new();
    let mut guests = BTreeMap::new();
    for (
        persona,
        Running {
            connections,
            cabling,
        },
    ) in running
    {
        let plan = |networks| port_plan(connections, networks, cabling);
        let (old_ports, new_ports) = (plan(before)?, plan(after)?);
        for (channel, cable) in cabling.iter() {
            let port = &cable.port;
            let (Some(old), Some(new)) = (old_ports.get(port), new_ports.get(port)) else {
                continue;
            };
            let wide = widened(old, new);
            if wide != *new {
                let stage = narrowing.entry(channel).or_default();
                stage.extend([(port.clone(), new.clone())]);
            }
            if wide != *old {
                let stage = widening.entry(channel).or_default();
                stage.extend([(port.clone(), wide)]);
            }
        }
        let settings = guest_plan(connections, after, cabling)?;
        if settings != guest_plan(connections, before, cabling)? {
            guests.insert(persona.clone(), settings);
        }
    }
    let guests = (!guests.is_empty()).then_some(Stage::Guests(guests));
    let widening = widening.into_values().map(Stage::Ports);
    let narrowing = narrowing.into_values().map(Stage::Ports);
    Ok(widening.chain(guests).chain(narrowing).collect())
}

fn refuse_taken_over_vlans(before: &Networks, after: &Networks) -> Result<(), Problem> {
    let owners: BTreeMap<_, _> = before.iter().map(|old| (old.vlan, &old.name)).collect();
    for network in after.iter() {
        match owners.get(&network.vlan) {
            Some(&owner) if *owner != network.name => {
                return Err(Problem::VlanTwice {
                    vlan: network.vlan,
                    network: owner.clone(),
                    other: network.name.clone(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a port can pass to serve both sides of a change; what it passed, if that cannot be widened.
fn widened(old: &Membership, new: &Membership) -> Membership {
    match (old, new) {
        (Membership::Parked, new) => new.clone(),
        (Membership::Trunk(old), Membership::Trunk(new)) => {
            Membership::tagged(old.tagged() | new.tagged())
        }
        (old, _) => old.clone(),
    }
}

#[cfg(test)]
mod tests;
