//! Every call to a device that the controller makes: when it began and ended. From it follows what
//! of a failover was the devices' time, and what our own.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use coldspare::{Clock, Devices};
use coldspare_bmc::{
    Bmc, BootSource, Inventory, PowerCommand, PowerState, Reading, RestorePolicy, Settings,
};
use coldspare_names::{ArrayName, PortName, SwitchName, Time, VolumeName};
use coldspare_network::{Observed, PortStatus, Switch, SwitchPlan};
use coldspare_san::{
    Admissions, Array, ArrayTraits, Portal, Progress, Session, SessionId, Volume, VolumeSpec,
};

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Of which device: `r1`, `lan-1`, `tgt`.
    pub(crate) device: String,
    /// What was asked.
    pub(crate) verb: &'static str,
    pub(crate) began: Time,
    pub(crate) ended: Time,
    /// What came of it, in a word.
    pub(crate) answer: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = (self.ended - self.began).as_secs_f64();
        let (at, device, verb) = (
            self.began.since_epoch().as_secs_f64(),
            &self.device,
            self.verb,
        );
        write!(
            f,
            "{at:9.3} {took:6.3} {device:<6} {verb:<18} {}",
            self.answer
        )
    }
}

/// The calls so far. Clones are the same list.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    clock: Clock,
    list: Arc<Mutex<Vec<Call>>>,
}

impl Calls {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            list: Arc::default(),
        }
    }

    /// The devices, each call to which is noted.
    pub(crate) fn noting(&self, devices: Devices) -> Devices {
        let noted = |name: &str| (self.clone(), name.to_owned());
        let bmcs = devices.bmcs.into_iter().map(|(name, device)| {
            let (calls, of) = noted(name.as_str());
            let noted: Arc<dyn Bmc> = Arc::new(Noted { calls, of, device });
            (name, noted)
        });
        let switches = devices.switches.into_iter().map(|(name, device)| {
            let (calls, of) = noted(name.as_str());
            let noted: Arc<dyn Switch> = Arc::new(Noted { calls, of, device });
            (name, noted)
        });
        let arrays = devices.arrays.into_iter().map(|(name, device)| {
            let (calls, of) = noted(name.as_str());
            let noted: Arc<dyn Array> = Arc::new(Noted { calls, of, device });
            (name, noted)
        });
        Devices {
            bmcs: bmcs.collect(),
            switches: switches.collect(),
            arrays: arrays.collect(),
            ..devices
        }
    }

    /// All so far, by the time when they ended.
    pub(crate) fn all(&self) -> Vec<Call> {
        self.list
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Writes them down.
    pub(crate) fn write(&self, to: &mut dyn Write) -> std::io::Result<()> {
        self.all()
            .iter()
            .try_for_each(|call| writeln!(to, "{call}"))
    }

    async fn note<T, E: fmt::Display>(
        &self,
        device: &str,
        verb: &'static str,
        call: impl Future<Output = Result<T, E>>,
        answer: impl Fn(&T) -> String,
    ) -> Result<T, E> {
        let began = self.clock.now();
        let outcome = call.await;
        let call = Call {
            device: device.to_owned(),
            verb,
            began,
            ended: self.clock.now(),
            answer: match &outcome {
                Ok(value) => answer(value),
                Err(error) => format!("error: {error}"),
            },
        };
        self.list
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        outcome
    }
}

/// A device of which each call is noted.
#[derive(Debug)]
struct Noted<D: ?Sized> {
    calls: Calls,
    of: String,
    device: Arc<D>,
}

impl<D: ?Sized> Noted<D> {
    async fn note<T, E: fmt::Display>(
        &self,
        verb: &'static str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.calls
            .note(&self.of, verb, call, |_| String::new())
            .await
    }
}

#[async_trait]
impl Bmc for Noted<dyn Bmc> {
    async fn read(&self) -> Result<Reading, coldspare_bmc::Error> {
        let power = |reading: &Reading| reading.power.to_string();
        self.calls
            .note(&self.of, "read", self.device.read(), power)
            .await
    }

    async fn set_power(&self, command: PowerCommand) -> Result<(), coldspare_bmc::Error> {
        let verb = match command {
            PowerCommand::On => "power on",
            PowerCommand::ForceOff => "power off",
            PowerCommand::ShutDown => "shut down",
        };
        self.note(verb, self.device.set_power(command)).await
    }

    async fn settings(&self) -> Result<Settings, coldspare_bmc::Error> {
        self.note("settings", self.device.settings()).await
    }

    async fn set_boot(&self, source: &BootSource) -> Result<(), coldspare_bmc::Error> {
        self.note("set boot", self.device.set_boot(source)).await
    }

    async fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), coldspare_bmc::Error> {
        self.note("set restore policy", self.device.set_restore_policy(policy))
            .await
    }

    async fn inventory(&self) -> Result<Inventory, coldspare_bmc::Error> {
        self.note("inventory", self.device.inventory()).await
    }
}

#[async_trait]
impl Switch for Noted<dyn Switch> {
    fn name(&self) -> &SwitchName {
        self.device.name()
    }

    async fn ports(&self) -> Result<BTreeMap<PortName, PortStatus>, coldspare_network::Error> {
        self.note("ports", self.device.ports()).await
    }

    async fn set_ports(
        &self,
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan,
    ) -> Result<(), coldspare_network::Error> {
        self.note("set ports", self.device.set_ports(expected, wanted))
            .await
    }
}

#[async_trait]
impl Array for Noted<dyn Array> {
    fn name(&self) -> &ArrayName {
        self.device.name()
    }

    fn traits(&self) -> ArrayTraits {
        self.device.traits()
    }

    async fn portals(&self) -> Result<Vec<Portal>, coldspare_san::Error> {
        self.note("portals", self.device.portals()).await
    }

    async fn volumes(&self) -> Result<Vec<Volume>, coldspare_san::Error> {
        self.note("volumes", self.device.volumes()).await
    }

    async fn create(&self, spec: &VolumeSpec) -> Result<Volume, coldspare_san::Error> {
        self.note("create", self.device.create(spec)).await
    }

    async fn clone_volume(
        &self,
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, coldspare_san::Error> {
        let call = self.device.clone_volume(source, clone, progress);
        self.note("clone", call).await
    }

    async fn snapshot(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<Volume, coldspare_san::Error> {
        let call = self.device.snapshot(volume, snapshot, progress);
        self.note("snapshot", call).await
    }

    async fn restore(
        &self,
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>,
    ) -> Result<(), coldspare_san::Error> {
        let call = self.device.restore(volume, snapshot, progress);
        self.note("restore", call).await
    }

    async fn delete(&self, volume: &VolumeName) -> Result<(), coldspare_san::Error> {
        self.note("delete", self.device.delete(volume)).await
    }

    async fn admissions(&self) -> Result<BTreeMap<VolumeName, Admissions>, coldspare_san::Error> {
        self.note("admissions", self.device.admissions()).await
    }

    async fn set_admissions(
        &self,
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions,
    ) -> Result<(), coldspare_san::Error> {
        let call = self.device.set_admissions(volume, expected, wanted);
        self.note("set admissions", call).await
    }

    async fn sessions(&self) -> Result<Vec<Session>, coldspare_san::Error> {
        let open = |sessions: &Vec<Session>| format!("{} open", sessions.len());
        self.calls
            .note(&self.of, "sessions", self.device.sessions(), open)
            .await
    }

    async fn drop_sessions(&self, sessions: &[SessionId]) -> Result<(), coldspare_san::Error> {
        self.note("drop sessions", self.device.drop_sessions(sessions))
            .await
    }
}

/// How a controller answered that a machine is off.
pub(crate) fn off() -> String {
    PowerState::Off.to_string()
}
