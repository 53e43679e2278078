//! Every checker catches the controller that it is there for.
//!
//! A controller that skips something is played by a device handle that says it was done, and does
//! nothing: what follows is exactly what would follow from such a controller.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coldspare::Devices;
use coldspare::site::Site;
use coldspare_bmc::{
    Bmc, BootSource, Inventory, PowerCommand, PowerState, Reading, RestorePolicy, Settings,
};
use coldspare_invariants::{Violation, run_through};
use coldspare_names::{PortName, ServerName, SwitchName, Time};
use coldspare_network::{Membership, Observed, PortStatus, Switch, SwitchPlan};
use coldspare_sim::{Fault, FaultKind, Scenario};

const PAPER: &str = include_str!("../examples/sites/white-paper.toml");

fn run(
    kind: FaultKind,
    lasts: Option<Duration>,
    mutant: impl Fn(Devices) -> Devices + Send + 'static,
) -> Vec<Violation> {
    let site = Site::parse(PAPER, "white-paper.toml").unwrap();
    let mut scenario = Scenario::quiet(Duration::from_mins(120));
    scenario.faults = vec![Fault {
        at: Time::after_epoch(Duration::from_mins(10)),
        kind,
        lasts,
    }];
    run_through(&site, &scenario, 1, mutant).unwrap().violations
}

fn catches(found: &[Violation], invariant: &str) {
    assert!(
        found
            .iter()
            .any(|violation| violation.invariant == invariant),
        "{invariant}: {found:?}"
    );
}

fn server() -> ServerName {
    "r720-1".parse().unwrap()
}

/// Says *off* whatever is true, and does nothing about it.
#[derive(Debug)]
struct BelievesOff(Arc<dyn Bmc>);

#[async_trait]
impl Bmc for BelievesOff {
    async fn read(&self) -> Result<Reading, coldspare_bmc::Error> {
        let reading = self.0.read().await?;
        Ok(Reading {
            power: PowerState::Off,
            ..reading
        })
    }

    async fn set_power(&self, _: PowerCommand) -> Result<(), coldspare_bmc::Error> {
        Ok(())
    }

    async fn settings(&self) -> Result<Settings, coldspare_bmc::Error> {
        self.0.settings().await
    }

    async fn set_boot(&self, source: &BootSource) -> Result<(), coldspare_bmc::Error> {
        self.0.set_boot(source).await
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), coldspare_bmc::Error> {
        self.0.set_restore_policy(policy).await
    }

    async fn inventory(&self) -> Result<Inventory, coldspare_bmc::Error> {
        self.0.inventory().await
    }
}

/// Says of a server's disarming that it was done.
#[derive(Debug)]
struct NeverDisarms(Arc<dyn Bmc>, Mutex<Option<RestorePolicy>>);

#[async_trait]
impl Bmc for NeverDisarms {
    async fn read(&self) -> Result<Reading, coldspare_bmc::Error> {
        self.0.read().await
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), coldspare_bmc::Error> {
        self.0.set_power(command).await
    }

    async fn settings(&self) -> Result<Settings, coldspare_bmc::Error> {
        let settings = self.0.settings().await?;
        match *self.1.lock().unwrap() {
            Some(policy) => Ok(Settings {
                boot: Some(coldspare_bmc::ArmedBoot::Nothing),
                restore: Some(policy),
            }),
            None => Ok(settings),
        }
    }

    async fn set_boot(&self, _: &BootSource) -> Result<(), coldspare_bmc::Error> {
        Ok(())
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), coldspare_bmc::Error> {
        *self.1.lock().unwrap() = Some(policy);
        Ok(())
    }

    async fn inventory(&self) -> Result<Inventory, coldspare_bmc::Error> {
        self.0.inventory().await
    }
}

/// Says of every port that it was parked, and leaves it as it is; anything else it does.
#[derive(Debug)]
struct NeverParks(Arc<dyn Switch>, Mutex<BTreeMap<PortName, Observed>>);

#[async_trait]
impl Switch for NeverParks {
    fn name(&self) -> &SwitchName {
        self.0.name()
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, coldspare_network::Error> {
        let mut ports = self.0.ports().await?;
        for (port, claimed) in self.1.lock().unwrap().iter() {
            if let Some(status) = ports.get_mut(port) {
                status.observed = claimed.clone();
            }
        }
        Ok(ports)
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), coldspare_network::Error> {
        if wanted
            .values()
            .all(|membership| *membership == Membership::Parked)
        {
            let claimed = wanted
                .keys()
                .map(|port| (port.clone(), Membership::Parked.into()));
            self.1.lock().unwrap().extend(claimed);
            return Ok(());
        }
        self.0.set_ports(expected, wanted).await
    }
}

fn believes_off(mut devices: Devices) -> Devices {
    let bmc = devices.bmcs[&server()].clone();
    devices.bmcs.insert(server(), Arc::new(BelievesOff(bmc)));
    devices
}

fn never_parks(mut devices: Devices) -> Devices {
    for switch in devices.switches.values_mut() {
        *switch = Arc::new(NeverParks(switch.clone(), Mutex::default()));
    }
    devices
}

#[test]
fn a_controller_without_a_mutation_violates_nothing() {
    let found = run(FaultKind::PowerLoss { server: server() }, None, |devices| {
        devices
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn who_believes_a_proof_that_is_none_gets_a_second_home() {
    // Frozen for a while: it reads off, is not, and its ports were not parked either.
    let frozen = FaultKind::ServerFreeze { server: server() };
    let thawed = Some(Duration::from_mins(30));
    let found = run(frozen, thawed, |devices| never_parks(believes_off(devices)));
    catches(&found, "one home a persona");
}

#[test]
fn who_does_not_scrub_loses_a_spare() {
    let repaired = Some(Duration::from_mins(5));
    let found = run(
        FaultKind::PowerLoss { server: server() },
        repaired,
        |mut devices| {
            let bmc = devices.bmcs[&server()].clone();
            devices
                .bmcs
                .insert(server(), Arc::new(NeverDisarms(bmc, Mutex::default())));
            devices
        },
    );
    catches(&found, "no spare lost");
}

#[test]
fn who_leaves_the_old_port_on_a_shared_vlan_is_caught() {
    let repaired = Some(Duration::from_mins(5));
    let found = run(
        FaultKind::PowerLoss { server: server() },
        repaired,
        never_parks,
    );
    catches(&found, "no spare lost");
}
