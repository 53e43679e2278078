use std::collections::BTreeSet;
use std::net::IpAddr;

use coldspare_names::Time;
use tokio::join;

use super::*;
use crate::memory::{MemoryArray, Traps, Writing};
use crate::{ArrayTraits, Login, SecretKey, SessionId, Size, VolumeSpec, chap};

const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(10),
    pause: Duration::from_millis(100),
};

fn key() -> SecretKey {
    SecretKey::new([7; 32])
}

fn volume(number: usize) -> VolumeName {
    VolumeName::new(format!("volume-{number:03}")).unwrap()
}

fn admission(server: u8, generation: u64) -> Admission {
    Admission {
        initiator: "iqn.2012-08.com.example:exchange1".parse().unwrap(),
        server: format!("r720-{server}").parse().unwrap(),
        generation: Generation::new(generation),
        addresses: [IpAddr::from([10, 20, 0, server])].into(),
    }
}

/// Shuts that server out up to that generation, stamping the first `volumes` with the next one.
fn request(server: u8, generation: u64, volumes: usize) -> ShutOut {
    let Admission {
        initiator,
        server,
        generation,
        addresses,
    } = admission(server, generation);
    ShutOut {
        server,
        addresses,
        initiator: Some(initiator),
        up_to: generation,
        volumes: (0..volumes).map(volume).collect(),
        stamp: generation.next(),
        spared: BTreeSet::new(),
    }
}

/// That many volumes, to each of which the first server is admitted and logged in, and writes.
async fn held(volumes: usize, traits: ArrayTraits) -> (MemoryArray, Vec<SessionId>) {
    let portal = "10.20.0.1".parse().unwrap();
    let array = MemoryArray::new("ps6010".parse().unwrap(), [portal], key(), traits);
    let mut sessions = Vec::new();
    for number in 0..volumes {
        let size = Size::gibibytes(1).unwrap();
        let spec = VolumeSpec {
            name: volume(number),
            size,
            thin: true,
        };
        array.create(&spec).await.unwrap();
        admit(&array, &spec.name, &admission(1, 1)).await.unwrap();
        let session = array
            .log_in(&login(&spec.name, &admission(1, 1)), Time::EPOCH)
            .unwrap();
        array.write(&session, Time::EPOCH).unwrap();
        sessions.push(session);
    }
    (array, sessions)
}

fn login(volume: &VolumeName, admission: &Admission) -> Login {
    let Admission {
        initiator,
        server,
        generation,
        addresses,
    } = admission;
    Login {
        volume: volume.clone(),
        initiator: initiator.to_string(),
        source: *addresses.first().unwrap(),
        chap: Some(chap(&key(), initiator, server, *generation)),
    }
}

fn leftovers(answer: Result<ShutOutEvidence, Error>) -> Vec<Leftover> {
    match answer {
        Err(Error::NotShutOut { leftovers, .. }) => leftovers,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_write_that_lands_after_its_session_was_dropped() {
    let (array, _) = held(1, MemoryArray::TRAITS).await;
    array.set_traps(Traps {
        late_writes: true,
        ..Traps::default()
    });
    let landed = Time::after_epoch(Duration::from_secs(3));
    let lands = async {
        sleep(Duration::from_secs(3)).await;
        array.land_writes(landed);
    };
    let seen = async {
        let evidence = shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
        (evidence, array.writings(&volume(0)))
    };
    let ((evidence, writings), ()) = join!(seen, lands);
    assert!(
        matches!(&writings[..], [Writing { last, .. }] if *last == landed),
        "{writings:?}"
    );
    assert_eq!(evidence.stamps(), &[(volume(0), Generation::new(2))].into());
    assert_eq!(evidence.read(), 1);
}

#[tokio::test(start_paused = true)]
async fn gives_up_in_time_and_says_which_session_is_left() {
    let (array, sessions) = held(2, MemoryArray::TRAITS).await;
    array.set_traps(Traps {
        late_writes: true,
        ..Traps::default()
    });
    let left = leftovers(shut_out(&array, &request(1, 1, 2), PATIENCE).await);
    let left: Vec<_> = left
        .into_iter()
        .map(|leftover| match leftover {
            Leftover::Session(session) => session.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(left, sessions);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_volumes_go_in_one_call_and_failures_are_told_one_by_one() {
    let (array, sessions) = held(100, MemoryArray::TRAITS).await;
    let failing = BTreeSet::from([volume(17), volume(42)]);
    array.set_traps(Traps {
        failing: failing.clone(),
        ..Traps::default()
    });
    let answer = shut_out(&array, &request(1, 1, 100), PATIENCE).await;
    let Err(Error::Incomplete { failures, .. }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(failures.into_keys().collect::<BTreeSet<_>>(), failing);
    assert!(
        sessions.iter().all(|session| array.read(session).is_err()),
        "all are dropped"
    );
    for (volume, found) in array.admissions().await.unwrap() {
        assert_eq!(
            found.admitted.is_empty(),
            !failing.contains(&volume),
            "{volume}"
        );
    }
    array.set_traps(Traps::default());
    let evidence = shut_out(&array, &request(1, 1, 100), PATIENCE)
        .await
        .unwrap();
    assert_eq!(evidence.stamps().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn an_array_that_has_nothing_of_the_server_lists_all_that_it_has_only_once() {
    let (array, _) = held(1, MemoryArray::TRAITS).await;
    let latency = Duration::from_secs(1);
    array.set_traps(Traps {
        latency,
        ..Traps::default()
    });
    let request = ShutOut {
        initiator: None,
        ..request(2, 1, 0)
    };
    // Its admissions, and its sessions.
    let soon = latency * 2 + Duration::from_millis(1);
    let seen = timeout(soon, shut_out(&array, &request, PATIENCE)).await;
    assert_eq!(seen.unwrap().unwrap().read(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_at_once_both_succeed_though_they_meet() {
    let (array, _) = held(5, MemoryArray::TRAITS).await;
    for number in 0..5 {
        admit(&array, &volume(number), &admission(2, 1))
            .await
            .unwrap();
    }
    let latency = Duration::from_millis(5);
    array.set_traps(Traps {
        latency,
        ..Traps::default()
    });
    let (first, second) = (request(1, 1, 5), request(2, 1, 5));
    let (first, second) = join!(
        shut_out(&array, &first, PATIENCE),
        shut_out(&array, &second, PATIENCE)
    );
    assert_eq!(first.unwrap().server(), &admission(1, 1).server);
    assert_eq!(second.unwrap().server(), &admission(2, 1).server);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_made_good_by_repeating() {
    let (array, _) = held(3, MemoryArray::TRAITS).await;
    array.set_traps(Traps {
        loses_answers: true,
        ..Traps::default()
    });
    let answer = shut_out(&array, &request(1, 1, 3), PATIENCE).await;
    assert!(
        matches!(answer, Err(Error::Incomplete { .. })),
        "{answer:?}"
    );
    array.set_traps(Traps::default());
    shut_out(&array, &request(1, 1, 3), PATIENCE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_not_a_yes() {
    let (array, _) = held(1, MemoryArray::TRAITS).await;
    shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
    array.set_traps(Traps {
        no_answer: true,
        ..Traps::default()
    });
    let looked = read_shut_out(&array, &request(1, 1, 1)).await;
    assert!(matches!(looked, Err(Error::NoAnswer { .. })), "{looked:?}");
}

#[tokio::test(start_paused = true)]
async fn only_looking_changes_nothing() {
    let (array, sessions) = held(1, MemoryArray::TRAITS).await;
    let before = array.admissions().await.unwrap();
    let left = leftovers(read_shut_out(&array, &request(1, 1, 1)).await);
    assert_eq!(left.len(), 3, "admission, stamp and session: {left:?}");
    assert_eq!(array.admissions().await.unwrap(), before);
    assert_eq!(array.write(&sessions[0], Time::EPOCH), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_late_one_leaves_the_new_holder_alone_and_the_stamp_where_it_is() {
    let (array, _) = held(1, MemoryArray::TRAITS).await;
    shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
    // The same server gets the persona back, under a later generation.
    let again = admission(1, 5);
    admit(&array, &volume(0), &again).await.unwrap();
    let session = array
        .log_in(&login(&volume(0), &again), Time::EPOCH)
        .unwrap();
    let evidence = shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
    assert_eq!(array.write(&session, Time::EPOCH), Ok(()));
    assert_eq!(
        evidence.stamps()[&volume(0)],
        Generation::new(5),
        "ahead of what was asked"
    );
    assert_eq!(evidence.up_to(), Generation::new(1));
}

#[tokio::test(start_paused = true)]
async fn where_an_array_does_not_bind_the_evidence_does_not_last() {
    let traits = ArrayTraits {
        binds_by_address: false,
        binds_by_secret: false,
        ..MemoryArray::TRAITS
    };
    let (array, _) = held(1, traits).await;
    let evidence = shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
    assert!(!evidence.is_lasting());
    admit(&array, &volume(0), &admission(2, 2)).await.unwrap();
    let old = login(&volume(0), &admission(1, 1));
    assert!(
        array.log_in(&old, Time::EPOCH).is_ok(),
        "the name alone lets the old server in"
    );
}

#[tokio::test(start_paused = true)]
async fn an_array_that_forgets_its_stamps_is_not_shut_until_it_has_them_again() {
    let traits = ArrayTraits {
        loses_configuration_on_restart: true,
        ..MemoryArray::TRAITS
    };
    let (array, _) = held(1, traits).await;
    shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
    array.restart();
    let left = leftovers(read_shut_out(&array, &request(1, 1, 1)).await);
    let unstamped = Leftover::Unstamped {
        volume: volume(0),
        stamp: Generation::NONE,
    };
    assert_eq!(left, [unstamped]);
}

#[tokio::test(start_paused = true)]
async fn a_rule_made_by_hand_is_taken_off_the_personas_volumes_only() {
    let (array, _) = held(2, MemoryArray::TRAITS).await;
    array.add_foreign_rule(&volume(0), "ALL");
    array.add_foreign_rule(&volume(1), "ALL");
    shut_out(&array, &request(1, 1, 1), PATIENCE).await.unwrap();
    let after = array.admissions().await.unwrap();
    assert!(after[&volume(0)].foreign.is_empty());
    assert!(
        !after[&volume(1)].foreign.is_empty(),
        "what others share is theirs"
    );
}

#[tokio::test(start_paused = true)]
async fn admitting_to_a_volume_that_is_not_there_says_so() {
    let (array, _) = held(0, MemoryArray::TRAITS).await;
    let answer = admit(&array, &volume(0), &admission(1, 1))
        .await
        .unwrap_err();
    assert_eq!(
        answer.to_string(),
        "array ps6010 refuses for volume volume-000: it does not exist"
    );
    let left = leftovers(shut_out(&array, &request(1, 1, 1), PATIENCE).await);
    assert_eq!(left, [Leftover::Missing { volume: volume(0) }]);
}
