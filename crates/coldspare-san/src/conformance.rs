//! The contract of [`Array`] and of [`shut_out`](crate::shut_out()) as an executable suite.
//!
//! Every implementation runs it, the one in memory included: give [`check`] a [`Rig`], and expect
//! an empty list. Where an array honestly reports that it cannot do something
//! ([`ArrayTraits`](crate::ArrayTraits)), nothing is asked of it there; that the report is true is
//! part of the contract.

mod admission;
mod sessions;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use coldspare_names::{Generation, IscsiName, ServerName, VolumeName};
use serde::Serialize;

use crate::{
    Admission, Admissions, Array, Error, Login, Refusal, SecretKey, Size, Volume, VolumeSpec, chap,
};

/// A connection that the rig opened for an initiator.
pub type Connection = u64;

/// Builds a fresh array for each check, and holds the levers on the world around it.
#[async_trait]
pub trait Rig: Debug + Send + Sync {
    /// An array with nothing on it. From now on every lever acts on this one.
    async fn fresh(&self) -> Arc<dyn Array>;

    /// The key from which the array derives its secrets.
    fn key(&self) -> SecretKey;

    /// Two addresses from which initiators can be made to come.
    fn sources(&self) -> [IpAddr; 2];

    /// An initiator logs in; none if it is refused.
    async fn log_in(&self, login: &Login) -> Option<Connection>;

    /// An initiator shows its secret, and stops before it is in; none if it is refused, or if it
    /// cannot be made to stop there.
    async fn begin_log_in(&self, login: &Login) -> Option<Connection>;

    /// That login goes on; whether it gets in.
    async fn finish_log_in(&self, connection: Connection) -> bool;

    /// An initiator writes a block; whether the array took it.
    async fn write(&self, connection: Connection) -> bool;

    /// A write of that initiator gets under way and stays so, whatever happens to its connection,
    /// until [`Rig::land_writes`]. False where this array cannot be made to do so.
    async fn hold_write(&self, connection: Connection) -> bool;

    /// Every write that is held lands.
    async fn land_writes(&self);

    /// Somebody adds a rule by hand, past the adapter. False where this array has no such thing.
    async fn add_foreign_rule(&self, volume: &Volume) -> bool;

    /// The array restarts.
    async fn restart(&self);
}

/// One clause of the contract that an implementation breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The clause.
    pub check: &'static str,
    /// How it was broken.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.reason)
    }
}

macro_rules! run {
    ($rig:ident: $($module:ident { $($check:ident)* })*) => {{
        let mut violations = Vec::new();
        $($({
            let bench = Bench { rig: $rig, array: $rig.fresh().await };
            if let Err(Reason(reason)) = $module::$check(&bench).await {
                violations.push(Violation { check: stringify!($check), reason });
            }
        })*)*
        violations
    }};
}

/// Every clause that the implementation breaks.
pub async fn check(rig: &dyn Rig) -> Vec<Violation> {
    run! { rig:
        volumes {
            a_volume_is_read_back_as_it_was_made
            making_a_volume_twice_is_making_it_once
            a_taken_name_is_refused
            copying_twice_is_copying_once
            every_volume_has_a_target_of_its_own
            a_copy_says_of_what_it_is_one
            a_copy_admits_nobody
            admissions_cover_every_volume
            an_admitted_volume_is_not_deleted
            a_volume_in_use_is_not_deleted
            deleting_twice_is_deleting_once
            a_held_volume_is_not_restored
            only_its_own_snapshot_restores_a_volume
            restoring_leaves_the_stamp
        }
        admission {
            admissions_are_replaced_as_a_whole
            an_unexpected_value_is_a_conflict_and_stays
            setting_twice_is_setting_once
            an_unknown_volume_is_refused
            an_admission_older_than_the_stamp_is_refused
            a_stamp_is_kept_and_never_goes_back
            two_callers_at_once_never_mix
            a_foreign_rule_is_shown_and_can_be_taken_away
            another_name_is_refused
            another_address_is_refused_where_addresses_bind
            an_older_secret_is_refused_where_secrets_bind
            nobody_gets_in_once_the_last_admission_is_gone
            the_new_one_gets_in_once_the_old_one_is_gone
        }
        sessions {
            a_session_says_whose_it_is
            a_session_says_when_it_last_wrote
            dropped_sessions_go
            dropping_twice_is_dropping_once
            a_session_is_listed_until_its_last_write_has_landed
            removal_ends_sessions_where_the_array_says_so
            a_restart_changes_what_the_array_says_it_does
            a_login_that_is_half_done_when_its_admission_goes_ends_with_it
            a_server_that_is_shut_out_can_do_nothing_anywhere
        }
    }
}

/// Why a check failed.
struct Reason(String);

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }
}

type Outcome = Result<(), Reason>;

fn ensure(holds: bool, otherwise: &str) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(Reason(otherwise.to_owned()))
    }
}

/// What a refused call must answer.
fn ensure_refused<T>(
    answer: Result<T, Error>,
    is_right: impl Fn(&Refusal) -> bool,
    what: &str,
) -> Outcome {
    match answer {
        Err(Error::Refused { refusal, .. }) if is_right(&refusal) => Ok(()),
        Err(error) => {
            let Reason(text) = error.into();
            Err(Reason(format!(
                "{what} is not refused for the right reason: {text}"
            )))
        }
        Ok(_) => Err(Reason(format!("{what} is not refused"))),
    }
}

/// A fresh array on the rig, and the moves that many checks share.
struct Bench<'a> {
    rig: &'a dyn Rig,
    array: Arc<dyn Array>,
}

const FIRST: Generation = Generation::new(1);
const SECOND: Generation = Generation::new(2);

fn parsed<T: std::str::FromStr<Err = coldspare_names::NameError>>(text: &str) -> Result<T, Reason> {
    text.parse()
        .map_err(|error: coldspare_names::NameError| Reason(error.to_string()))
}

fn spec(name: &str, mebibytes: u64) -> Result<VolumeSpec, Reason> {
    let size = Size::bytes(mebibytes << 20).ok_or_else(|| Reason("no size".to_owned()))?;
    Ok(VolumeSpec {
        name: parsed(name)?,
        size,
        thin: true,
    })
}

impl Bench<'_> {
    async fn volume(&self, name: &str) -> Result<Volume, Reason> {
        Ok(self.array.create(&spec(name, 1)?).await?)
    }

    async fn copy_of(&self, source: &Volume, name: &str) -> Result<Volume, Reason> {
        Ok(self
            .array
            .clone_volume(&source.name, &parsed(name)?, &|_| ())
            .await?)
    }

    async fn snapshot_of(&self, source: &Volume, name: &str) -> Result<Volume, Reason> {
        Ok(self
            .array
            .snapshot(&source.name, &parsed(name)?, &|_| ())
            .await?)
    }

    /// The persona's initiator on the first or the second server.
    fn admission(&self, server: usize, generation: Generation) -> Result<Admission, Reason> {
        Ok(Admission {
            initiator: parsed::<IscsiName>("iqn.2012-08.com.example:persona")?,
            server: parsed::<ServerName>(&format!("server-{server}"))?,
            generation,
            addresses: BTreeSet::from([self.rig.sources()[server % 2]]),
        })
    }

    async fn admissions(&self, volume: &Volume) -> Result<Admissions, Reason> {
        let all: BTreeMap<VolumeName, Admissions> = self.array.admissions().await?;
        Ok(all.get(&volume.name).cloned().unwrap_or_default())
    }

    async fn set(&self, volume: &Volume, wanted: &Admissions) -> Outcome {
        let found = self.admissions(volume).await?;
        Ok(self
            .array
            .set_admissions(&volume.name, &found, wanted)
            .await?)
    }

    /// Admits those, and nobody else.
    async fn admit(&self, volume: &Volume, admitted: &[&Admission]) -> Outcome {
        let found = self.admissions(volume).await?;
        let admitted = admitted.iter().copied().cloned().collect();
        self.set(volume, &Admissions { admitted, ..found }).await
    }

    /// The login that this admission was made for.
    fn login(&self, volume: &Volume, admission: &Admission) -> Result<Login, Reason> {
        let Admission {
            initiator,
            server,
            generation,
            addresses,
        } = admission;
        let first = addresses
            .first()
            .ok_or_else(|| Reason("no address".to_owned()))?;
        Ok(Login {
            volume: volume.name.clone(),
            initiator: initiator.to_string(),
            source: *first,
            chap: Some(chap(&self.rig.key(), initiator, server, *generation)),
        })
    }

    /// Logs in as that admission says, which must succeed.
    async fn log_in(&self, volume: &Volume, as_: &Admission) -> Result<Connection, Reason> {
        let connection = self.rig.log_in(&self.login(volume, as_)?).await;
        connection.ok_or_else(|| Reason("the admitted server does not get in".to_owned()))
    }

    async fn ensure_kept_out(&self, login: &Login, who: &str) -> Outcome {
        ensure(
            self.rig.log_in(login).await.is_none(),
            &format!("{who} gets in"),
        )
    }
}

#[cfg(test)]
mod tests;
