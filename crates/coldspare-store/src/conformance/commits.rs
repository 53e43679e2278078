//! Commits happen wholly or not at all, one after the other.

use super::{Broken, Checked, Rig, commit, ensure, key, put, text};
use crate::{Conflict, Error, Expected, Key, Outcome, Prefix, Revision, Store, Txn, Value};

pub(super) async fn absent_may_be_expected(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let key = key("a")?;
    let create = Txn::new()
        .expect(key.clone(), Expected::Absent)
        .put(key, Value::new("1")?);
    commit(&*store, create.clone()).await?;
    conflicts(&*store, &create).await.map(drop)
}

pub(super) async fn an_old_revision_is_refused(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let key = key("a")?;
    let first = put(&*store, &key, "same").await?;
    let second = put(&*store, &key, "same").await?;
    conflicts(&*store, &expecting(&key, Expected::At(first))?).await?;
    commit(&*store, expecting(&key, Expected::At(second))?).await?;
    Ok(())
}

pub(super) async fn what_is_absent_has_no_revision(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let key = key("absent")?;
    for revision in [Revision::NONE, Revision::new(u64::MAX)] {
        let conflict = conflicts(&*store, &expecting(&key, Expected::At(revision))?).await?;
        ensure(conflict.found.is_none(), || {
            format!("nothing is there, the conflict found {:?}", conflict.found)
        })?;
    }
    Ok(())
}

pub(super) async fn a_deleted_entry_is_gone(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let key = key("a")?;
    let first = put(&*store, &key, "1").await?;
    commit(&*store, Txn::new().delete(key.clone())).await?;
    let found = text(&*store, &key).await?;
    ensure(found.is_none(), || {
        format!("deleted, and read as {found:?}")
    })?;
    let listing = store.list(&Prefix::all()).await?;
    ensure(listing.entries.is_empty(), || {
        "deleted, and listed".to_owned()
    })?;
    commit(&*store, Txn::new().delete(key.clone())).await?;
    conflicts(&*store, &expecting(&key, Expected::At(first))?).await?;
    commit(&*store, expecting(&key, Expected::Absent)?).await?;
    Ok(())
}

pub(super) async fn a_conflict_says_what_is_there(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let (absent, present) = (key("absent")?, key("present")?);
    let revision = put(&*store, &present, "1").await?;
    let expected = Expected::At(Revision::new(revision.number() + 1000));
    for (key, found) in [(absent, None), (present, Some(revision))] {
        let conflict = conflicts(&*store, &expecting(&key, expected)?).await?;
        let wanted = Conflict {
            key,
            expected,
            found,
        };
        ensure(conflict == wanted, || {
            format!("expected {wanted:?}, found {conflict:?}")
        })?;
    }
    Ok(())
}

pub(super) async fn every_expectation_counts(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let keys = [key("a")?, key("b")?, key("c")?];
    let mut revisions = Vec::new();
    for key in &keys {
        revisions.push(put(&*store, key, "1").await?);
    }
    for wrong in &keys {
        let mut txn = Txn::new().put(key("d")?, Value::new("1")?);
        for (key, revision) in keys.iter().zip(&revisions) {
            let off = if key == wrong { 1000 } else { 0 };
            let expected = Expected::At(Revision::new(revision.number() + off));
            txn = txn.expect(key.clone(), expected);
        }
        let conflict = conflicts(&*store, &txn).await?;
        ensure(conflict.key == *wrong, || {
            format!(
                "{wrong} was not as expected, the conflict names {}",
                conflict.key
            )
        })?;
    }
    Ok(())
}

pub(super) async fn a_refused_one_changes_nothing(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let (one, other) = (key("a")?, key("b")?);
    put(&*store, &one, "1").await?;
    let before = store.list(&Prefix::all()).await?;
    let txn = Txn::new()
        .expect(other.clone(), Expected::At(before.revision))
        .put(other, Value::new("2")?)
        .delete(one);
    conflicts(&*store, &txn).await?;
    let after = store.list(&Prefix::all()).await?;
    ensure(before.entries == after.entries, || {
        format!("before: {before:?}, after: {after:?}")
    })
}

pub(super) async fn revisions_grow(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let mut last = Revision::NONE;
    for name in ["x", "y", "x"] {
        let revision = put(&*store, &key(name)?, "1").await?;
        ensure(revision > last, || format!("{revision} comes after {last}"))?;
        last = revision;
    }
    Ok(())
}

pub(super) async fn no_increment_is_lost(rig: &dyn Rig) -> Checked {
    const EACH: u32 = 10;
    let first = rig.fresh().await;
    let (second, third) = (rig.again().await, rig.again().await);
    let counter = key("counter")?;
    put(&*first, &counter, "0").await?;
    let (one, two, three) = tokio::join!(
        count(&*first, &counter, EACH),
        count(&*second, &counter, EACH),
        count(&*third, &counter, EACH),
    );
    one.and(two).and(three)?;
    let found = text(&*first, &counter).await?;
    ensure(found == Some((3 * EACH).to_string()), || {
        format!("after {} increments it is {found:?}", 3 * EACH)
    })
}

/// Raises the counter that many times, against others who do the same.
async fn count(store: &dyn Store, counter: &Key, times: u32) -> Checked {
    let mut done = 0;
    while done < times {
        let Some(entry) = store.get(counter).await? else {
            return Err(Broken("the counter is gone".to_owned()));
        };
        // Others get a turn between reading and writing, also where nothing takes time.
        tokio::task::yield_now().await;
        let text = String::from_utf8_lossy(entry.value.bytes());
        let number: u32 = text.parse().unwrap_or_default();
        let txn = Txn::new()
            .expect(counter.clone(), Expected::At(entry.revision))
            .put(counter.clone(), Value::new((number + 1).to_string())?);
        if let Outcome::Committed(_) = store.commit(&txn).await? {
            done += 1;
        }
    }
    Ok(())
}

pub(super) async fn the_largest_is_made(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let mut txn = Txn::new();
    let mut room = Txn::MOST_BYTES;
    for number in 0..Txn::MOST_KEYS {
        // As long as a key may be.
        let key = key(&format!("{number:0>1024}"))?;
        let value = vec![
            7;
            if number == 0 {
                room - Txn::MOST_KEYS + 1
            } else {
                1
            }
        ];
        room -= value.len();
        txn = txn
            .expect(key.clone(), Expected::Absent)
            .put(key, Value::new(value)?);
    }
    commit(&*store, txn).await?;
    let kept = store.list(&Prefix::all()).await?.entries.len();
    ensure(kept == Txn::MOST_KEYS, || {
        format!("{kept} entries were made")
    })
}

pub(super) async fn too_large_is_refused(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let half = Value::new(vec![0; Value::LONGEST / 2 + 1])?;
    let heavy = Txn::new().put(key("a")?, half.clone()).put(key("b")?, half);
    let mut long = Txn::new();
    for number in 0..=Txn::MOST_KEYS {
        long = long.delete(key(&number.to_string())?);
    }
    for txn in [heavy, long] {
        let refused = matches!(store.commit(&txn).await, Err(Error::TooLarge { .. }));
        ensure(refused, || "it is not refused as too large".to_owned())?;
    }
    Ok(())
}

/// Commits what must conflict.
async fn conflicts(store: &dyn Store, txn: &Txn) -> Result<Conflict, Broken> {
    match store.commit(txn).await? {
        Outcome::Conflict(conflict) => Ok(conflict),
        Outcome::Committed(_) => Err(Broken("committed against its expectation".to_owned())),
    }
}

/// A commit that expects that of the key, and changes another.
fn expecting(key: &Key, expected: Expected) -> Result<Txn, Broken> {
    let other = Key::new("other")?;
    Ok(Txn::new()
        .expect(key.clone(), expected)
        .put(other, Value::new("1")?))
}
