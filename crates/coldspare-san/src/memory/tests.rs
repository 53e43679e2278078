use std::net::IpAddr;

use coldspare_names::{Generation, Time};

use super::*;
use crate::{Admission, Login, Refusal, Size, admit, chap};

fn key() -> SecretKey {
    SecretKey::new([7; 32])
}

fn name(text: &str) -> VolumeName {
    text.parse().unwrap()
}

fn at(seconds: u64) -> Time {
    Time::after_epoch(Duration::from_secs(seconds))
}

fn admission(server: u8, generation: u64) -> Admission {
    Admission {
        initiator: "iqn.2012-08.com.example:exchange1".parse().unwrap(),
        server: format!("r720-{server}").parse().unwrap(),
        generation: Generation::new(generation),
        addresses: [IpAddr::from([10, 20, 0, server])].into(),
    }
}

fn login(admission: &Admission) -> Login {
    let Admission {
        initiator,
        server,
        generation,
        addresses,
    } = admission;
    Login {
        volume: name("image"),
        initiator: initiator.to_string(),
        source: *addresses.first().unwrap(),
        chap: Some(chap(&key(), initiator, server, *generation)),
    }
}

/// An array with one volume, `image`.
async fn array(traits: ArrayTraits) -> MemoryArray {
    let portal = "10.20.0.1".parse().unwrap();
    let array = MemoryArray::new("ps6110".parse().unwrap(), [portal], key(), traits);
    let size = Size::gibibytes(40).unwrap();
    array
        .create(&VolumeSpec {
            name: name("image"),
            size,
            thin: true,
        })
        .await
        .unwrap();
    array
}

async fn set(array: &MemoryArray, admitted: &[Admission]) {
    let found = array
        .admissions()
        .await
        .unwrap()
        .remove(&name("image"))
        .unwrap();
    let admitted = admitted.iter().cloned().collect();
    let wanted = Admissions {
        admitted,
        ..found.clone()
    };
    array
        .set_admissions(&name("image"), &found, &wanted)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_write_under_way_lands_after_the_drop_and_the_blocks_remember_whose_it_was() {
    let array = array(MemoryArray::TRAITS).await;
    array.set_traps(Traps {
        late_writes: true,
        ..Traps::default()
    });
    admit(&array, &name("image"), &admission(1, 1))
        .await
        .unwrap();
    let old = array.log_in(&login(&admission(1, 1)), at(0)).unwrap();
    array.write(&old, at(1)).unwrap();
    array
        .drop_sessions(std::slice::from_ref(&old))
        .await
        .unwrap();
    assert_eq!(
        array.write(&old, at(2)),
        Err(IoRefused::Gone),
        "only what is under way lands"
    );
    // A careless controller gives before the session is gone.
    admit(&array, &name("image"), &admission(2, 2))
        .await
        .unwrap();
    let new = array.log_in(&login(&admission(2, 2)), at(3)).unwrap();
    array.write(&new, at(3)).unwrap();
    array.land_writes(at(4));
    let generations: Vec<_> = array
        .writings(&name("image"))
        .iter()
        .map(|writing| (writing.generation.unwrap().number(), writing.last))
        .collect();
    assert_eq!(generations, [(1, at(1)), (2, at(3)), (1, at(4))]);
    assert_eq!(array.open_sessions().len(), 1);
}

#[tokio::test]
async fn an_array_that_ors_its_rules_lets_in_whoever_fits_one() {
    let ored = ArrayTraits {
        rules_are_ored: true,
        binds_by_secret: false,
        ..MemoryArray::TRAITS
    };
    assert!(!ored.binds());
    let array = array(ored).await;
    set(&array, &[admission(1, 1)]).await;
    let by_name = Login {
        source: [10, 20, 0, 9].into(),
        ..login(&admission(1, 1))
    };
    let by_address = Login {
        initiator: "stranger".into(),
        ..login(&admission(1, 1))
    };
    assert!(array.log_in(&by_name, at(0)).is_ok());
    assert!(array.log_in(&by_address, at(0)).is_ok());
}

#[tokio::test]
async fn an_array_may_open_when_its_last_account_goes() {
    let traits = ArrayTraits {
        opens_when_last_account_goes: true,
        ..MemoryArray::TRAITS
    };
    let array = array(traits).await;
    let bare = Login {
        chap: None,
        ..login(&admission(9, 1))
    };
    assert_eq!(
        array.log_in(&bare, at(0)),
        Err(LoginRefused::NotFound),
        "never had one"
    );
    set(&array, &[admission(1, 1)]).await;
    assert_eq!(
        array.log_in(&bare, at(0)),
        Err(LoginRefused::NotFound),
        "another address"
    );
    set(&array, &[]).await;
    assert!(array.log_in(&bare, at(0)).is_ok());
}

#[tokio::test]
async fn a_gap_among_the_accounts_may_lock_out_those_behind_it() {
    let array = array(MemoryArray::TRAITS).await;
    array.set_traps(Traps {
        second_account_locks_out: true,
        ..Traps::default()
    });
    let (old, new) = (admission(1, 1), admission(1, 2));
    set(&array, std::slice::from_ref(&old)).await;
    set(&array, &[old, new.clone()]).await;
    assert!(array.log_in(&login(&new), at(0)).is_ok());
    set(&array, std::slice::from_ref(&new)).await;
    assert!(array.log_in(&login(&new), at(0)).is_err());
    set(&array, &[]).await;
    set(&array, std::slice::from_ref(&new)).await;
    assert!(
        array.log_in(&login(&new), at(0)).is_ok(),
        "one at a time works"
    );
}

#[tokio::test]
async fn names_may_be_compared_byte_for_byte() {
    let array = array(MemoryArray::TRAITS).await;
    set(&array, &[admission(1, 1)]).await;
    let typed = Login {
        initiator: "iqn.2012-08.com.example:Exchange1".into(),
        ..login(&admission(1, 1))
    };
    assert!(array.log_in(&typed, at(0)).is_ok());
    array.set_traps(Traps {
        names_byte_for_byte: true,
        ..Traps::default()
    });
    assert_eq!(array.log_in(&typed, at(0)), Err(LoginRefused::NotFound));
}

#[tokio::test]
async fn a_wrong_secret_looks_different_from_a_wrong_name() {
    let array = array(MemoryArray::TRAITS).await;
    set(&array, &[admission(1, 1)]).await;
    let stale = Login {
        chap: None,
        ..login(&admission(1, 1))
    };
    assert_eq!(
        array.log_in(&stale, at(0)),
        Err(LoginRefused::Authentication)
    );
}

#[tokio::test]
async fn sessions_outlive_a_cut_cable_and_not_a_restart() {
    let array = array(MemoryArray::TRAITS).await;
    set(&array, &[admission(1, 1)]).await;
    let session = array.log_in(&login(&admission(1, 1)), at(0)).unwrap();
    array.set_reachable([10, 20, 0, 1].into(), false);
    assert_eq!(array.write(&session, at(1)), Err(IoRefused::NoAnswer));
    assert_eq!(
        array.log_in(&login(&admission(1, 1)), at(1)),
        Err(LoginRefused::NoAnswer)
    );
    assert_eq!(array.sessions().await.unwrap().len(), 1);
    array.set_reachable([10, 20, 0, 1].into(), true);
    assert_eq!(array.write(&session, at(2)), Ok(()));
    array.set_up(false);
    assert_eq!(array.write(&session, at(3)), Err(IoRefused::NoAnswer));
    assert!(matches!(
        array.sessions().await,
        Err(Error::NoAnswer { .. })
    ));
    array.set_up(true);
    array.restart();
    assert_eq!(array.read(&session), Err(IoRefused::Gone));
    let again = array.log_in(&login(&admission(1, 1)), at(4)).unwrap();
    array.end_session(&again);
    assert_eq!(array.open_sessions(), []);
}

#[tokio::test]
async fn damage_is_cloned_with_the_volume_and_mended_by_an_older_snapshot() {
    let array = array(MemoryArray::TRAITS).await;
    let (image, good, copy) = (name("image"), name("good"), name("copy"));
    array.snapshot(&image, &good, &|_| ()).await.unwrap();
    array.set_damaged(&image, true);
    array.clone_volume(&image, &copy, &|_| ()).await.unwrap();
    admit(&array, &copy, &admission(1, 1)).await.unwrap();
    let on_copy = Login {
        volume: copy,
        ..login(&admission(1, 1))
    };
    let session = array.log_in(&on_copy, at(0)).unwrap();
    assert_eq!(array.read(&session), Err(IoRefused::Damaged));
    array.restore(&image, &good, &|_| ()).await.unwrap();
    set(&array, &[admission(1, 1)]).await;
    let session = array.log_in(&login(&admission(1, 1)), at(0)).unwrap();
    assert_eq!(array.read(&session), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn every_management_verb_can_fall_silent_slow_or_fail() {
    let array = array(MemoryArray::TRAITS).await;
    let image = name("image");
    array.set_traps(Traps {
        loses_answers: true,
        ..Traps::default()
    });
    assert!(matches!(
        array.delete(&image).await,
        Err(Error::NoAnswer { .. })
    ));
    array.set_traps(Traps {
        latency: Duration::from_secs(30),
        ..Traps::default()
    });
    let hasty = tokio::time::timeout(Duration::from_secs(10), array.volumes()).await;
    assert!(hasty.is_err());
    assert_eq!(
        array.volumes().await.unwrap(),
        [],
        "it was deleted, only the answer was lost"
    );
    array.set_traps(Traps {
        failing: [image.clone()].into(),
        ..Traps::default()
    });
    assert!(matches!(
        array.delete(&image).await,
        Err(Error::Failed { retry: true, .. })
    ));
}

#[tokio::test]
async fn any_volume_name_gives_a_target_name_of_its_own() {
    let array = array(MemoryArray::TRAITS).await;
    let size = Size::gibibytes(1).unwrap();
    let mut targets = std::collections::BTreeSet::new();
    for text in [
        "Exchange Server-1",
        "exchange server-1",
        "exchange_server-1",
        "データ",
        "a/b",
    ] {
        let spec = VolumeSpec {
            name: name(text),
            size,
            thin: false,
        };
        targets.insert(array.create(&spec).await.unwrap().target);
    }
    assert_eq!(targets.len(), 5, "{targets:?}");
    let taken = VolumeSpec {
        name: name("a/b"),
        size,
        thin: true,
    };
    let Err(Error::Refused { refusal, .. }) = array.create(&taken).await else {
        panic!()
    };
    assert_eq!(refusal, Refusal::NameTaken);
}
