//! Setting ports for good: read, compare and set, read back. Parking leaves evidence.

use std::collections::{BTreeMap, BTreeSet};

use coldspare_names::{PortId, PortName, SwitchName};
use serde::Serialize;

use crate::{Error, Membership, Switch, SwitchPlan};

/// Evidence that ports of a switch were read to pass nothing of ours.
///
/// It is made by [`park`] and [`read_parked`] alone: it can be written to a journal, but not read
/// from one. What a journal says was parked must be looked at again before it is relied on.
///
/// ```compile_fail,E0277
/// let believed: coldspare_network::Parked = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parked {
    switch: SwitchName,
    ports: BTreeSet<PortName>,
}

impl Parked {
    /// The switch that said so.
    pub fn switch(&self) -> &SwitchName {
        &self.switch
    }

    /// The ports that it said it of.
    pub fn ports(&self) -> &BTreeSet<PortName> {
        &self.ports
    }
}

/// Makes ports of one switch pass what the plan wants, and reads them back.
///
/// Whoever sets the same ports between our look and our change wins: that is a
/// [`Error::Conflict`], and nothing is changed.
pub async fn wire(switch: &dyn Switch, plan: &SwitchPlan) -> Result<(), Error> {
    let mut expected = BTreeMap::new();
    let mut found = switch.ports().await?;
    for port in plan.keys() {
        match found.remove(port) {
            Some(status) if status.managed => expected.insert(port.clone(), status.observed),
            _ => return Err(unmanaged(switch, port)),
        };
    }
    if plan.iter().any(|(port, wanted)| !expected[port].is(wanted)) {
        switch.set_ports(&expected, plan).await?;
    }
    read_back(switch, plan).await
}

/// Makes ports of one switch pass nothing, and reads them back.
pub async fn park(switch: &dyn Switch, ports: &BTreeSet<PortName>) -> Result<Parked, Error> {
    wire(switch, &parking(ports)).await?;
    Ok(sealed(switch, ports))
}

/// Looks whether ports of one switch pass nothing, and changes nothing: for looking again before
/// a persona is given away.
pub async fn read_parked(switch: &dyn Switch, ports: &BTreeSet<PortName>) -> Result<Parked, Error> {
    read_back(switch, &parking(ports)).await?;
    Ok(sealed(switch, ports))
}

fn parking(ports: &BTreeSet<PortName>) -> SwitchPlan {
    let parked = ports.iter().map(|port| (port.clone(), Membership::Parked));
    parked.collect()
}

fn sealed(switch: &dyn Switch, ports: &BTreeSet<PortName>) -> Parked {
    Parked {
        switch: switch.name().clone(),
        ports: ports.clone(),
    }
}

async fn read_back(switch: &dyn Switch, plan: &SwitchPlan) -> Result<(), Error> {
    let mut found = switch.ports().await?;
    for (port, wanted) in plan {
        match found.remove(port) {
            Some(status) if status.observed.is(wanted) => {}
            Some(status) => {
                return Err(Error::NotAsWanted {
                    port: id(switch, port),
                    wanted: wanted.clone(),
                    found: status.observed,
                });
            }
            None => return Err(unmanaged(switch, port)),
        }
    }
    Ok(())
}

fn unmanaged(switch: &dyn Switch, port: &PortName) -> Error {
    Error::PortUnmanaged {
        port: id(switch, port),
    }
}

fn id(switch: &dyn Switch, port: &PortName) -> PortId {
    PortId {
        switch: switch.name().clone(),
        port: port.clone(),
    }
}

#[cfg(test)]
mod tests;
