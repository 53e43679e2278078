//! The memory controller passes, and for each check one that is wrong in that way only fails it.

use std::sync::Mutex;

use coldspare_names::ServerName;
use uuid::Uuid;

use super::*;
use crate::{
    ArmedBoot, BootSource, Faults, Inventory, MemoryBmc, PowerCommand, PowerState, Reading,
    RestorePolicy, Settings,
};

/// The one way in which a controller is wrong; its name is the check that must notice.
type Flaw = &'static str;

#[derive(Default)]
struct MemoryRig {
    flaw: Flaw,
    latest: Mutex<Option<MemoryBmc>>,
    faults: Faults,
}

impl MemoryRig {
    fn latest(&self) -> MemoryBmc {
        self.latest.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Rig for MemoryRig {
    async fn fresh(&self) -> Arc<dyn Bmc> {
        let bmc = MemoryBmc::new(ServerName::new("r1").unwrap(), self.identity());
        bmc.set_faults(self.faults.clone());
        *self.latest.lock().unwrap() = Some(bmc.clone());
        Arc::new(Wrong {
            bmc,
            flaw: self.flaw,
            told: Mutex::default(),
        })
    }

    fn identity(&self) -> Identity {
        Identity::of_uuid(Uuid::from_u128(7))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn runs(&self) -> bool {
        *self.latest().power().borrow() != PowerState::Off
    }

    async fn turn_on_by_hand(&self) {
        self.latest().turn_on_by_hand();
    }

    async fn freeze(&self) {
        let bmc = self.latest();
        bmc.set_faults(Faults {
            off_takes: Duration::from_secs(15),
            ..bmc.faults()
        });
    }

    async fn cut_mains(&self) {
        self.latest().lose_mains();
    }

    async fn return_mains(&self) {
        let bmc = self.latest();
        bmc.return_mains();
        match self.flaw {
            "boot-outlives-the-mains" => bmc.set_boot(&BootSource::Nothing).await.unwrap(),
            "always-off-stays-off" => bmc.turn_on_by_hand(),
            _ => {}
        }
    }
}

struct Wrong {
    bmc: MemoryBmc,
    flaw: Flaw,
    /// The boot source and the power command that it was given last.
    told: Mutex<(Option<BootSource>, Option<PowerCommand>)>,
}

impl fmt::Debug for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use secrecy::ExposeSecret;
        if let Some(BootSource::Iscsi(boot)) = &self.told.lock().unwrap().0
            && let Some(chap) = &boot.chap
            && self.flaw == "secrets-stay-inside"
        {
            f.write_str(chap.secret().expose_secret())?;
        }
        self.bmc.fmt(f)
    }
}

fn other_machine() -> Identity {
    Identity::of_uuid(Uuid::from_u128(8))
}

#[async_trait]
impl Bmc for Wrong {
    async fn read(&self) -> Result<Reading, Error> {
        let mut reading = match self.bmc.read().await {
            Err(_) if self.flaw == "no-answer-is-not-off" => Reading {
                identity: other_machine(),
                power: PowerState::Off,
            },
            answer => answer?,
        };
        let told = self.told.lock().unwrap().1;
        match self.flaw {
            "identity" => reading.identity = other_machine(),
            "power-is-read-as-it-is" if told.is_none() => reading.power = PowerState::Off,
            "off-is-not-told-too-early" if told == Some(PowerCommand::ForceOff) => {
                reading.power = PowerState::Off;
            }
            _ => {}
        }
        Ok(reading)
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), Error> {
        self.told.lock().unwrap().1 = Some(command);
        let was_on = *self.bmc.power().borrow() == PowerState::On;
        match (self.flaw, command) {
            ("on-turns-on", PowerCommand::On) if !was_on => {
                self.bmc.read().await?;
            }
            ("off-turns-off", PowerCommand::ForceOff) if self.bmc.faults().off_takes.is_zero() => {}
            ("on-may-be-repeated", PowerCommand::On) if was_on => self.bmc.turn_off_by_hand(),
            ("off-may-be-repeated", PowerCommand::ForceOff)
            | ("shut-down-starts-nothing", PowerCommand::ShutDown)
                if !was_on =>
            {
                self.bmc.turn_on_by_hand();
            }
            _ => self.bmc.set_power(command).await?,
        }
        Ok(())
    }

    async fn settings(&self) -> Result<Settings, Error> {
        let mut settings = self.bmc.settings().await?;
        match (self.flaw, &mut settings.boot) {
            ("boot-reads-back", Some(ArmedBoot::Iscsi(boot))) => boot.lun = 0,
            ("lack-of-a-setting-is-told", boot) => *boot = None,
            ("restore-policy-reads-back", _) => settings.restore = Some(RestorePolicy::AlwaysOff),
            _ => {}
        }
        Ok(settings)
    }

    async fn set_boot(&self, source: &BootSource) -> Result<(), Error> {
        let before = self.told.lock().unwrap().0.replace(source.clone());
        let mut source = source.clone();
        match (self.flaw, &mut source) {
            ("boot-can-be-cleared", BootSource::Nothing) => return Ok(()),
            ("boot-needs-a-portal", BootSource::Iscsi(boot)) if boot.portals.is_empty() => {
                return Ok(());
            }
            ("boot-is-replaced-whole", BootSource::Iscsi(boot)) => {
                if let Some(BootSource::Iscsi(before)) = before {
                    boot.chap = boot.chap.take().or(before.chap);
                }
            }
            ("settings-leave-the-power-alone", _) => self.bmc.turn_on_by_hand(),
            _ => {}
        }
        self.bmc.set_boot(&source).await
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), Error> {
        match self.bmc.set_restore_policy(policy).await {
            Err(Error::NoAnswer { .. }) if self.flaw == "no-answer-is-not-done" => Ok(()),
            answer => answer,
        }
    }

    async fn inventory(&self) -> Result<Inventory, Error> {
        match self.flaw {
            "inventory-is-of-this-machine" => Ok(Inventory::of(other_machine())),
            _ => self.bmc.inventory().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn memory_passes_quick_slow_and_with_few_settings() {
    let slow = Faults {
        answer_after: Duration::from_millis(300),
        on_takes: Duration::from_secs(4),
        off_takes: Duration::from_secs(4),
        ..Faults::default()
    };
    let complaining = Faults {
        complains: true,
        no_boot_settings: true,
        restore_policy_is_fixed: true,
        ..Faults::default()
    };
    for faults in [Faults::default(), slow, complaining] {
        let rig = MemoryRig {
            faults: faults.clone(),
            ..MemoryRig::default()
        };
        assert_eq!(check(&rig).await, [], "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_check_catches_a_controller_that_is_wrong_in_that_way_only() {
    for (flaw, _) in run(&MemoryRig::default()).await {
        let rig = MemoryRig {
            flaw,
            ..MemoryRig::default()
        };
        let caught: Vec<_> = check(&rig).await.iter().map(|v| v.check).collect();
        assert_eq!(caught, [flaw]);
    }
}
