//! What the contract says of sessions, and of shutting out.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Bench, Connection, FIRST, Outcome, Reason, SECOND, ensure};
use crate::{Admissions, LastWrite, Patience, Session, ShutOut, StampKeeper, Volume};

/// How long a real array may take until a session that was cut is gone.
const PATIENCE: Patience = Patience {
    limit: Duration::from_secs(10),
    pause: Duration::from_millis(20),
};

/// A volume with the first server logged in to it.
async fn held_volume(bench: &Bench<'_>, name: &str) -> Result<(Volume, Connection), Reason> {
    let volume = bench.volume(name).await?;
    let connection = hold(bench, &volume).await?;
    Ok((volume, connection))
}

async fn hold(bench: &Bench<'_>, volume: &Volume) -> Result<Connection, Reason> {
    let admission = bench.admission(0, FIRST)?;
    bench.admit(volume, &[&admission]).await?;
    bench.log_in(volume, &admission).await
}

async fn only_session(bench: &Bench<'_>) -> Result<Session, Reason> {
    let sessions = bench.array.sessions().await?;
    let [session]: [Session; 1] = sessions
        .try_into()
        .map_err(|found: Vec<_>| Reason(format!("{} sessions are listed, not 1", found.len())))?;
    Ok(session)
}

async fn drop_all(bench: &Bench<'_>) -> Outcome {
    let sessions = bench.array.sessions().await?;
    let ids: Vec<_> = sessions.into_iter().map(|session| session.id).collect();
    Ok(bench.array.drop_sessions(&ids).await?)
}

/// Waits, within bounds, until that many sessions are listed.
async fn ensure_left(bench: &Bench<'_>, count: usize, otherwise: &str) -> Outcome {
    let mut waited = Duration::ZERO;
    while bench.array.sessions().await?.len() != count {
        ensure(waited < PATIENCE.limit, otherwise)?;
        tokio::time::sleep(PATIENCE.pause).await;
        waited += PATIENCE.pause;
    }
    Ok(())
}

pub(super) async fn a_session_says_whose_it_is(bench: &Bench<'_>) -> Outcome {
    let (volume, _) = held_volume(bench, "volume").await?;
    let admission = bench.admission(0, FIRST)?;
    let session = only_session(bench).await?;
    ensure(session.volume == volume.name, "its volume is another")?;
    ensure(
        session.initiator == admission.initiator.as_str(),
        "its initiator is another",
    )?;
    ensure(
        admission.addresses.contains(&session.source),
        "its address is another",
    )?;
    let generation = session.generation.unwrap_or(admission.generation);
    ensure(
        generation == admission.generation,
        "its generation is another",
    )
}

pub(super) async fn a_session_says_when_it_last_wrote(bench: &Bench<'_>) -> Outcome {
    let (_, connection) = held_volume(bench, "volume").await?;
    ensure(
        bench.rig.write(connection).await,
        "the admitted server cannot write",
    )?;
    let told = only_session(bench).await?.last_write;
    if bench.array.traits().knows_last_write {
        ensure(
            matches!(told, LastWrite::At(_)),
            "it wrote, and that is not told",
        )
    } else {
        ensure(
            told == LastWrite::Unknown,
            "it tells what the array does not know",
        )
    }
}

pub(super) async fn dropped_sessions_go(bench: &Bench<'_>) -> Outcome {
    let (_, one) = held_volume(bench, "one").await?;
    let (_, other) = held_volume(bench, "other").await?;
    drop_all(bench).await?;
    ensure_left(bench, 0, "a dropped session stays").await?;
    for connection in [one, other] {
        ensure(!bench.rig.write(connection).await, "it still writes")?;
    }
    Ok(())
}

pub(super) async fn dropping_twice_is_dropping_once(bench: &Bench<'_>) -> Outcome {
    held_volume(bench, "volume").await?;
    let gone = [only_session(bench).await?.id];
    bench.array.drop_sessions(&gone).await?;
    ensure_left(bench, 0, "a dropped session stays").await?;
    Ok(bench.array.drop_sessions(&gone).await?)
}

pub(super) async fn a_session_is_listed_until_its_last_write_has_landed(
    bench: &Bench<'_>,
) -> Outcome {
    let (_, connection) = held_volume(bench, "volume").await?;
    if !bench.rig.hold_write(connection).await {
        return Ok(());
    }
    drop_all(bench).await?;
    let listed = bench.array.sessions().await?.len();
    bench.rig.land_writes().await;
    ensure(
        listed == 1,
        "it is no longer listed, and its write lands afterwards",
    )?;
    ensure_left(bench, 0, "it stays after its last write").await
}

pub(super) async fn removal_ends_sessions_where_the_array_says_so(bench: &Bench<'_>) -> Outcome {
    if !bench.array.traits().removal_ends_sessions {
        return Ok(());
    }
    let (volume, connection) = held_volume(bench, "volume").await?;
    bench.admit(&volume, &[]).await?;
    ensure_left(bench, 0, "it says so, and the session stays").await?;
    ensure(
        !bench.rig.write(connection).await,
        "it says so, and the session still writes",
    )
}

pub(super) async fn a_restart_changes_what_the_array_says_it_does(bench: &Bench<'_>) -> Outcome {
    let traits = bench.array.traits();
    let (volume, _) = held_volume(bench, "volume").await?;
    let before = bench.admissions(&volume).await?;
    let stamped = Admissions {
        stamp: FIRST,
        ..before
    };
    bench.set(&volume, &stamped).await?;
    let before = bench.admissions(&volume).await?;
    bench.rig.restart().await;
    let volumes = bench.array.volumes().await?;
    ensure(
        volumes == [volume.clone()],
        "its volume is gone, or another",
    )?;
    let after = bench.admissions(&volume).await?;
    let login = bench.login(&volume, &bench.admission(0, FIRST)?)?;
    if traits.loses_configuration_on_restart {
        ensure(
            after.admitted.is_empty(),
            "it shows what it should have forgotten",
        )?;
        bench
            .ensure_kept_out(&login, "one whose admission was forgotten")
            .await?;
        let kept = traits.stamps != StampKeeper::File || after.stamp == before.stamp;
        return ensure(kept, "the stamp in its file is lost");
    }
    ensure(after == before, "it forgot who may log in")?;
    ensure(
        bench.rig.log_in(&login).await.is_some(),
        "the admitted server no longer gets in",
    )
}

pub(super) async fn a_login_that_is_half_done_when_its_admission_goes_ends_with_it(
    bench: &Bench<'_>,
) -> Outcome {
    if bench.array.traits().opens_when_last_account_goes {
        return Ok(());
    }
    let volume = bench.volume("volume").await?;
    let admission = bench.admission(0, FIRST)?;
    bench.admit(&volume, &[&admission]).await?;
    let login = bench.login(&volume, &admission)?;
    let Some(half) = bench.rig.begin_log_in(&login).await else {
        return Ok(());
    };
    bench.log_in(&volume, &admission).await?;
    crate::shut_out(&*bench.array, &first_out(bench, &volume)?, PATIENCE).await?;
    ensure(
        !bench.rig.finish_log_in(half).await,
        "it gets in after its server was shut out",
    )
}

/// The first server is to be shut out, for the second to follow.
fn first_out(bench: &Bench<'_>, volume: &Volume) -> Result<ShutOut, Reason> {
    let old = bench.admission(0, FIRST)?;
    Ok(ShutOut {
        server: old.server,
        addresses: old.addresses,
        initiator: Some(old.initiator),
        up_to: old.generation,
        volumes: BTreeSet::from([volume.name.clone()]),
        stamp: SECOND,
        spared: BTreeSet::new(),
    })
}

pub(super) async fn a_server_that_is_shut_out_can_do_nothing_anywhere(
    bench: &Bench<'_>,
) -> Outcome {
    let traits = bench.array.traits();
    let (volume, connection) = held_volume(bench, "volume").await?;
    let clone = bench.copy_of(&volume, "clone").await?;
    let elsewhere = hold(bench, &clone).await?;
    if traits.opens_when_last_account_goes {
        return Ok(());
    }
    let (old, new) = (bench.admission(0, FIRST)?, bench.admission(1, SECOND)?);
    let request = first_out(bench, &volume)?;
    crate::shut_out(&*bench.array, &request, PATIENCE).await?;
    for (volume, connection) in [(&volume, connection), (&clone, elsewhere)] {
        ensure(
            !bench.rig.write(connection).await,
            "its old session still writes",
        )?;
        bench
            .ensure_kept_out(&bench.login(volume, &old)?, "the server")
            .await?;
    }
    crate::shut_out(&*bench.array, &request, PATIENCE).await?;
    crate::admit(&*bench.array, &volume.name, &new).await?;
    let connection = bench.log_in(&volume, &new).await?;
    if traits.binds() {
        bench
            .ensure_kept_out(&bench.login(&volume, &old)?, "beside the new holder, it")
            .await?;
    }
    let request = ShutOut {
        spared: new.addresses.clone(),
        ..request
    };
    let evidence = crate::shut_out(&*bench.array, &request, PATIENCE).await?;
    ensure(
        evidence.is_lasting() == traits.binds(),
        "the evidence lasts otherwise than reported",
    )?;
    ensure(
        bench.rig.write(connection).await,
        "the new holder is shut out too",
    )?;
    Ok(())
}
