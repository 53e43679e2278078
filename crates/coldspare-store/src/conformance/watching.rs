//! A watch shows every commit, in order, whole.

use super::{Checked, Rig, below, commit, ensure, key, next, put};
use crate::{Error, Prefix, Txn, Value};

pub(super) async fn misses_nothing(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    put(&*store, &key("a/0")?, "before").await?;
    let listing = store.list(&below("a")?).await?;
    let mut revisions = vec![put(&*store, &key("a/1")?, "between").await?];
    let mut watch = rig
        .again()
        .await
        .watch(&below("a")?, listing.revision)
        .await?;
    revisions.push(commit(&*store, Txn::new().delete(key("a/0")?)).await?);
    for number in 0..20 {
        revisions.push(put(&*store, &key("a/2")?, &number.to_string()).await?);
    }
    for revision in revisions {
        let change = next(rig, &mut *watch).await?;
        ensure(change.revision == revision, || {
            format!("the commit {revision} comes next, {change:?} is shown")
        })?;
    }
    Ok(())
}

pub(super) async fn shows_commits_whole(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    put(&*store, &key("a/3")?, "3").await?;
    let after = store.list(&Prefix::all()).await?.revision;
    let txn = Txn::new()
        .put(key("a/1")?, Value::new("1")?)
        .put(key("a/2")?, Value::new("2")?)
        .delete(key("a/3")?);
    commit(&*store, txn).await?;
    let mut watch = store.watch(&below("a")?, after).await?;
    let change = next(rig, &mut *watch).await?;
    let wanted = [
        (key("a/1")?, Some(Value::new("1")?)),
        (key("a/2")?, Some(Value::new("2")?)),
        (key("a/3")?, None),
    ];
    ensure(change.entries == wanted.into(), || {
        format!("two values and a deletion were committed, {change:?} is shown")
    })
}

pub(super) async fn is_of_its_part_only(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let now = store.list(&Prefix::all()).await?.revision;
    let mut watch = store.watch(&below("a")?, now).await?;
    put(&*store, &key("ab/1")?, "1").await?;
    let txn = Txn::new()
        .put(key("a/1")?, Value::new("1")?)
        .put(key("b/1")?, Value::new("1")?);
    commit(&*store, txn).await?;
    let change = next(rig, &mut *watch).await?;
    let keys: Vec<_> = change.entries.keys().map(crate::Key::as_str).collect();
    ensure(keys == ["a/1"], || {
        format!("only a/1 is below a; shown: {keys:?}")
    })
}

pub(super) async fn wakes(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let now = store.list(&Prefix::all()).await?.revision;
    let mut watch = store.watch(&Prefix::all(), now).await?;
    let key = key("a")?;
    let writing = async {
        tokio::time::sleep(rig.patience() / 4).await;
        put(&*store, &key, "1").await
    };
    let (shown, written) = tokio::join!(next(rig, &mut *watch), writing);
    let (shown, written) = (shown?, written?);
    ensure(shown.revision == written, || {
        format!("committed at {written}, shown at {}", shown.revision)
    })
}

pub(super) async fn tells_of_a_gap(rig: &dyn Rig) -> Checked {
    let store = rig.fresh().await;
    let key = key("a")?;
    let after = put(&*store, &key, "1").await?;
    put(&*store, &key, "2").await?;
    put(&*store, &key, "3").await?;
    rig.compact().await;
    let told = match store.watch(&Prefix::all(), after).await {
        Err(error) => Err(error),
        Ok(mut watch) => {
            let Ok(shown) = tokio::time::timeout(rig.patience(), watch.next()).await else {
                return Err(super::Broken("a gap is passed over in silence".to_owned()));
            };
            shown
        }
    };
    ensure(matches!(told, Err(Error::Compacted { .. })), || {
        format!("forgotten commits are asked for, the answer is {told:?}")
    })
}
