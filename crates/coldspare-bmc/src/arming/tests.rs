use coldspare_names::{Generation, IscsiName, ServerName};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::*;
use crate::{Chap, Faults, IscsiBoot, MemoryBmc};

fn identity() -> Identity {
    Identity::of_uuid(Uuid::from_u128(7))
}

fn machine(faults: Faults) -> MemoryBmc {
    let bmc = MemoryBmc::new(ServerName::new("r1").unwrap(), identity());
    bmc.set_faults(faults);
    bmc
}

fn source(secret: &str) -> BootSource {
    BootSource::Iscsi(IscsiBoot {
        initiator: IscsiName::new("iqn.2012-08.com.example:exchange1").unwrap(),
        initiator_addresses: vec!["10.0.0.11/24".parse().unwrap()],
        target: IscsiName::new("iqn.2012-08.com.example:boot1").unwrap(),
        portals: vec!["10.0.0.1:3260".parse().unwrap()],
        lun: 0,
        chap: Some(Chap::new("exchange1-7", SecretString::from(secret)).unwrap()),
        generation: Generation::new(7),
    })
}

fn remembered_secret(bmc: &MemoryBmc) -> Option<String> {
    match bmc.remembered_boot() {
        BootSource::Iscsi(boot) => boot.chap.map(|chap| chap.secret().expose_secret().into()),
        BootSource::Nothing => None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_armed_machine_remembers_the_latest_secret_without_power() {
    let bmc = machine(Faults::default());
    for secret in ["the-first-secret", "the-later-secret"] {
        let source = source(secret);
        let settings = arm(&bmc, &identity(), &source, &Timing::default())
            .await
            .unwrap();
        assert_eq!(settings.boot, Some(source.armed()));
        bmc.lose_mains();
        bmc.return_mains();
        assert_eq!(remembered_secret(&bmc).as_deref(), Some(secret));
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_armed_after_a_fence_comes_back_by_itself_once_it_was_on() {
    let bmc = machine(Faults::default());
    let timing = Timing::default();
    disarm(&bmc, &identity(), &timing).await.unwrap();
    arm(&bmc, &identity(), &source("the-first-secret"), &timing)
        .await
        .unwrap();
    bmc.lose_mains();
    bmc.return_mains();
    assert_eq!(*bmc.power().borrow(), crate::PowerState::Off);
    bmc.turn_on_by_hand();
    bmc.lose_mains();
    bmc.return_mains();
    assert_eq!(*bmc.power().borrow(), crate::PowerState::On);
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_restore_policy_is_fixed_is_armed_all_the_same() {
    let bmc = machine(Faults {
        restore_policy_is_fixed: true,
        ..Faults::default()
    });
    let source = source("the-first-secret");
    arm(&bmc, &identity(), &source, &Timing::default())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_disarmed_machine_boots_nothing_and_stays_off() {
    let bmc = machine(Faults::default());
    arm(
        &bmc,
        &identity(),
        &source("the-first-secret"),
        &Timing::default(),
    )
    .await
    .unwrap();
    bmc.set_restore_policy(RestorePolicy::AlwaysOn)
        .await
        .unwrap();
    let disarmed = disarm(&bmc, &identity(), &Timing::default()).await.unwrap();
    assert_eq!(disarmed.identity(), &identity());
    assert!(matches!(bmc.remembered_boot(), BootSource::Nothing));
    bmc.lose_mains();
    bmc.return_mains();
    assert_eq!(*bmc.power().borrow(), crate::PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_only_says_so_has_not_disarmed() {
    let bmc = machine(Faults::default());
    arm(
        &bmc,
        &identity(),
        &source("the-first-secret"),
        &Timing::default(),
    )
    .await
    .unwrap();
    bmc.set_faults(Faults {
        ignores: true,
        ..Faults::default()
    });
    let left = disarm(&bmc, &identity(), &Timing::default())
        .await
        .unwrap_err();
    assert!(matches!(
        left,
        Unmet::Reads(Settings {
            boot: Some(ArmedBoot::Iscsi(_)),
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn another_machine_is_neither_armed_nor_disarmed() {
    let bmc = machine(Faults::default());
    arm(
        &bmc,
        &identity(),
        &source("the-first-secret"),
        &Timing::default(),
    )
    .await
    .unwrap();
    let stranger = Identity::of_uuid(Uuid::from_u128(8));
    let timing = Timing::default();
    let disarmed = disarm(&bmc, &stranger, &timing).await;
    assert!(matches!(disarmed, Err(Unmet::OtherMachine { .. })));
    let armed = arm(&bmc, &stranger, &source("the-later-secret"), &timing).await;
    assert!(matches!(armed, Err(Unmet::OtherMachine { .. })));
    assert_eq!(remembered_secret(&bmc).as_deref(), Some("the-first-secret"));
}

#[tokio::test(start_paused = true)]
async fn without_boot_settings_the_restore_policy_is_set_and_nothing_is_disarmed() {
    let bmc = machine(Faults {
        no_boot_settings: true,
        ..Faults::default()
    });
    let left = disarm(&bmc, &identity(), &Timing::default())
        .await
        .unwrap_err();
    assert!(matches!(left, Unmet::Failed(Error::Unsupported { .. })));
    let settings = bmc.settings().await.unwrap();
    assert_eq!(settings.restore, Some(RestorePolicy::AlwaysOff));
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_restore_policy_is_fixed_is_disarmed_only_if_it_stays_off() {
    let bmc = machine(Faults::default());
    for (fixed, stays_off) in [
        (RestorePolicy::AlwaysOff, true),
        (RestorePolicy::LastState, false),
    ] {
        bmc.set_faults(Faults::default());
        bmc.set_restore_policy(fixed).await.unwrap();
        bmc.set_faults(Faults {
            restore_policy_is_fixed: true,
            ..Faults::default()
        });
        let disarmed = disarm(&bmc, &identity(), &Timing::default()).await;
        assert_eq!(disarmed.is_ok(), stays_off, "{fixed:?}: {disarmed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_controller_is_asked_again() {
    let refusing = Faults {
        refuses: true,
        ..Faults::default()
    };
    let bmc = machine(refusing);
    let later = bmc.clone();
    tokio::spawn(async move {
        sleep(std::time::Duration::from_secs(5)).await;
        later.set_faults(Faults::default());
    });
    assert!(disarm(&bmc, &identity(), &Timing::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_silent_controller_is_given_up_after_the_limit() {
    let bmc = machine(Faults {
        silent: true,
        ..Faults::default()
    });
    let left = disarm(&bmc, &identity(), &Timing::default())
        .await
        .unwrap_err();
    assert!(matches!(left, Unmet::Failed(Error::NoAnswer { .. })));
}
