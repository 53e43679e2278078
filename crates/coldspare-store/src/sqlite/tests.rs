use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::conformance::{Rig, check};
use crate::{Expected, MemoryStore, Value};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(name: &str, text: &str) -> Txn {
    Txn::new().put(key(name), Value::new(text).unwrap())
}

/// Files in a folder that goes with it.
struct Files {
    folder: TempDir,
    latest: Mutex<u32>,
}

impl Files {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            folder,
            latest: Mutex::new(0),
        }
    }

    fn latest(&self) -> PathBuf {
        let latest = self.latest.lock().unwrap();
        self.folder.path().join(format!("{latest}.db"))
    }

    /// What any other program does to the file.
    fn meddle(&self, statements: &str) {
        let connection = Connection::open(self.latest()).unwrap();
        connection.execute_batch(statements).unwrap();
    }
}

#[async_trait]
impl Rig for Files {
    async fn fresh(&self) -> Arc<dyn Store> {
        *self.latest.lock().unwrap() += 1;
        self.again().await
    }

    async fn again(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.latest()).await.unwrap())
    }

    async fn compact(&self) {
        self.meddle("DELETE FROM change; UPDATE latest SET forgotten = revision;");
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(2)
    }
}

#[tokio::test]
async fn does_what_every_store_must() {
    assert_eq!(check(&Files::new()).await, []);
}

#[tokio::test]
async fn what_was_committed_is_there_when_the_file_is_opened_again() {
    let files = Files::new();
    let before = files.fresh().await;
    before.commit(&put("a", "1")).await.unwrap();
    let listing = before.list(&Prefix::all()).await.unwrap();
    drop(before);
    let after = files.again().await;
    assert_eq!(after.list(&Prefix::all()).await.unwrap(), listing);
    let second = after.commit(&put("b", "2")).await.unwrap();
    assert!(matches!(second, Outcome::Committed(revision) if revision > listing.revision));
}

#[tokio::test]
async fn commits_that_come_together_are_answered_each_for_itself() {
    let files = Files::new();
    let store = files.fresh().await;
    let claim =
        |number: u32| put("taken", &number.to_string()).expect(key("taken"), Expected::Absent);
    let mut commits = tokio::task::JoinSet::new();
    for number in 0..500 {
        let (store, claim) = (store.clone(), claim(number));
        commits.spawn(async move { store.commit(&claim).await.unwrap() });
    }
    let outcomes = commits.join_all().await;
    let made = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Outcome::Committed(_)));
    assert_eq!(made.count(), 1);
}

#[tokio::test]
async fn the_journal_is_a_view_for_people() {
    let files = Files::new();
    let store = files.fresh().await;
    let journal = put("journal/2", r#"{"what":"move"}"#);
    store
        .commit(&journal.put(key("journalist"), Value::new("x").unwrap()))
        .await
        .unwrap();
    store
        .commit(&put("journal/1", r#"{"what":"fence"}"#))
        .await
        .unwrap();
    let connection = Connection::open(files.latest()).unwrap();
    let mut query = connection
        .prepare("SELECT name, line ->> 'what' FROM journal")
        .unwrap();
    let lines: Vec<(String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let line = |name: &str, what: &str| (name.to_owned(), what.to_owned());
    assert_eq!(lines, [line("1", "fence"), line("2", "move")]);
}

#[tokio::test]
async fn a_newer_versions_file_is_refused_also_when_it_becomes_one_meanwhile() {
    let files = Files::new();
    let store = files.fresh().await;
    store.commit(&put("a", "1")).await.unwrap();
    files.meddle("PRAGMA user_version = 99");
    let told = [
        store.commit(&put("a", "2")).await.unwrap_err(),
        store.get(&key("a")).await.unwrap_err(),
        SqliteStore::open(files.latest()).await.unwrap_err(),
    ];
    for error in told {
        assert!(
            matches!(
                error,
                Error::NewerFormat {
                    found: 99,
                    known: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert!(!error.may_retry());
    }
    files.meddle("PRAGMA user_version = 1");
    assert_eq!(
        store.get(&key("a")).await.unwrap().unwrap().value.bytes(),
        b"1"
    );
}

#[tokio::test]
async fn it_is_read_while_another_writes() {
    let files = Files::new();
    let store = files.fresh().await;
    store.commit(&put("a", "1")).await.unwrap();
    let other = Connection::open(files.latest()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let read = timeout(Duration::from_secs(2), store.get(&key("a"))).await;
    assert_eq!(read.unwrap().unwrap().unwrap().value.bytes(), b"1");
}

#[tokio::test]
async fn what_is_no_store_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x");
    let open = || SqliteStore::open(&path);

    std::fs::write(
        &path,
        "a text that somebody wrote, long enough to be taken for a header",
    )
    .unwrap();
    assert!(matches!(open().await, Err(Error::Damaged { .. })));
    assert!(std::fs::read(&path).unwrap().starts_with(b"a text"));

    std::fs::remove_file(&path).unwrap();
    let foreign = Connection::open(&path).unwrap();
    foreign
        .execute_batch("CREATE TABLE entry (x); INSERT INTO entry VALUES (1);")
        .unwrap();
    assert!(matches!(open().await, Err(Error::Damaged { .. })));
    assert_eq!(
        foreign.query_one("SELECT x FROM entry", [], |row| row.get(0)),
        Ok(1)
    );

    for nowhere in [
        folder.path().join("no/such/folder"),
        folder.path().to_owned(),
        "".into(),
        ":memory:".into(),
    ] {
        let told = SqliteStore::open(&nowhere).await;
        assert!(
            matches!(told, Err(Error::Unreachable { .. })),
            "{nowhere:?}: {told:?}"
        );
    }
}

#[tokio::test]
async fn an_entry_that_somebody_wrote_by_hand_and_that_is_none_is_named() {
    let files = Files::new();
    let store = files.fresh().await;
    files.meddle("INSERT INTO entry VALUES ('no//key', x'00', 1)");
    let told = store.list(&Prefix::all()).await.unwrap_err();
    assert!(matches!(&told, Error::Damaged { .. }), "{told}");
    assert!(told.to_string().contains("no//key"), "{told}");
}

#[derive(Debug, Clone)]
struct Step {
    expect: Vec<(u8, Option<u64>)>,
    put: Vec<(u8, Option<u8>)>,
}

impl Step {
    fn txn(&self) -> Txn {
        let name = |number: &u8| key(["a", "a/b", "a/c", "b"][usize::from(*number)]);
        let expected =
            |at: &Option<u64>| at.map_or(Expected::Absent, |at| Expected::At(Revision::new(at)));
        let txn = self.expect.iter().fold(Txn::new(), |txn, (on, at)| {
            txn.expect(name(on), expected(at))
        });
        self.put.iter().fold(txn, |txn, (on, value)| match value {
            Some(value) => txn.put(name(on), Value::new([*value]).unwrap()),
            None => txn.delete(name(on)),
        })
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let expect = proptest::collection::vec((0..4u8, proptest::option::of(0..12u64)), 0..2);
    let put = proptest::collection::vec((0..4u8, any::<Option<u8>>()), 0..4);
    let step = (expect, put).prop_map(|(expect, put)| Step { expect, put });
    proptest::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_committed_it_does_what_the_store_in_memory_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let files = Files::new();
            let (memory, file) = (MemoryStore::new(), files.fresh().await);
            let below = Prefix::below(&key("a"));
            let mut shown = memory.watch(&below, Revision::NONE).await.unwrap();
            let mut also = file.watch(&below, Revision::NONE).await.unwrap();
            for step in steps {
                let (one, other) = (memory.commit(&step.txn()).await, file.commit(&step.txn()).await);
                prop_assert_eq!(one.unwrap(), other.unwrap());
                let before = memory.list(&below).await.unwrap();
                prop_assert_eq!(&before, &file.list(&below).await.unwrap());
            }
            let quick = Duration::from_millis(1);
            while let Ok(change) = timeout(quick, shown.next()).await {
                prop_assert_eq!(change.unwrap(), also.next().await.unwrap());
            }
            prop_assert!(timeout(quick, also.next()).await.is_err());
            Ok(())
        })?;
    }
}
