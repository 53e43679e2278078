//! Controllers that are wrong about power, played by a management controller.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use coldspare_bmc::{
    ArmedBoot, Bmc, BootSource, Error, Inventory, PowerCommand, PowerState, Reading, RestorePolicy,
    Settings,
};

/// What a controller does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Asked for off, it takes that for a proof.
    TakesAskingForProof,
    /// What it once read off it never looks at again, nor tells anything.
    KeepsProofs,
    /// It forgets to disarm.
    NeverDisarms,
    /// It forgets to power on.
    NeverPowersOn,
}

/// A management controller as such a controller sees it.
#[derive(Debug)]
pub(crate) struct MutantBmc {
    real: Arc<dyn Bmc>,
    mutation: Mutation,
    believed: Mutex<Believed>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Believed {
    off: bool,
    disarmed: bool,
}

impl MutantBmc {
    pub(crate) fn new(real: Arc<dyn Bmc>, mutation: Mutation) -> Self {
        Self {
            real,
            mutation,
            believed: Mutex::default(),
        }
    }

    fn believed(&self) -> Believed {
        *self.believed.lock().unwrap()
    }

    fn skips_disarming(&self) -> bool {
        matches!(
            self.mutation,
            Mutation::NeverDisarms | Mutation::KeepsProofs
        )
    }
}

#[async_trait]
impl Bmc for MutantBmc {
    async fn read(&self) -> Result<Reading, Error> {
        let mut reading = self.real.read().await?;
        let mut believed = self.believed.lock().unwrap();
        if self.mutation == Mutation::KeepsProofs && reading.power == PowerState::Off {
            believed.off = true;
        }
        if believed.off {
            reading.power = PowerState::Off;
        }
        Ok(reading)
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), Error> {
        let (mutation, off) = (self.mutation, command == PowerCommand::ForceOff);
        if mutation == Mutation::TakesAskingForProof && off {
            self.believed.lock().unwrap().off = true;
        }
        let swallowed = self.believed().off
            || (mutation == Mutation::NeverPowersOn && command == PowerCommand::On);
        if swallowed {
            return Ok(());
        }
        self.real.set_power(command).await
    }

    async fn settings(&self) -> Result<Settings, Error> {
        let settings = self.real.settings().await?;
        Ok(if self.believed().disarmed {
            Settings {
                boot: Some(ArmedBoot::Nothing),
                restore: Some(RestorePolicy::AlwaysOff),
            }
        } else {
            settings
        })
    }

    async fn set_boot(&self, source: &BootSource) -> Result<(), Error> {
        if self.skips_disarming() {
            return Ok(());
        }
        self.real.set_boot(source).await
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error> {
        if self.skips_disarming() {
            self.believed.lock().unwrap().disarmed = true;
            return Ok(());
        }
        self.real.set_restore_policy(policy).await
    }

    async fn inventory(&self) -> Result<Inventory, Error> {
        self.real.inventory().await
    }
}
