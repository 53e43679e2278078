//! What the contract says of admission.

use coldspare_names::{Generation, IscsiName};
use tokio::join;

use super::{Bench, FIRST, Outcome, SECOND, ensure, ensure_refused, parsed};
use crate::{Admissions, Refusal, StampKeeper};

pub(super) async fn admissions_are_replaced_as_a_whole(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let (first, second) = (bench.admission(0, FIRST)?, bench.admission(1, SECOND)?);
    for wanted in [vec![&first, &second], vec![&second], vec![&first], vec![]] {
        bench.admit(&volume, &wanted).await?;
        let found = bench.admissions(&volume).await?.admitted;
        let is_so = found.iter().eq(wanted);
        ensure(is_so, "others are read back than were set")?;
    }
    Ok(())
}

pub(super) async fn an_unexpected_value_is_a_conflict_and_stays(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    bench.admit(&volume, &[&bench.admission(0, FIRST)?]).await?;
    let there = bench.admissions(&volume).await?;
    let believed = Admissions {
        admitted: [bench.admission(1, FIRST)?].into(),
        ..Admissions::default()
    };
    let none = Admissions::default();
    let set = bench
        .array
        .set_admissions(&volume.name, &believed, &none)
        .await;
    let is_right = |refusal: &Refusal| *refusal == Refusal::Conflict(Box::new(there.clone()));
    ensure_refused(set, is_right, "a change by one who believed otherwise")?;
    ensure(
        bench.admissions(&volume).await? == there,
        "it was changed all the same",
    )
}

pub(super) async fn setting_twice_is_setting_once(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let before = bench.admissions(&volume).await?;
    let wanted = before.admitting(&bench.admission(0, FIRST)?);
    bench
        .array
        .set_admissions(&volume.name, &before, &wanted)
        .await?;
    Ok(bench
        .array
        .set_admissions(&volume.name, &before, &wanted)
        .await?)
}

pub(super) async fn an_unknown_volume_is_refused(bench: &Bench<'_>) -> Outcome {
    let none = Admissions::default();
    let set = bench
        .array
        .set_admissions(&parsed("nowhere")?, &none, &none)
        .await;
    ensure_refused(
        set,
        |refusal| *refusal == Refusal::Unknown,
        "setting who may log in",
    )?;
    let clone = bench
        .array
        .clone_volume(&parsed("nowhere")?, &parsed("clone")?, &|_| ())
        .await;
    ensure_refused(clone, |refusal| *refusal == Refusal::Unknown, "cloning")
}

pub(super) async fn an_admission_older_than_the_stamp_is_refused(bench: &Bench<'_>) -> Outcome {
    if bench.array.traits().stamps == StampKeeper::Nobody {
        return Ok(());
    }
    let volume = bench.volume("volume").await?;
    let stamped = Admissions {
        stamp: SECOND,
        ..Admissions::default()
    };
    bench.set(&volume, &stamped).await?;
    let late = bench.admission(0, FIRST)?;
    let is_stale = |refusal: &Refusal| matches!(refusal, Refusal::Stale { .. });
    let wanted = Admissions {
        admitted: [late.clone()].into(),
        ..stamped.clone()
    };
    let set = bench
        .array
        .set_admissions(&volume.name, &stamped, &wanted)
        .await;
    ensure_refused(set, is_stale, "a late admission")?;
    let admitted = crate::admit(&*bench.array, &volume.name, &late).await;
    ensure_refused(admitted, is_stale, "a late admission, stamp read first,")?;
    crate::admit(&*bench.array, &volume.name, &bench.admission(0, SECOND)?).await?;
    Ok(())
}

pub(super) async fn a_stamp_is_kept_and_never_goes_back(bench: &Bench<'_>) -> Outcome {
    if bench.array.traits().stamps == StampKeeper::Nobody {
        return Ok(());
    }
    let volume = bench.volume("volume").await?;
    let stamped = |stamp| Admissions {
        stamp,
        ..Admissions::default()
    };
    bench.set(&volume, &stamped(SECOND)).await?;
    ensure(
        bench.admissions(&volume).await? == stamped(SECOND),
        "it is not read back",
    )?;
    let back = bench
        .array
        .set_admissions(&volume.name, &stamped(SECOND), &stamped(FIRST))
        .await;
    let is_right = |refusal: &Refusal| matches!(refusal, Refusal::StampWouldGoBack { .. });
    ensure_refused(back, is_right, "an older stamp")
}

pub(super) async fn two_callers_at_once_never_mix(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let before = bench.admissions(&volume).await?;
    let one = before.admitting(&bench.admission(0, FIRST)?);
    let other = before.admitting(&bench.admission(1, FIRST)?);
    let (first, second) = join!(
        bench.array.set_admissions(&volume.name, &before, &one),
        bench.array.set_admissions(&volume.name, &before, &other),
    );
    let (winner, loser) = match (first, second) {
        (Ok(()), refused @ Err(_)) => (one, refused),
        (refused @ Err(_), Ok(())) => (other, refused),
        (Ok(()), Ok(())) => return ensure(false, "both succeed"),
        (Err(error), Err(_)) => return Err(error.into()),
    };
    ensure_refused(
        loser,
        |refusal| matches!(refusal, Refusal::Conflict(_)),
        "the second caller",
    )?;
    ensure(
        bench.admissions(&volume).await?.admitted == winner.admitted,
        "what is there is not the winner's",
    )
}

pub(super) async fn a_foreign_rule_is_shown_and_can_be_taken_away(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    if !bench.rig.add_foreign_rule(&volume).await {
        return Ok(());
    }
    let found = bench.admissions(&volume).await?;
    ensure(!found.foreign.is_empty(), "it is not shown")?;
    bench.set(&volume, &Admissions::default()).await?;
    ensure(
        bench.admissions(&volume).await?.foreign.is_empty(),
        "it stays",
    )?;
    let set = bench
        .array
        .set_admissions(&volume.name, &Admissions::default(), &found)
        .await;
    ensure_refused(set, |refusal| *refusal == Refusal::ForeignRule, "making it")
}

pub(super) async fn another_name_is_refused(bench: &Bench<'_>) -> Outcome {
    let traits = bench.array.traits();
    let volume = bench.volume("volume").await?;
    let admission = bench.admission(0, FIRST)?;
    bench.admit(&volume, &[&admission]).await?;
    bench.log_in(&volume, &admission).await?;
    let mut login = bench.login(&volume, &admission)?;
    login.initiator = parsed::<IscsiName>("iqn.2012-08.com.example:stranger")?.to_string();
    // Where one fitting rule is enough, the address alone lets it in, and that was reported.
    if traits.rules_are_ored && traits.binds_by_address {
        return Ok(());
    }
    bench.ensure_kept_out(&login, "another name").await
}

pub(super) async fn another_address_is_refused_where_addresses_bind(bench: &Bench<'_>) -> Outcome {
    let traits = bench.array.traits();
    if !traits.binds_by_address || traits.rules_are_ored {
        return Ok(());
    }
    let volume = bench.volume("volume").await?;
    let admission = bench.admission(0, FIRST)?;
    bench.admit(&volume, &[&admission]).await?;
    let mut login = bench.login(&volume, &admission)?;
    login.source = bench.rig.sources()[1];
    bench.ensure_kept_out(&login, "another address").await
}

pub(super) async fn an_older_secret_is_refused_where_secrets_bind(bench: &Bench<'_>) -> Outcome {
    if !bench.array.traits().binds_by_secret {
        return Ok(());
    }
    let volume = bench.volume("volume").await?;
    let (old, new) = (bench.admission(0, FIRST)?, bench.admission(0, SECOND)?);
    bench.admit(&volume, &[&old]).await?;
    bench.admit(&volume, &[]).await?;
    bench.admit(&volume, &[&new]).await?;
    bench.log_in(&volume, &new).await?;
    bench
        .ensure_kept_out(&bench.login(&volume, &old)?, "an older secret")
        .await?;
    let mut login = bench.login(&volume, &new)?;
    login.chap = None;
    bench
        .ensure_kept_out(&login, "a login without a secret")
        .await
}

pub(super) async fn nobody_gets_in_once_the_last_admission_is_gone(bench: &Bench<'_>) -> Outcome {
    if bench.array.traits().opens_when_last_account_goes {
        return Ok(());
    }
    let volume = bench.volume("volume").await?;
    let admission = bench.admission(0, FIRST)?;
    let login = bench.login(&volume, &admission)?;
    bench.ensure_kept_out(&login, "one never admitted").await?;
    bench.admit(&volume, &[&admission]).await?;
    bench.admit(&volume, &[]).await?;
    bench
        .ensure_kept_out(&login, "one no longer admitted")
        .await?;
    let mut bare = login;
    bare.chap = None;
    bench.ensure_kept_out(&bare, "one without a secret").await
}

pub(super) async fn the_new_one_gets_in_once_the_old_one_is_gone(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let (old, new) = (
        bench.admission(0, FIRST)?,
        bench.admission(1, Generation::new(2))?,
    );
    bench.admit(&volume, &[&old]).await?;
    bench.admit(&volume, &[&old, &new]).await?;
    bench.admit(&volume, &[&new]).await?;
    bench.log_in(&volume, &new).await?;
    Ok(())
}
