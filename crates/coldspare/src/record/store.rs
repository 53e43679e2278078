//! What the controller's outputs ask of a store, for whoever carries them out.

use std::collections::BTreeSet;

use coldspare_store::{Key, KeyError, Listing, Outcome, Prefix, Store, Txn};

use super::{JOURNAL, RECORD};

/// All that the controller goes by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// The record: everything below `record/`, all at one revision.
    pub record: Listing,
    /// Those of the lines asked for that the journal has.
    pub lines: BTreeSet<Key>,
}

/// Why the record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The store does not tell.
    #[error(transparent)]
    Store(#[from] coldspare_store::Error),
    /// What is to be read has no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A journal tells of a record that is not there. Taken for an empty store, all that was
    /// recorded would be found out anew.
    #[error(
        "the store has a journal, and no record that belongs to it: an earlier version wrote it, \
         or somebody has deleted the record; restore it, or begin with an empty store"
    )]
    NoRecord,
}

/// Reads what [`Output::Load`](crate::core::Output::Load) asks for: the record, and of the journal,
/// which grows for ever, only which of these lines it has.
pub async fn load(store: &dyn Store, lines: &[Key]) -> Result<Loaded, Unreadable> {
    let mut record = store.list(&below(RECORD)?).await?;
    if record.entries.is_empty() && !store.list(&below(JOURNAL)?).await?.entries.is_empty() {
        // Another controller may just have begun.
        record = store.list(&below(RECORD)?).await?;
        if record.entries.is_empty() {
            return Err(Unreadable::NoRecord);
        }
    }
    let mut found = BTreeSet::new();
    for line in lines {
        if store.get(line).await?.is_some() {
            found.insert(line.clone());
        }
    }
    let lines = found;
    Ok(Loaded { record, lines })
}

/// Makes what [`Output::Commit`](crate::core::Output::Commit) asks for: first the commits that have
/// to be there before, then the one that counts. A conflict of any is the end.
pub async fn commit(
    store: &dyn Store,
    before: &[Txn],
    txn: &Txn,
) -> Result<Outcome, coldspare_store::Error> {
    for txn in before {
        let outcome = store.commit(txn).await?;
        if let Outcome::Conflict(_) = outcome {
            return Ok(outcome);
        }
    }
    store.commit(txn).await
}

fn below(name: &str) -> Result<Prefix, KeyError> {
    Ok(Prefix::below(&Key::of(&[name])?))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use coldspare_store::{Entry, Error, MemoryStore, Revision, Value, Watch};

    use super::*;

    /// A store in which another controller begins as soon as somebody has looked.
    #[derive(Debug)]
    struct JustBegun(MemoryStore, Txn);

    #[async_trait]
    impl Store for JustBegun {
        async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
            self.0.get(key).await
        }

        async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
            let listed = self.0.list(prefix).await;
            self.0.commit(&self.1).await?;
            listed
        }

        async fn commit(&self, txn: &Txn) -> Result<Outcome, Error> {
            self.0.commit(txn).await
        }

        async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Box<dyn Watch>, Error> {
            self.0.watch(prefix, after).await
        }
    }

    fn put(txn: Txn, key: &str) -> Txn {
        txn.put(Key::new(key).unwrap(), Value::new("{}").unwrap())
    }

    #[tokio::test]
    async fn what_another_controller_just_begins_is_not_taken_for_a_record_that_was_lost() {
        let begun = put(put(Txn::new(), "record/site"), "journal/1");
        let store = JustBegun(MemoryStore::new(), begun);
        assert_eq!(load(&store, &[]).await.unwrap().record.entries.len(), 1);
    }

    #[tokio::test]
    async fn a_store_whose_journal_tells_of_another_record_is_not_taken_for_an_empty_one() {
        let store = MemoryStore::new();
        assert_eq!(load(&store, &[]).await.unwrap().lines, BTreeSet::new());

        let formerly = put(put(Txn::new(), "persona/exchange-1"), "journal/1");
        store.commit(&formerly).await.unwrap();
        let unreadable = load(&store, &[]).await.unwrap_err();
        assert!(matches!(unreadable, Unreadable::NoRecord), "{unreadable}");

        let now = put(Txn::new(), "record/control");
        store.commit(&now).await.unwrap();
        assert_eq!(load(&store, &[]).await.unwrap().record.entries.len(), 1);
    }
}
