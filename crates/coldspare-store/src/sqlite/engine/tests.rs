//! What the real engine says when it cannot, and what becomes of it.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{Error, Expected};

fn engine() -> (TempDir, Engine) {
    let folder = TempDir::new().unwrap();
    let engine = Engine::open(&folder.path().join("store.db")).unwrap();
    (folder, engine)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(name: &str, length: usize) -> Txn {
    Txn::new().put(key(name), Value::new(vec![7; length]).unwrap())
}

fn told(failure: Failure) -> Error {
    failure.told("store.db")
}

#[test]
fn every_commit_is_on_the_disk_before_it_is_answered() {
    let (_folder, engine) = engine();
    let setting = |name| {
        engine
            .connection
            .pragma_query_value(None, name, |row| row.get(0))
    };
    assert_eq!(setting("synchronous"), Ok(2), "full");
    let mode = engine
        .connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0));
    assert_eq!(mode, Ok("wal".to_owned()));
}

#[test]
fn several_may_make_one_file_at_once() {
    for _ in 0..50 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store.db");
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let path = &path;
                scope.spawn(move || {
                    let opened = Engine::open(path).map_err(told);
                    opened.unwrap().commit(&[put(name, 10)]).unwrap();
                });
            }
        });
        let mut engine = Engine::open(&path).unwrap();
        assert_eq!(engine.list(&Prefix::all()).unwrap().entries.len(), 4);
    }
}

#[test]
fn nothing_is_committed_to_a_file_that_was_moved_deleted_or_replaced() {
    let (folder, mut engine) = engine();
    let path = |name| folder.path().join(name);
    engine.commit(&[put("a", 10)]).unwrap();
    let mut refused = || {
        let error = told(engine.commit(&[put("b", 10)]).unwrap_err());
        let Error::Unreachable { source, .. } = error else {
            panic!("{error:?}");
        };
        source.unwrap().to_string()
    };
    fs::rename(path("store.db"), path("elsewhere.db")).unwrap();
    assert_eq!(refused(), "the file was moved or deleted");
    fs::copy(path("elsewhere.db"), path("store.db")).unwrap();
    assert_eq!(refused(), "the file was moved or deleted");
    fs::rename(path("elsewhere.db"), path("store.db")).unwrap();
    engine.commit(&[put("b", 10)]).unwrap();
    assert_eq!(engine.list(&Prefix::all()).unwrap().entries.len(), 2);
}

#[test]
fn a_full_one_says_so_changes_nothing_and_can_still_be_read() {
    let (_folder, mut engine) = engine();
    engine.commit(&[put("a", 10)]).unwrap();
    let pages: i64 = engine
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    engine
        .connection
        .pragma_update(None, "max_page_count", pages + 4)
        .unwrap();
    let before = engine.list(&Prefix::all()).unwrap();
    let error = told(
        engine
            .commit(&[put("b", 10), put("c", 100_000)])
            .unwrap_err(),
    );
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert_eq!(engine.list(&Prefix::all()).unwrap(), before);
    engine.commit(&[put("b", 10)]).unwrap();
}

#[test]
fn one_that_can_only_be_read_says_so_and_is_read() {
    let (_folder, mut engine) = engine();
    engine.commit(&[put("a", 10)]).unwrap();
    engine
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = told(engine.commit(&[put("b", 10)]).unwrap_err());
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    assert_eq!(engine.list(&Prefix::all()).unwrap().entries.len(), 1);
}

#[test]
fn one_that_another_keeps_locked_cannot_be_reached() {
    let (folder, mut engine) = engine();
    engine
        .connection
        .busy_timeout(Duration::from_millis(10))
        .unwrap();
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = told(engine.commit(&[put("a", 10)]).unwrap_err());
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(engine.get(&key("a")).unwrap(), None);
    other.execute_batch("ROLLBACK").unwrap();
    engine.commit(&[put("a", 10)]).unwrap();
}

#[test]
fn a_damaged_file_is_told_and_never_taken_for_an_empty_one() {
    let (folder, mut engine) = engine();
    for name in 0..50 {
        engine.commit(&[put(&name.to_string(), 1000)]).unwrap();
    }
    drop(engine);
    let path = folder.path().join("store.db");
    let whole = fs::read(&path).unwrap();
    for from in (0..whole.len()).step_by(4096) {
        let mut damaged = whole.clone();
        damaged[from..from + 100].fill(0xAA);
        fs::write(&path, damaged).unwrap();
        let read = Engine::open(&path).and_then(|mut engine| engine.list(&Prefix::all()));
        match read {
            Err(failure) => assert!(matches!(told(failure), Error::Damaged { .. })),
            Ok(listing) => assert_eq!(listing.entries.len(), 50, "damaged at {from}"),
        }
    }
}

#[test]
fn a_watch_that_falls_too_far_behind_is_told() {
    let (_folder, mut engine) = engine();
    let commits: Vec<Txn> = (0..=HISTORY + SLACK).map(|_| put("a", 1)).collect();
    engine.commit(&commits).unwrap();
    let oldest = Revision::new(SLACK + 1);
    let seen = engine.next_change(&Prefix::all(), oldest).unwrap();
    assert_eq!(seen.until, Revision::new(SLACK + 2));
    let error = told(
        engine
            .next_change(&Prefix::all(), Revision::new(SLACK))
            .unwrap_err(),
    );
    assert!(matches!(error, Error::Compacted { .. }), "{error}");
}

#[test]
fn a_file_of_an_older_format_is_brought_to_the_newer_one_with_all_that_is_in_it() {
    let (_folder, mut engine) = engine();
    engine.commit(&[put("a", 10)]).unwrap();
    let before = engine.list(&Prefix::all()).unwrap();
    let newer = [schema::FORMATS, &["CREATE TABLE added (x) STRICT"]].concat();
    let broken = schema::bring_to(&mut engine.connection, &newer).unwrap_err();
    assert!(matches!(broken, Failure::Damaged(_)), "no type: {broken:?}");
    assert_eq!(
        engine.list(&Prefix::all()).unwrap(),
        before,
        "all of a step or none of it"
    );

    let newer = [schema::FORMATS, &["CREATE TABLE added (x ANY) STRICT"]].concat();
    for _ in 0..2 {
        schema::bring_to(&mut engine.connection, &newer).unwrap();
    }
    let kept: i64 = engine
        .connection
        .query_one("SELECT count(*) FROM entry", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
    let error = told(engine.list(&Prefix::all()).unwrap_err());
    assert!(
        matches!(
            error,
            Error::NewerFormat {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_group_is_as_if_each_came_alone() {
    let (_folder, mut engine) = engine();
    let claim = put("a", 1).expect(key("a"), Expected::Absent);
    let outcomes = engine
        .commit(&[claim.clone(), claim, put("b", 1), Txn::new()])
        .unwrap();
    let committed = |number| Outcome::Committed(Revision::new(number));
    assert_eq!(outcomes[0], committed(1));
    assert!(
        matches!(&outcomes[1], Outcome::Conflict(conflict) if conflict.found == Some(Revision::new(1)))
    );
    assert_eq!(outcomes[2..], [committed(2), committed(2)]);
}
