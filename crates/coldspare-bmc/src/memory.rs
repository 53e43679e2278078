//! A machine and its controller in memory, with faults that can be switched on.

mod controller;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coldspare_names::ServerName;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::{BootSource, Identity, Inventory, PowerCommand, PowerState, RestorePolicy};

/// What is wrong with a controller in memory. The default: nothing, and no time passes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fault of its own, any may be on"
)]
pub struct Faults {
    /// Every answer takes that long.
    pub answer_after: Duration,
    /// It does not answer at all.
    pub silent: bool,
    /// It leaves every fourth call unanswered.
    pub flapping: bool,
    /// It refuses every change, and may take it later.
    pub refuses: bool,
    /// It accepts every change and does nothing.
    pub ignores: bool,
    /// It calls it an error when the power already is what was asked for, as several makers do
    /// (HTTP 409 or 400).
    pub complains: bool,
    /// It reads this power, whatever is true.
    pub reads: Option<PowerState>,
    /// It manages this machine, it says.
    pub identity: Option<Identity>,
    /// Turning on takes that long; it reads *powering on* meanwhile.
    pub on_takes: Duration,
    /// Turning off at once takes that long; it reads *on* meanwhile.
    pub off_takes: Duration,
    /// Shutting down takes that long; it reads *powering off* meanwhile.
    pub shut_down_takes: Duration,
    /// The operating system does not react when asked to shut down.
    pub frozen: bool,
    /// It has no iSCSI boot settings, as with IPMI.
    pub no_boot_settings: bool,
    /// Its restore policy cannot be set, as with some IPMI controllers.
    pub restore_policy_is_fixed: bool,
}

/// A machine and its controller in memory. Clones are handles of the same machine: one end is the
/// controller ([`Bmc`](crate::Bmc)), the other the physical world around it.
///
/// A new one is off, with mains, remembers nothing to boot, and is what it was when its mains
/// return.
#[derive(Clone)]
pub struct MemoryBmc {
    server: ServerName,
    machine: Arc<Mutex<Machine>>,
    /// What is true of the machine's power.
    power: watch::Sender<PowerState>,
}

struct Machine {
    inventory: Inventory,
    supply: Supply,
    before_power_loss: PowerState,
    boot: BootSource,
    restore: RestorePolicy,
    faults: Faults,
    calls: u64,
    /// The command that is being obeyed slowly: asked again, it is not begun anew.
    under_way: Option<PowerCommand>,
    /// Counts changes of power, so that a slow one that was overtaken does not land.
    changes: u64,
}

/// What there is of electricity, from nothing upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Supply {
    /// No mains.
    Nothing,
    /// Enough for the controller.
    Standby,
    /// Enough for all.
    Whole,
}

impl MemoryBmc {
    /// A machine that is off, and its controller.
    pub fn new(server: ServerName, identity: Identity) -> Self {
        let machine = Machine {
            inventory: Inventory::of(identity),
            supply: Supply::Whole,
            before_power_loss: PowerState::Off,
            boot: BootSource::Nothing,
            restore: RestorePolicy::LastState,
            faults: Faults::default(),
            calls: 0,
            under_way: None,
            changes: 0,
        };
        Self {
            server,
            machine: Arc::new(Mutex::new(machine)),
            power: watch::Sender::new(PowerState::Off),
        }
    }

    /// Says what the machine is made of.
    pub fn set_inventory(&self, inventory: Inventory) {
        self.lock().inventory = inventory;
    }

    /// Switches faults on and off.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// The faults that are on.
    pub fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    /// The machine's true power, now and as it changes.
    pub fn power(&self) -> watch::Receiver<PowerState> {
        self.power.subscribe()
    }

    /// What the NIC remembers, with its secret: what the machine boots when it turns on.
    pub fn remembered_boot(&self) -> BootSource {
        self.lock().boot.clone()
    }

    /// What the machine truly does when its mains return.
    pub fn restore_policy(&self) -> RestorePolicy {
        self.lock().restore
    }

    /// Takes the mains from machine and controller: the machine is off at once, the controller
    /// silent, and both remember their settings.
    pub fn lose_mains(&self) {
        self.lose(Supply::Nothing);
    }

    /// Takes the power from the machine alone, as with a broken power supply: it is off and cannot
    /// be turned on, while its controller goes on, on standby power.
    pub fn lose_power(&self) {
        self.lose(Supply::Standby);
    }

    /// Gives mains and power back: the controller answers, and the machine follows its restore
    /// policy.
    pub fn return_mains(&self) {
        let mut machine = self.lock();
        if machine.supply != Supply::Whole {
            machine.supply = Supply::Whole;
            let starts = match machine.restore {
                RestorePolicy::AlwaysOff => false,
                RestorePolicy::LastState => {
                    matches!(
                        machine.before_power_loss,
                        PowerState::On | PowerState::PoweringOn
                    )
                }
                RestorePolicy::AlwaysOn => true,
            };
            if starts {
                self.turn(&mut machine, PowerState::On);
            }
        }
    }

    fn lose(&self, left: Supply) {
        let mut machine = self.lock();
        if machine.supply == Supply::Whole {
            machine.before_power_loss = *self.power.borrow();
            self.turn(&mut machine, PowerState::Off);
        }
        machine.supply = machine.supply.min(left);
    }

    /// Somebody turns the machine on at its button, if there is power.
    pub fn turn_on_by_hand(&self) {
        let mut machine = self.lock();
        if machine.supply == Supply::Whole {
            self.turn(&mut machine, PowerState::On);
        }
    }

    /// The machine turns itself off, or somebody does at its button.
    pub fn turn_off_by_hand(&self) {
        self.turn(&mut self.lock(), PowerState::Off);
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine's power is now that, and whatever change was under way is overtaken.
    fn turn(&self, machine: &mut Machine, power: PowerState) -> u64 {
        machine.changes += 1;
        machine.under_way = None;
        self.power.send_if_modified(|now| {
            let changed = *now != power;
            *now = power;
            changed
        });
        machine.changes
    }

    /// Does as the command says, in the time that it takes.
    fn obey(&self, machine: &mut Machine, command: PowerCommand) {
        let now = *self.power.borrow();
        let faults = &machine.faults;
        let (meanwhile, takes, arrived) = match command {
            PowerCommand::On => (PowerState::PoweringOn, faults.on_takes, PowerState::On),
            PowerCommand::ForceOff => (now, faults.off_takes, PowerState::Off),
            PowerCommand::ShutDown => (
                PowerState::PoweringOff,
                faults.shut_down_takes,
                PowerState::Off,
            ),
        };
        let deaf = match command {
            PowerCommand::On => machine.supply != Supply::Whole,
            PowerCommand::ForceOff => false,
            PowerCommand::ShutDown => {
                faults.frozen || machine.under_way == Some(PowerCommand::ForceOff)
            }
        };
        if deaf || now == arrived || machine.under_way == Some(command) {
            return;
        }
        if takes.is_zero() {
            self.turn(machine, arrived);
            return;
        }
        let change = self.turn(machine, meanwhile);
        machine.under_way = Some(command);
        let this = self.clone();
        tokio::spawn(async move {
            sleep(takes).await;
            let mut machine = this.lock();
            if machine.changes == change {
                this.turn(&mut machine, arrived);
            }
        });
    }
}

impl fmt::Debug for MemoryBmc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBmc")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
