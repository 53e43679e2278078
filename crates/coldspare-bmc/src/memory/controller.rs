//! The controller's end of a machine in memory.

use std::sync::MutexGuard;

use async_trait::async_trait;
use tokio::time::sleep;

use super::{Machine, MemoryBmc, Supply};
use crate::{
    Bmc, BootSource, Error, Inventory, PowerCommand, PowerState, Reading, RestorePolicy, Settings,
};

impl MemoryBmc {
    /// The controller as it is when its answer is due.
    async fn answer(&self) -> Result<MutexGuard<'_, Machine>, Error> {
        let delay = {
            let mut machine = self.lock();
            machine.calls += 1;
            machine.faults.answer_after
        };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let machine = self.lock();
        let missed = machine.faults.flapping && machine.calls.is_multiple_of(4);
        if machine.faults.silent || missed || machine.supply == Supply::Nothing {
            return Err(Error::NoAnswer {
                server: self.server.clone(),
                source: None,
            });
        }
        Ok(machine)
    }

    /// The controller, about to make a change; nothing if it only says that it does.
    async fn change(
        &self,
        request: impl ToString,
    ) -> Result<Option<MutexGuard<'_, Machine>>, Error> {
        let machine = self.answer().await?;
        if machine.faults.refuses {
            return Err(self.refusal(&request, "busy", true));
        }
        Ok((!machine.faults.ignores).then_some(machine))
    }

    fn unsupported(&self, setting: &'static str) -> Error {
        Error::Unsupported {
            server: self.server.clone(),
            setting,
        }
    }

    fn refusal(&self, request: &impl ToString, reason: &str, retry: bool) -> Error {
        Error::Refused {
            server: self.server.clone(),
            request: request.to_string(),
            reason: reason.to_owned(),
            retry,
        }
    }
}

#[async_trait]
impl Bmc for MemoryBmc {
    async fn read(&self) -> Result<Reading, Error> {
        let machine = self.answer().await?;
        let identity = machine.faults.identity.clone();
        Ok(Reading {
            identity: identity.unwrap_or_else(|| machine.inventory.identity.clone()),
            power: machine.faults.reads.unwrap_or(*self.power.borrow()),
        })
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), Error> {
        let Some(mut machine) = self.change(command).await? else {
            return Ok(());
        };
        let done = match command {
            PowerCommand::On => PowerState::On,
            PowerCommand::ForceOff | PowerCommand::ShutDown => PowerState::Off,
        };
        if machine.faults.complains && *self.power.borrow() == done {
            return Err(self.refusal(&command, "the power already is what was asked for", false));
        }
        self.obey(&mut machine, command);
        Ok(())
    }

    async fn settings(&self) -> Result<Settings, Error> {
        let machine = self.answer().await?;
        Ok(Settings {
            boot: (!machine.faults.no_boot_settings).then(|| machine.boot.armed()),
            restore: Some(machine.restore),
        })
    }

    async fn set_boot(&self, source: &BootSource) -> Result<(), Error> {
        const REQUEST: &str = "set what to boot";
        let Some(mut machine) = self.change(REQUEST).await? else {
            return Ok(());
        };
        if machine.faults.no_boot_settings {
            return Err(self.unsupported("iSCSI boot settings"));
        }
        if let BootSource::Iscsi(boot) = source
            && boot.portals.is_empty()
        {
            return Err(self.refusal(&REQUEST, "there is no portal", false));
        }
        machine.boot = source.clone();
        Ok(())
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error> {
        if let Some(mut machine) = self.change("set the restore policy").await? {
            if machine.faults.restore_policy_is_fixed && machine.restore != policy {
                return Err(self.unsupported("such restore policy"));
            }
            machine.restore = policy;
        }
        Ok(())
    }

    async fn inventory(&self) -> Result<Inventory, Error> {
        Ok(self.answer().await?.inventory.clone())
    }
}
