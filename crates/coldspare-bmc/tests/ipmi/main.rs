//! IPMI on a real controller: OpenIPMI's simulator, which starts and kills a real process.

#![expect(
    clippy::unwrap_used,
    reason = "a rig that cannot be built is a failed test"
)]

mod contract;
mod killed;
mod process;
mod simulator;

use std::sync::Arc;
use std::time::Duration;

use coldspare_bmc::{
    ArmedBoot, Bmc, BootSource, Chap, CipherSuite, Error, GuidOrder, Identity, Ipmi, IpmiAccess,
    IpmiUser, IscsiBoot, NicFile, PowerCommand, PowerState, RestorePolicy, Timing, Unmet, arm,
    disarm, power_on, prove_off, read_off, shut_down,
};
use coldspare_names::{Generation, IscsiName};
use simulator::{PASSWORD, Simulator, is_here, server};
use uuid::Uuid;

const TIMING: Timing = Timing {
    pause: Duration::from_millis(500),
    poll: Duration::from_millis(50),
    limit: Duration::from_secs(10),
};

async fn machine() -> Option<Simulator> {
    if is_here() {
        Some(Simulator::start(GuidOrder::Smbios).await)
    } else {
        None
    }
}

#[tokio::test]
async fn a_machine_is_known_whatever_order_its_guid_has() {
    if !is_here() {
        return;
    }
    for guid_order in [GuidOrder::Rfc, GuidOrder::Smbios, GuidOrder::Ipmi] {
        let machine = Simulator::start(guid_order).await;
        let access = IpmiAccess {
            guid_order,
            ..machine.access()
        };
        let reading = Ipmi::new(server(), access).read().await.unwrap();
        assert_eq!(reading.identity, Simulator::identity(), "{guid_order:?}");
        assert_eq!(reading.power, PowerState::Off);
    }
}

#[tokio::test]
async fn a_machine_is_turned_on_proven_off_and_proven_off_again() {
    let Some(machine) = machine().await else {
        return;
    };
    let (bmc, identity) = (machine.ipmi(), Simulator::identity());
    for _ in 0..2 {
        power_on(&bmc, &identity, &TIMING).await.unwrap();
        assert!(machine.runs());
        assert!(read_off(&bmc, &identity, &TIMING).await.is_err());

        let proof = prove_off(&bmc, &identity, &TIMING).await.unwrap();
        assert!(!machine.runs());
        assert_eq!(proof.identity(), &identity);
    }
    prove_off(&bmc, &identity, &TIMING).await.unwrap();
}

#[tokio::test]
async fn a_frozen_machine_is_proven_off_only_once_it_is_killed() {
    let Some(machine) = machine().await else {
        return;
    };
    let (bmc, identity) = (machine.ipmi(), Simulator::identity());
    power_on(&bmc, &identity, &TIMING).await.unwrap();
    machine.freeze();

    // Between the command and the kill the controller says what is true.
    bmc.set_power(PowerCommand::ForceOff).await.unwrap();
    assert!(machine.runs());
    assert_eq!(bmc.read().await.unwrap().power, PowerState::On);

    prove_off(&bmc, &identity, &TIMING).await.unwrap();
    assert!(!machine.runs());
}

#[tokio::test]
async fn another_machine_is_sent_nothing() {
    let Some(machine) = machine().await else {
        return;
    };
    let bmc = machine.ipmi();
    machine.turn_on_by_hand().await;
    let other = Identity::of_uuid(Uuid::from_u128(8));
    let refused = prove_off(&bmc, &other, &TIMING).await.unwrap_err();
    assert!(
        matches!(&refused, Unmet::OtherMachine { found, .. } if found == &Simulator::identity()),
        "{refused:?}"
    );

    // So it looks when the order of the bytes is set wrongly.
    let access = IpmiAccess {
        guid_order: GuidOrder::Ipmi,
        ..machine.access()
    };
    let bmc = Ipmi::new(server(), access);
    let refused = prove_off(&bmc, &Simulator::identity(), &TIMING).await;
    assert!(matches!(refused, Err(Unmet::OtherMachine { .. })));
    assert!(machine.runs());
}

#[tokio::test]
async fn a_controller_that_is_dead_or_frozen_proves_nothing_and_is_given_up_in_time() {
    let Some(machine) = machine().await else {
        return;
    };
    let access = IpmiAccess {
        limit: Duration::from_millis(500),
        ..machine.access()
    };
    let bmc = Ipmi::new(server(), access);
    let timing = Timing {
        limit: Duration::from_secs(2),
        ..TIMING
    };
    machine.freeze_controller();
    assert_given_up(&bmc, &timing).await;
    machine.cut_mains().await;
    assert_given_up(&bmc, &timing).await;
}

async fn assert_given_up(bmc: &Ipmi, timing: &Timing) {
    let identity = Simulator::identity();
    let call = prove_off(bmc, &identity, timing);
    let refused = tokio::time::timeout(timing.limit * 2, call).await.unwrap();
    assert!(
        matches!(refused, Err(Unmet::Failed(Error::NoAnswer { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_user_whom_the_controller_does_not_accept_is_told_at_once() {
    let Some(machine) = machine().await else {
        return;
    };
    for (name, password) in [("admin", "another"), ("nobody", PASSWORD)] {
        let access = IpmiAccess {
            user: IpmiUser::new(name, password.into()).unwrap(),
            ..machine.access()
        };
        let bmc = Ipmi::new(server(), access);
        let refused = prove_off(&bmc, &Simulator::identity(), &TIMING).await;
        assert!(
            matches!(refused, Err(Unmet::Failed(Error::Denied { .. }))),
            "{name}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_cipher_suite_that_the_controller_lacks_is_told_at_once() {
    let Some(machine) = machine().await else {
        return;
    };
    let access = IpmiAccess {
        cipher_suite: CipherSuite::Sha256,
        ..machine.access()
    };
    let refused = Ipmi::new(server(), access).read().await.unwrap_err();
    assert!(
        matches!(&refused, Error::Refused { retry: false, reason, .. } if reason.contains("algorithm")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_machine_that_cannot_be_asked_to_shut_down_is_not_off() {
    let Some(machine) = machine().await else {
        return;
    };
    let (bmc, identity) = (machine.ipmi(), Simulator::identity());
    power_on(&bmc, &identity, &TIMING).await.unwrap();
    let timing = Timing {
        limit: Duration::from_secs(1),
        ..TIMING
    };
    assert!(shut_down(&bmc, &identity, &timing).await.is_err());
    assert!(machine.runs());
}

#[tokio::test]
async fn without_a_nic_a_machine_can_be_neither_armed_nor_disarmed() {
    let Some(machine) = machine().await else {
        return;
    };
    let (bmc, identity) = (machine.ipmi(), Simulator::identity());
    let armed = arm(&bmc, &identity, &source(), &TIMING).await;
    assert!(matches!(
        armed,
        Err(Unmet::Failed(Error::Unsupported { .. }))
    ));
    let disarmed = disarm(&bmc, &identity, &TIMING).await;
    assert!(matches!(
        disarmed,
        Err(Unmet::Failed(Error::Unsupported { .. }))
    ));
}

#[tokio::test]
async fn a_machine_remembers_what_it_was_armed_with_until_it_is_disarmed() {
    let Some(machine) = machine().await else {
        return;
    };
    let identity = Simulator::identity();
    let bmc = NicFile::new(server(), Arc::new(machine.ipmi()), machine.nic());
    let settings = arm(&bmc, &identity, &source(), &TIMING).await.unwrap();
    assert_eq!(settings.boot, Some(source().armed()));

    machine.cut_mains().await;
    assert!(bmc.set_boot(&BootSource::Nothing).await.is_err());
    assert!(bmc.settings().await.is_err());
    machine.return_mains().await;
    assert_eq!(
        bmc.settings().await.unwrap().boot,
        Some(source().armed()),
        "a controller without mains changes nothing"
    );

    disarm(&bmc, &identity, &TIMING).await.unwrap();
    let settings = bmc.settings().await.unwrap();
    assert_eq!(settings.boot, Some(ArmedBoot::Nothing));
    assert_eq!(settings.restore, Some(RestorePolicy::AlwaysOff));
}

fn source() -> BootSource {
    BootSource::Iscsi(IscsiBoot {
        initiator: IscsiName::new("iqn.2026-11.lab:persona1").unwrap(),
        initiator_addresses: vec!["10.20.0.11/24".parse().unwrap()],
        target: IscsiName::new("iqn.2026-11.lab:p1").unwrap(),
        portals: vec!["10.20.0.1:3260".parse().unwrap()],
        lun: 1,
        chap: Some(Chap::new("p1g2", "secret-p1-gen2".into()).unwrap()),
        generation: Generation::new(2),
    })
}
