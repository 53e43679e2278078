//! What the contract says of volumes.

use std::collections::BTreeSet;

use super::{Bench, FIRST, Outcome, SECOND, ensure, ensure_refused, parsed, spec};
use crate::{Admissions, Origin, Refusal, StampKeeper};

pub(super) async fn a_volume_is_read_back_as_it_was_made(bench: &Bench<'_>) -> Outcome {
    let wanted = spec("volume", 2)?;
    let made = bench.array.create(&wanted).await?;
    let is_as_wanted =
        made.name == wanted.name && made.size == wanted.size && made.thin == wanted.thin;
    ensure(
        is_as_wanted && made.origin == Origin::Blank,
        "it is made otherwise",
    )?;
    ensure(
        bench.array.volumes().await? == [made],
        "it is listed otherwise",
    )
}

pub(super) async fn making_a_volume_twice_is_making_it_once(bench: &Bench<'_>) -> Outcome {
    let made = bench.volume("volume").await?;
    ensure(
        bench.volume("volume").await? == made,
        "the second time it is another",
    )
}

pub(super) async fn a_taken_name_is_refused(bench: &Bench<'_>) -> Outcome {
    bench.volume("volume").await?;
    let larger = bench.array.create(&spec("volume", 2)?).await;
    ensure_refused(
        larger,
        |refusal| *refusal == Refusal::NameTaken,
        "another size",
    )?;
    bench.volume("gold").await?;
    let clone = bench
        .array
        .clone_volume(&parsed("gold")?, &parsed("volume")?, &|_| ())
        .await;
    ensure_refused(
        clone,
        |refusal| *refusal == Refusal::NameTaken,
        "a clone of that name",
    )
}

pub(super) async fn copying_twice_is_copying_once(bench: &Bench<'_>) -> Outcome {
    let gold = bench.volume("gold").await?;
    let clone = bench.copy_of(&gold, "clone").await?;
    let snapshot = bench.snapshot_of(&gold, "snapshot").await?;
    ensure(
        bench.copy_of(&gold, "clone").await? == clone,
        "the clone is another",
    )?;
    ensure(
        bench.snapshot_of(&gold, "snapshot").await? == snapshot,
        "the snapshot is another",
    )
}

pub(super) async fn every_volume_has_a_target_of_its_own(bench: &Bench<'_>) -> Outcome {
    let gold = bench.volume("gold").await?;
    bench.volume("data").await?;
    bench.copy_of(&gold, "clone").await?;
    bench.snapshot_of(&gold, "snapshot").await?;
    let volumes = bench.array.volumes().await?;
    let targets: BTreeSet<_> = volumes.iter().map(|volume| &volume.target).collect();
    ensure(targets.len() == volumes.len(), "two volumes share a target")
}

pub(super) async fn a_copy_says_of_what_it_is_one(bench: &Bench<'_>) -> Outcome {
    let gold = bench.volume("gold").await?;
    let clone = bench.copy_of(&gold, "clone").await?;
    let snapshot = bench.snapshot_of(&gold, "snapshot").await?;
    ensure(
        clone.origin == Origin::CloneOf(gold.name.clone()),
        "the clone does not",
    )?;
    ensure(
        snapshot.origin == Origin::SnapshotOf(gold.name),
        "the snapshot does not",
    )?;
    ensure(
        clone.size == gold.size && snapshot.size == gold.size,
        "a copy has another size",
    )
}

pub(super) async fn a_copy_admits_nobody(bench: &Bench<'_>) -> Outcome {
    let gold = bench.volume("gold").await?;
    let admission = bench.admission(0, FIRST)?;
    bench.admit(&gold, &[&admission]).await?;
    for copy in [
        bench.copy_of(&gold, "clone").await?,
        bench.snapshot_of(&gold, "snapshot").await?,
    ] {
        let found = bench.admissions(&copy).await?;
        ensure(
            found == Admissions::default(),
            "it has its original's admissions",
        )?;
        bench
            .ensure_kept_out(&bench.login(&copy, &admission)?, "its original's holder")
            .await?;
    }
    Ok(())
}

pub(super) async fn admissions_cover_every_volume(bench: &Bench<'_>) -> Outcome {
    let gold = bench.volume("gold").await?;
    bench.copy_of(&gold, "clone").await?;
    bench.snapshot_of(&gold, "snapshot").await?;
    let admissions = bench.array.admissions().await?;
    let volumes = bench.array.volumes().await?;
    let covered = volumes
        .iter()
        .all(|volume| admissions.contains_key(&volume.name));
    ensure(covered, "a volume has no entry")
}

pub(super) async fn an_admitted_volume_is_not_deleted(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    bench.admit(&volume, &[&bench.admission(0, FIRST)?]).await?;
    let deleted = bench.array.delete(&volume.name).await;
    ensure_refused(
        deleted,
        |refusal| *refusal == Refusal::Admitted,
        "deleting it",
    )
}

pub(super) async fn a_volume_in_use_is_not_deleted(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let admission = bench.admission(0, FIRST)?;
    bench.admit(&volume, &[&admission]).await?;
    let connection = bench.log_in(&volume, &admission).await?;
    bench.admit(&volume, &[]).await?;
    if bench.array.sessions().await?.is_empty() {
        return Ok(());
    }
    let deleted = bench.array.delete(&volume.name).await;
    ensure_refused(
        deleted,
        |refusal| *refusal == Refusal::LoggedIn,
        "deleting it",
    )?;
    ensure(
        bench.rig.write(connection).await,
        "its session is hurt all the same",
    )
}

pub(super) async fn deleting_twice_is_deleting_once(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    bench.array.delete(&volume.name).await?;
    bench.array.delete(&volume.name).await?;
    ensure(
        bench.array.volumes().await?.is_empty(),
        "it is still listed",
    )
}

pub(super) async fn a_held_volume_is_not_restored(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let snapshot = bench.snapshot_of(&volume, "snapshot").await?;
    let admission = bench.admission(0, FIRST)?;
    bench.admit(&volume, &[&admission]).await?;
    bench.log_in(&volume, &admission).await?;
    let restored = bench
        .array
        .restore(&volume.name, &snapshot.name, &|_| ())
        .await;
    let is_held = |refusal: &Refusal| matches!(refusal, Refusal::Admitted | Refusal::LoggedIn);
    ensure_refused(restored, is_held, "restoring it under an admission")?;
    bench.admit(&volume, &[]).await?;
    if bench.array.sessions().await?.is_empty() {
        return Ok(());
    }
    let restored = bench
        .array
        .restore(&volume.name, &snapshot.name, &|_| ())
        .await;
    ensure_refused(restored, is_held, "restoring it under a session")
}

pub(super) async fn only_its_own_snapshot_restores_a_volume(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let other = bench.volume("other").await?;
    let its = bench.snapshot_of(&volume, "its").await?;
    let others = bench.snapshot_of(&other, "others").await?;
    bench
        .array
        .restore(&volume.name, &its.name, &|_| ())
        .await?;
    let restored = bench
        .array
        .restore(&volume.name, &others.name, &|_| ())
        .await;
    let is_not_its = |refusal: &Refusal| matches!(refusal, Refusal::NotItsSnapshot { .. });
    ensure_refused(restored, is_not_its, "another's snapshot")
}

pub(super) async fn restoring_leaves_the_stamp(bench: &Bench<'_>) -> Outcome {
    let volume = bench.volume("volume").await?;
    let stamped = |stamp| Admissions {
        stamp,
        ..Admissions::default()
    };
    bench.set(&volume, &stamped(FIRST)).await?;
    let snapshot = bench.snapshot_of(&volume, "snapshot").await?;
    bench.set(&volume, &stamped(SECOND)).await?;
    bench
        .array
        .restore(&volume.name, &snapshot.name, &|_| ())
        .await?;
    let keeps = bench.array.traits().stamps != StampKeeper::Nobody;
    let found = bench.admissions(&volume).await?;
    ensure(
        !keeps || found == stamped(SECOND),
        "the stamp is restored too",
    )
}
