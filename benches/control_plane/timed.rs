//! Devices as the controller is given them: how long they work is counted, since a controller only
//! waits for a real one.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_bmc::{Bmc, BootSource, Inventory, PowerCommand, Reading, RestorePolicy, Settings};
use coldspare_names::{ArrayName, PersonaName, PortName, SwitchName, VolumeName};
use coldspare_network::{Guest, GuestPlan, Interfaces, Observed, PortStatus, Switch, SwitchPlan};
use coldspare_san::{
    Admissions, Array, ArrayTraits, Portal, Progress, Session, SessionId, Volume, VolumeSpec,
};

use crate::now;

/// How long all devices have worked, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worked(Arc<AtomicU64>);

impl Worked {
    /// Since this was asked last.
    pub(crate) fn take(&self) -> Duration {
        Duration::from_nanos(self.0.swap(0, Ordering::Relaxed))
    }

    /// What of the outside world is done at once.
    pub(crate) fn at_once<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = now();
        let done = work();
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(took, Ordering::Relaxed);
        done
    }

    /// A call of a device; while it sleeps nobody works.
    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        poll_fn(|context| self.at_once(|| call.as_mut().poll(context))).await
    }
}

#[derive(Debug)]
pub(crate) struct Timed<Device> {
    pub(crate) device: Device,
    pub(crate) worked: Worked,
}

macro_rules! timed {
    ($seam:ident {
        $(fn $said:ident() -> $word:ty;)*
        $(async fn $verb:ident($($with:ident: $kind:ty),*) -> $answer:ty;)*
    }) => {
        #[async_trait]
        impl<Device: $seam> $seam for Timed<Device> {
            $(fn $said(&self) -> $word {
                self.device.$said()
            })*
            $(async fn $verb(&self, $($with: $kind),*) -> $answer {
                self.worked.call(self.device.$verb($($with),*)).await
            })*
        }
    };
}

timed!(Bmc {
    async fn read() -> Result<Reading, coldspare_bmc::Error>;
    async fn set_power(command: PowerCommand) -> Result<(), coldspare_bmc::Error>;
    async fn settings() -> Result<Settings, coldspare_bmc::Error>;
    async fn set_boot(source: &BootSource) -> Result<(), coldspare_bmc::Error>;
    async fn set_restore_policy(policy: RestorePolicy) -> Result<(), coldspare_bmc::Error>;
    async fn inventory() -> Result<Inventory, coldspare_bmc::Error>;
});

timed!(Switch {
    fn name() -> &SwitchName;
    async fn ports() -> Result<BTreeMap<PortName, PortStatus>, coldspare_network::Error>;
    async fn set_ports(
        expected: &BTreeMap<PortName, Observed>,
        wanted: &SwitchPlan
    ) -> Result<(), coldspare_network::Error>;
});

timed!(Guest {
    fn persona() -> &PersonaName;
    async fn interfaces() -> Result<Interfaces, coldspare_network::Error>;
    async fn set_plan(plan: &GuestPlan) -> Result<(), coldspare_network::Error>;
    async fn shut_down() -> Result<(), coldspare_network::Error>;
});

timed!(Array {
    fn name() -> &ArrayName;
    fn traits() -> ArrayTraits;
    async fn portals() -> Result<Vec<Portal>, coldspare_san::Error>;
    async fn volumes() -> Result<Vec<Volume>, coldspare_san::Error>;
    async fn create(spec: &VolumeSpec) -> Result<Volume, coldspare_san::Error>;
    async fn clone_volume(
        source: &VolumeName,
        clone: &VolumeName,
        progress: Progress<'_>
    ) -> Result<Volume, coldspare_san::Error>;
    async fn snapshot(
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>
    ) -> Result<Volume, coldspare_san::Error>;
    async fn restore(
        volume: &VolumeName,
        snapshot: &VolumeName,
        progress: Progress<'_>
    ) -> Result<(), coldspare_san::Error>;
    async fn delete(volume: &VolumeName) -> Result<(), coldspare_san::Error>;
    async fn admissions() -> Result<BTreeMap<VolumeName, Admissions>, coldspare_san::Error>;
    async fn set_admissions(
        volume: &VolumeName,
        expected: &Admissions,
        wanted: &Admissions
    ) -> Result<(), coldspare_san::Error>;
    async fn sessions() -> Result<Vec<Session>, coldspare_san::Error>;
    async fn drop_sessions(sessions: &[SessionId]) -> Result<(), coldspare_san::Error>;
});
