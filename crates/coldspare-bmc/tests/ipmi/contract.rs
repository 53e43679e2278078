//! The contract of the seam, on the simulator.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coldspare_bmc::conformance::{Rig, check};
use coldspare_bmc::{Bmc, GuidOrder, Identity, NicFile, RestorePolicy};

use crate::simulator::{Simulator, is_here, server};

#[derive(Default)]
struct SimulatorRig {
    with_nic: bool,
    latest: Mutex<Option<Arc<Simulator>>>,
}

impl SimulatorRig {
    fn latest(&self) -> Arc<Simulator> {
        self.latest.lock().unwrap().clone().unwrap()
    }
}

#[async_trait]
impl Rig for SimulatorRig {
    async fn fresh(&self) -> Arc<dyn Bmc> {
        let machine = Arc::new(Simulator::start(GuidOrder::Smbios).await);
        let bmc: Arc<dyn Bmc> = Arc::new(machine.ipmi());
        let nic = machine.nic();
        *self.latest.lock().unwrap() = Some(machine);
        if self.with_nic {
            Arc::new(NicFile::new(server(), bmc, nic))
        } else {
            bmc
        }
    }

    fn identity(&self) -> Identity {
        Simulator::identity()
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(1500)
    }

    async fn runs(&self) -> bool {
        self.latest().runs()
    }

    async fn turn_on_by_hand(&self) {
        self.latest().turn_on_by_hand().await;
    }

    async fn freeze(&self) {
        self.latest().freeze();
    }

    async fn cut_mains(&self) {
        self.latest().cut_mains().await;
    }

    async fn return_mains(&self) {
        self.latest().return_mains().await;
    }
}

/// IPMI has no boot settings: the checks of those hold only in that their lack is told.
#[tokio::test]
async fn ipmi_alone_keeps_the_contract() {
    if !is_here() {
        return;
    }
    let rig = SimulatorRig::default();
    let settings = rig.fresh().await.settings().await.unwrap();
    assert_eq!(settings.boot, None);
    assert_eq!(settings.restore, Some(RestorePolicy::AlwaysOff), "fixed");
    assert_eq!(check(&rig).await, []);
}

#[tokio::test]
async fn ipmi_with_a_nic_keeps_the_contract() {
    if !is_here() {
        return;
    }
    let rig = SimulatorRig {
        with_nic: true,
        ..SimulatorRig::default()
    };
    let settings = rig.fresh().await.settings().await.unwrap();
    assert!(settings.boot.is_some());
    assert_eq!(check(&rig).await, []);
}
