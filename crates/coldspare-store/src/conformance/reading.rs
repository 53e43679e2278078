//! What is read is what was committed.

use tokio::task::yield_now;

use super::{Broken, Checked, Rig, below, commit, ensure, key, put, text};
use crate::{Prefix, Txn, Value};

pub(super) async fn what_is_committed_is_read(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let key = key("a")?;
    for value in ["1", "2"] {
        let revision = put(&*store, &key, value).await?;
        let found = text(&*store, &key).await?;
        ensure(found.as_deref() == Some(value), || {
            format!("{value:?} was committed, {found:?} is read")
        })?;
        let listing = store.list(&Prefix::all()).await?;
        let entry = listing.entries.get(&key);
        ensure(
            entry.is_some_and(|entry| entry.revision == revision),
            || format!("committed at {revision}, listed as {entry:?}"),
        )?;
    }
    Ok(())
}

pub(super) async fn other_handles_read_it_too(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let other = rig.again().await;
    let key = key("a")?;
    put(&*store, &key, "1").await?;
    let found = text(&*other, &key).await?;
    ensure(found.as_deref() == Some("1"), || {
        format!("another handle reads {found:?}")
    })
}

pub(super) async fn a_listing_is_its_part_only(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    for name in ["a", "a/1", "a/2/x", "ab/1", "b", "A/1"] {
        put(&*store, &key(name)?, "").await?;
    }
    let listing = store.list(&below("a")?).await?;
    let found: Vec<_> = listing.entries.keys().map(super::Key::as_str).collect();
    ensure(found == ["a/1", "a/2/x"], || {
        format!("below a are a/1 and a/2/x; listed: {found:?}")
    })
}

pub(super) async fn a_listing_is_of_one_revision(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    put(&*store, &key("other")?, "").await?;
    let revision = put(&*store, &key("a/1")?, "").await?;
    put(&*store, &key("b")?, "").await?;
    let listing = store.list(&below("a")?).await?;
    ensure(listing.revision > revision, || {
        format!(
            "listed at {}, after a commit at {revision}",
            listing.revision
        )
    })?;
    let (one, other) = (key("p/1")?, key("p/2")?);
    let writing = async {
        for round in 0..20 {
            let value = Value::new(round.to_string())?;
            let both = Txn::new()
                .put(one.clone(), value.clone())
                .put(other.clone(), value);
            commit(&*store, both).await?;
            yield_now().await;
        }
        Ok::<_, Broken>(())
    };
    let reader = rig.again().await;
    let reading = async {
        for _ in 0..20 {
            let listing = reader.list(&below("p")?).await?;
            let values: Vec<_> = listing.entries.values().map(|entry| &entry.value).collect();
            ensure(values.windows(2).all(|pair| pair[0] == pair[1]), || {
                "a listing shows half a commit".to_owned()
            })?;
        }
        Ok::<_, Broken>(())
    };
    let (written, read) = tokio::join!(writing, reading);
    written.and(read)
}

pub(super) async fn a_long_value_is_kept_whole(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let bytes: Vec<u8> = (b'a'..=b'z').cycle().take(Value::LONGEST).collect();
    keeps(&*store, &bytes).await
}

pub(super) async fn any_bytes_are_kept(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let bytes: Vec<u8> = (0..=255).collect();
    keeps(&*store, &bytes).await?;
    keeps(&*store, &[]).await
}

async fn keeps(store: &dyn crate::Store, bytes: &[u8]) -> Checked {
    let key = key("a")?;
    commit(store, Txn::new().put(key.clone(), Value::new(bytes)?)).await?;
    let found = store.get(&key).await?;
    ensure(
        found.is_some_and(|entry| entry.value.bytes() == bytes),
        || format!("a value of {} bytes is not read as it was", bytes.len()),
    )
}
