use super::*;
use crate::{Expected, Value};

fn key() -> Key {
    Key::new("a").unwrap()
}

fn create() -> Txn {
    Txn::new()
        .expect(key(), Expected::Absent)
        .put(key(), Value::new("1").unwrap())
}

fn with(faults: Faults) -> MemoryStore {
    let store = MemoryStore::new();
    store.set_faults(faults);
    store
}

#[tokio::test]
async fn what_cannot_be_written_is_told_apart_and_changes_nothing() {
    let full = Faults {
        full: true,
        ..Faults::default()
    };
    let read_only = Faults {
        read_only: true,
        ..Faults::default()
    };
    let unreachable = Faults {
        unreachable: true,
        ..Faults::default()
    };
    for faults in [full, read_only, unreachable] {
        let store = with(faults.clone());
        let error = store.commit(&create()).await.unwrap_err();
        let told = match error {
            Error::Full { .. } => faults.full,
            Error::ReadOnly { .. } => faults.read_only,
            Error::Unreachable { .. } => faults.unreachable,
            _ => false,
        };
        assert!(told, "{faults:?}: {error}");
        assert_eq!(error.may_retry(), faults.unreachable);
        store.set_faults(Faults::default());
        assert_eq!(store.get(&key()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_lost_answer_hides_a_commit_that_was_made_and_an_expectation_finds_out() {
    let store = with(Faults {
        loses_answers: true,
        ..Faults::default()
    });
    let lost = store.commit(&create()).await.unwrap_err();
    assert!(matches!(lost, Error::Unanswered { .. }));
    store.set_faults(Faults::default());
    let again = store.commit(&create()).await.unwrap();
    assert!(matches!(again, Outcome::Conflict(_)), "{again:?}");
}

#[tokio::test]
async fn a_full_store_can_still_be_read() {
    let store = MemoryStore::new();
    store.commit(&create()).await.unwrap();
    store.set_faults(Faults {
        full: true,
        ..Faults::default()
    });
    assert!(store.get(&key()).await.unwrap().is_some());
    assert_eq!(store.list(&Prefix::all()).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_watch_that_falls_too_far_behind_ends() {
    let store = MemoryStore::new();
    let mut watch = store.watch(&Prefix::all(), Revision::NONE).await.unwrap();
    let put = Txn::new().put(key(), Value::new("1").unwrap());
    for _ in 0..=HISTORY {
        store.commit(&put).await.unwrap();
    }
    let told = watch.next().await;
    assert!(matches!(told, Err(Error::Compacted { .. })), "{told:?}");
}

#[tokio::test]
async fn a_commit_that_changes_nothing_has_the_present_revision() {
    let store = MemoryStore::new();
    let Outcome::Committed(revision) = store.commit(&create()).await.unwrap() else {
        panic!("an empty store has no conflicts");
    };
    let nothing = store.commit(&Txn::new()).await.unwrap();
    assert_eq!(nothing, Outcome::Committed(revision));
}
