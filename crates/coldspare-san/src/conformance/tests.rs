//! The suite over the array in memory, and over one deliberately wrong array for each check.

mod wrong;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coldspare_names::Time;

use super::*;
use crate::memory::{HalfLogin, MemoryArray, Traps};
use crate::{ArrayTraits, SessionId, StampKeeper};
use wrong::{Wrong, WrongArray};

/// An array in memory with its wire, and perhaps something wrong with it.
#[derive(Debug)]
struct MemoryRig {
    is: ArrayTraits,
    reports: ArrayTraits,
    traps: Traps,
    wrong: Wrong,
    array: Mutex<Option<MemoryArray>>,
    half: Mutex<Vec<HalfLogin>>,
    seconds: AtomicU64,
}

impl MemoryRig {
    fn new(is: ArrayTraits, traps: Traps) -> Self {
        Self {
            is,
            reports: is,
            traps,
            wrong: Wrong::Nothing,
            array: Mutex::new(None),
            half: Mutex::default(),
            seconds: AtomicU64::new(0),
        }
    }

    fn wrong(wrong: Wrong) -> Self {
        Self {
            wrong,
            ..Self::new(MemoryArray::TRAITS, Traps::default())
        }
    }

    fn lies(is: ArrayTraits) -> Self {
        Self {
            reports: MemoryArray::TRAITS,
            ..Self::new(is, Traps::default())
        }
    }

    fn array(&self) -> MemoryArray {
        self.array.lock().unwrap().clone().unwrap()
    }

    fn now(&self) -> Time {
        Time::after_epoch(Duration::from_secs(
            self.seconds.fetch_add(1, Ordering::Relaxed),
        ))
    }
}

fn session(connection: Connection) -> SessionId {
    SessionId::new(connection.to_string())
}

#[async_trait]
impl Rig for MemoryRig {
    async fn fresh(&self) -> Arc<dyn Array> {
        let name = "ps6110".parse().unwrap();
        let portal = "10.20.0.1".parse().unwrap();
        let array = MemoryArray::new(name, [portal], self.key(), self.is);
        array.set_traps(self.traps.clone());
        *self.array.lock().unwrap() = Some(array.clone());
        Arc::new(WrongArray::new(array, self.reports, self.wrong))
    }

    fn key(&self) -> SecretKey {
        SecretKey::new([7; 32])
    }

    fn sources(&self) -> [IpAddr; 2] {
        [[10, 20, 0, 11].into(), [10, 20, 0, 12].into()]
    }

    async fn log_in(&self, login: &Login) -> Option<Connection> {
        let mut login = login.clone();
        if self.wrong == Wrong::IgnoresNames {
            "iqn.2012-08.com.example:persona".clone_into(&mut login.initiator);
        }
        if self.wrong == Wrong::AdmitsAnybodyToTheEmpty && login.chap.is_none() {
            let admissions = self.array().admissions().await.unwrap();
            if admissions[&login.volume].admitted.is_empty() {
                return Some(u64::MAX);
            }
        }
        let session = self.array().log_in(&login, self.now()).ok()?;
        session.as_str().parse().ok()
    }

    async fn begin_log_in(&self, login: &Login) -> Option<Connection> {
        let half = self.array().begin_log_in(login).ok()?;
        let mut all = self.half.lock().unwrap();
        all.push(half);
        Some(all.len() as Connection - 1)
    }

    async fn finish_log_in(&self, connection: Connection) -> bool {
        let half = self.half.lock().unwrap()[usize::try_from(connection).unwrap()].clone();
        self.array().finish_log_in(&half, self.now()).is_ok()
    }

    async fn write(&self, connection: Connection) -> bool {
        self.array().write(&session(connection), self.now()).is_ok()
    }

    async fn hold_write(&self, connection: Connection) -> bool {
        self.array().set_traps(Traps {
            late_writes: true,
            ..self.traps.clone()
        });
        self.write(connection).await
    }

    async fn land_writes(&self) {
        self.array().land_writes(self.now());
    }

    async fn add_foreign_rule(&self, volume: &Volume) -> bool {
        self.array().add_foreign_rule(&volume.name, "ALL");
        true
    }

    async fn restart(&self) {
        self.array().restart();
    }
}

async fn broken(rig: &MemoryRig) -> Vec<&'static str> {
    check(rig)
        .await
        .into_iter()
        .map(|violation| violation.check)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_array_in_memory_keeps_the_contract_whatever_kind_it_plays() {
    let usual = MemoryArray::TRAITS;
    let kinds = [
        usual,
        ArrayTraits {
            binds_by_address: false,
            ..usual
        },
        ArrayTraits {
            binds_by_secret: false,
            ..usual
        },
        ArrayTraits {
            binds_by_address: false,
            binds_by_secret: false,
            ..usual
        },
        ArrayTraits {
            rules_are_ored: true,
            ..usual
        },
        ArrayTraits {
            rules_are_ored: true,
            binds_by_secret: false,
            ..usual
        },
        ArrayTraits {
            removal_ends_sessions: true,
            ..usual
        },
        ArrayTraits {
            stamps: StampKeeper::Nobody,
            ..usual
        },
        ArrayTraits {
            knows_last_write: false,
            ..usual
        },
        ArrayTraits {
            opens_when_last_account_goes: true,
            ..usual
        },
        ArrayTraits {
            loses_configuration_on_restart: true,
            ..usual
        },
        // tgt with a guard account and a file beside its images.
        ArrayTraits {
            binds_by_address: false,
            rules_are_ored: true,
            stamps: StampKeeper::File,
            knows_last_write: false,
            loses_configuration_on_restart: true,
            ..usual
        },
    ];
    for kind in kinds {
        let violations = check(&MemoryRig::new(kind, Traps::default())).await;
        assert_eq!(violations, [], "{kind:?}");
    }
    let exact = Traps {
        names_byte_for_byte: true,
        ..Traps::default()
    };
    let slow = Traps {
        latency: Duration::from_millis(300),
        ..Traps::default()
    };
    for traps in [exact, slow] {
        assert_eq!(check(&MemoryRig::new(usual, traps)).await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn every_check_rejects_the_array_that_breaks_it() {
    let mut surprises = Vec::new();
    for (wrong, expected) in wrong::EACH {
        let found = check(&MemoryRig::wrong(wrong)).await;
        if !matches!(&found[..], [only] if only.check == expected) {
            surprises.push((wrong, found));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_array_that_misreports_itself_is_found_out() {
    let usual = MemoryArray::TRAITS;
    let lies = [
        (
            ArrayTraits {
                binds_by_address: false,
                ..usual
            },
            "another_address_is_refused_where_addresses_bind",
        ),
        (
            ArrayTraits {
                binds_by_secret: false,
                ..usual
            },
            "an_older_secret_is_refused_where_secrets_bind",
        ),
        (
            ArrayTraits {
                knows_last_write: false,
                ..usual
            },
            "a_session_says_when_it_last_wrote",
        ),
        (
            ArrayTraits {
                loses_configuration_on_restart: true,
                ..usual
            },
            "a_restart_changes_what_the_array_says_it_does",
        ),
    ];
    for (is, check) in lies {
        assert_eq!(broken(&MemoryRig::lies(is)).await, [check], "{is:?}");
    }
    let reports = ArrayTraits {
        removal_ends_sessions: true,
        ..usual
    };
    let rig = MemoryRig {
        reports,
        ..MemoryRig::new(usual, Traps::default())
    };
    assert_eq!(
        broken(&rig).await,
        ["removal_ends_sessions_where_the_array_says_so"]
    );
    let traps = [
        (
            Traps {
                second_account_locks_out: true,
                ..Traps::default()
            },
            "the_new_one_gets_in_once_the_old_one_is_gone",
        ),
        (
            Traps {
                half_done_logins_get_in: true,
                ..Traps::default()
            },
            "a_login_that_is_half_done_when_its_admission_goes_ends_with_it",
        ),
    ];
    for (traps, check) in traps {
        assert_eq!(broken(&MemoryRig::new(usual, traps)).await, [check]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_array_without_an_answer_breaks_every_check_and_panics_in_none() {
    let traps = Traps {
        no_answer: true,
        ..Traps::default()
    };
    let violations = check(&MemoryRig::new(MemoryArray::TRAITS, traps)).await;
    assert!(violations.len() > 30, "{violations:?}");
    assert!(
        violations
            .iter()
            .all(|violation| violation.reason.contains("does not answer"))
    );
}
