use coldspare_names::ServerName;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{Error, Faults, MemoryBmc};

fn identity() -> Identity {
    Identity::of_uuid(Uuid::from_u128(7))
}

fn machine(power: PowerState, faults: Faults) -> MemoryBmc {
    let bmc = MemoryBmc::new(ServerName::new("r1").unwrap(), identity());
    if power == PowerState::On {
        bmc.turn_on_by_hand();
    }
    bmc.set_faults(faults);
    bmc
}

fn is(bmc: &MemoryBmc) -> PowerState {
    *bmc.power().borrow()
}

async fn off(bmc: &MemoryBmc) -> Result<ProvenOff, NotOff> {
    prove_off(bmc, &identity(), &Timing::default()).await
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_runs_is_turned_off_and_proven_off() {
    let bmc = machine(PowerState::On, Faults::default());
    let proof = off(&bmc).await.unwrap();
    assert_eq!(is(&bmc), PowerState::Off);
    assert_eq!(proof.identity(), &identity());
    assert_eq!(proof.pause(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_off_already_is_proven_off_without_a_command() {
    let faults = Faults {
        refuses: true,
        complains: true,
        ..Faults::default()
    };
    assert!(off(&machine(PowerState::Off, faults)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn another_machine_is_sent_nothing() {
    let strangers = [
        Identity::of_uuid(Uuid::from_u128(8)),
        Identity::new(None, Some("ABC")),
        Identity::new(None, None),
    ];
    for stranger in strangers {
        let faults = Faults {
            identity: Some(stranger.clone()),
            ..Faults::default()
        };
        let bmc = machine(PowerState::On, faults);
        let refused = off(&bmc).await.unwrap_err();
        assert!(
            matches!(&refused, Unmet::OtherMachine { found, .. } if *found == stranger),
            "{refused:?}"
        );
        assert_eq!(is(&bmc), PowerState::On);
    }
}

#[tokio::test(start_paused = true)]
async fn only_off_is_off() {
    use PowerState::{On, PoweringOff, PoweringOn, Unknown};
    for reads in [On, PoweringOn, PoweringOff, Unknown] {
        let faults = Faults {
            reads: Some(reads),
            ..Faults::default()
        };
        let bmc = machine(On, faults);
        let refused = off(&bmc).await.unwrap_err();
        assert!(
            matches!(refused, Unmet::Reads(found) if found == reads),
            "{refused:?}"
        );
        let looked = read_off(&bmc, &identity(), &Timing::default()).await;
        assert!(matches!(looked.unwrap_err(), Unmet::Reads(found) if found == reads));
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_code_is_no_proof() {
    let faults = Faults {
        ignores: true,
        ..Faults::default()
    };
    let refused = off(&machine(PowerState::On, faults)).await.unwrap_err();
    assert!(
        matches!(refused, Unmet::Reads(PowerState::On)),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_when_the_limit_has_passed() {
    let faults = Faults {
        refuses: true,
        ..Faults::default()
    };
    let refused = off(&machine(PowerState::On, faults)).await.unwrap_err();
    assert!(
        matches!(refused, Unmet::Failed(Error::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_no_proof() {
    let silent = Faults {
        silent: true,
        ..Faults::default()
    };
    let refused = off(&machine(PowerState::Off, silent)).await.unwrap_err();
    assert!(matches!(refused, Unmet::Failed(Error::NoAnswer { .. })));

    let hung = Faults {
        answer_after: Duration::from_hours(1),
        ..Faults::default()
    };
    let refused = off(&machine(PowerState::Off, hung)).await.unwrap_err();
    assert!(matches!(refused, Unmet::TooSlow));

    let dark = machine(PowerState::On, Faults::default());
    dark.lose_mains();
    assert!(off(&dark).await.is_err(), "off, but nobody can tell");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_machine_and_a_flapping_controller_are_waited_for() {
    let faults = Faults {
        off_takes: Duration::from_secs(6),
        flapping: true,
        ..Faults::default()
    };
    let bmc = machine(PowerState::On, faults);
    off(&bmc).await.unwrap();
    assert_eq!(is(&bmc), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_somebody_turns_on_in_the_pause_is_turned_off_again() {
    let bmc = machine(PowerState::On, Faults::default());
    let hand = bmc.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        hand.turn_on_by_hand();
    });
    let mut changes = bmc.power();
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        while seen.len() < 3 {
            changes.changed().await.unwrap();
            seen.push(*changes.borrow());
        }
        seen
    });
    off(&bmc).await.unwrap();
    let expected = [PowerState::Off, PowerState::On, PowerState::Off];
    assert_eq!(seen.await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn looking_changes_nothing() {
    let bmc = machine(PowerState::On, Faults::default());
    let looked = read_off(&bmc, &identity(), &Timing::default()).await;
    assert!(matches!(looked.unwrap_err(), Unmet::Reads(PowerState::On)));
    assert_eq!(is(&bmc), PowerState::On);
}

#[tokio::test(start_paused = true)]
async fn an_operating_system_that_does_not_react_is_not_shut_down() {
    let polite = Faults {
        shut_down_takes: Duration::from_secs(5),
        ..Faults::default()
    };
    let bmc = machine(PowerState::On, polite.clone());
    assert!(
        shut_down(&bmc, &identity(), &Timing::default())
            .await
            .is_ok()
    );

    let frozen = Faults {
        frozen: true,
        ..polite
    };
    let bmc = machine(PowerState::On, frozen);
    let left = shut_down(&bmc, &identity(), &Timing::default()).await;
    assert!(matches!(left.unwrap_err(), Unmet::Reads(PowerState::On)));
}

#[tokio::test(start_paused = true)]
async fn turning_on_waits_until_the_controller_takes_the_command() {
    let faults = Faults {
        refuses: true,
        on_takes: Duration::from_secs(3),
        ..Faults::default()
    };
    let bmc = machine(PowerState::Off, faults.clone());
    let later = bmc.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(10)).await;
        later.set_faults(Faults {
            refuses: false,
            ..faults
        });
    });
    power_on(&bmc, &identity(), &Timing::default())
        .await
        .unwrap();
    assert_eq!(is(&bmc), PowerState::On);

    bmc.set_faults(Faults {
        refuses: true,
        ..Faults::default()
    });
    let again = power_on(&bmc, &identity(), &Timing::default()).await;
    assert!(again.is_ok(), "already on is success");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_come_on_is_told() {
    let faults = Faults {
        ignores: true,
        ..Faults::default()
    };
    let bmc = machine(PowerState::Off, faults);
    let left = power_on(&bmc, &identity(), &Timing::default()).await;
    assert!(matches!(left.unwrap_err(), Unmet::Reads(PowerState::Off)));
}

fn any_honest_faults() -> impl Strategy<Value = Faults> {
    let flags = any::<[bool; 5]>();
    let seconds = [0..25u64, 0..25u64, 0..3u64];
    (flags, seconds).prop_map(|(flags, [off, on, answer])| Faults {
        answer_after: Duration::from_secs(answer),
        silent: flags[0],
        flapping: flags[1],
        refuses: flags[2],
        ignores: flags[3],
        complains: flags[4],
        off_takes: Duration::from_secs(off),
        on_takes: Duration::from_secs(on),
        ..Faults::default()
    })
}

proptest! {
    #[test]
    fn what_an_honest_controller_proves_is_true_and_every_call_ends(
        faults in any_honest_faults(), on: bool,
    ) {
        let power = if on { PowerState::On } else { PowerState::Off };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let bmc = machine(power, faults);
            if off(&bmc).await.is_ok() {
                assert_eq!(is(&bmc), PowerState::Off);
            }
            if power_on(&bmc, &identity(), &Timing::default()).await.is_ok() {
                assert_eq!(is(&bmc), PowerState::On);
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_power_is_off_and_stays_off_and_its_controller_says_so() {
    let bmc = machine(PowerState::On, Faults::default());
    bmc.lose_power();
    off(&bmc).await.unwrap();
    bmc.set_power(PowerCommand::On).await.unwrap();
    off(&bmc).await.unwrap();

    bmc.lose_mains();
    assert!(off(&bmc).await.is_err(), "no mains, no controller");
    bmc.return_mains();
    assert_eq!(is(&bmc), PowerState::On, "it is as it was");
}
