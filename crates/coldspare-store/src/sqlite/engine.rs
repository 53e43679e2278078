//! What is asked of a store, as statements of the engine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior,
};

use super::failure::Failure;
use super::schema;
use crate::{Change, Entry, Key, Listing, Outcome, Prefix, Put, Revision, Txn, Value};

/// How long another process's lock is waited for: each of its commits holds it for a moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a log is begun anew while others come and go.
const TRIES: u32 = 100;
/// How many commits a watch may fall behind.
const HISTORY: u64 = 1024;
/// How many more are kept before the oldest are forgotten together: each time costs a few pages.
const SLACK: u64 = 128;
/// More than one commit changes: see the table `change`.
const WIDTH: u64 = 128;
const _: () = assert!(Txn::MOST_KEYS < 128);

/// A connection to the file.
#[derive(Debug)]
pub(super) struct Engine {
    connection: Connection,
    path: PathBuf,
    file: Option<FileId>,
}

/// Which file it is: its device, and its number there.
type FileId = (u64, u64);

/// What a watch is shown.
#[derive(Debug)]
pub(super) struct Seen {
    /// The next commit that concerns it, if there is one.
    pub(super) change: Option<Change>,
    /// It has seen everything up to here.
    pub(super) until: Revision,
}

impl Engine {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        schema::bring_to(&mut connection, schema::FORMATS)?;
        if keep_log(&mut connection)? != "wal" {
            return Err(Failure::Unreachable(
                "no write-ahead log can be kept there".to_owned(),
            ));
        }
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            file: file_at(path),
        })
    }

    pub(super) fn get(&mut self, key: &Key) -> Result<Option<Entry>, Failure> {
        let txn = self.begin(TransactionBehavior::Deferred)?;
        let mut found = txn.prepare_cached("SELECT value, revision FROM entry WHERE key = ?")?;
        let mut rows = found.query([key.as_str()])?;
        rows.next()?.map(entry).transpose()
    }

    pub(super) fn list(&mut self, prefix: &Prefix) -> Result<Listing, Failure> {
        let txn = self.begin(TransactionBehavior::Deferred)?;
        let revision = latest(&txn)?.revision;
        let mut from = txn
            .prepare_cached("SELECT key, value, revision FROM entry WHERE key >= ? ORDER BY key")?;
        let mut rows = from.query([prefix.as_str()])?;
        let mut entries = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let key = Key::new(row.get_ref("key")?.as_str()?)?;
            if !prefix.contains(&key) {
                break;
            }
            entries.insert(key, entry(row)?);
        }
        Ok(Listing { revision, entries })
    }

    /// What became of each, when all is on the disk; if it fails, of none anything.
    pub(super) fn commit(&mut self, txns: &[Txn]) -> Result<Vec<Outcome>, Failure> {
        // What is committed to a file without a name is lost when it is closed.
        if file_at(&self.path) != self.file {
            return Err(Failure::Unreachable(
                "the file was moved or deleted".to_owned(),
            ));
        }
        let group = self.begin(TransactionBehavior::Immediate)?;
        let before = latest(&group)?;
        let mut revision = before.revision;
        let mut outcomes = Vec::with_capacity(txns.len());
        for txn in txns {
            let outcome = apply(&group, revision, txn)?;
            if let Outcome::Committed(committed) = outcome {
                revision = committed;
            }
            outcomes.push(outcome);
        }
        if revision > before.revision {
            let forgotten = forget(&group, before.forgotten, revision)?;
            group
                .prepare_cached("UPDATE latest SET revision = ?, forgotten = ?")?
                .execute([signed(revision.number()), signed(forgotten.number())])?;
        }
        group
            .commit()
            .map_err(|error| Failure::of_last_step(&error))?;
        Ok(outcomes)
    }

    /// What the next commit after that revision did to the part, if there was one.
    pub(super) fn next_change(
        &mut self,
        prefix: &Prefix,
        after: Revision,
    ) -> Result<Seen, Failure> {
        let txn = self.begin(TransactionBehavior::Deferred)?;
        let latest = latest(&txn)?;
        if after < latest.forgotten {
            return Err(Failure::Compacted(after));
        }
        let mut changes = txn.prepare_cached(
            "SELECT place, key, value FROM change WHERE place >= ? ORDER BY place",
        )?;
        let mut rows = changes.query([place_after(after)])?;
        let mut change: Option<Change> = None;
        while let Some(row) = rows.next()? {
            let revision = Revision::new(unsigned(row.get("place")?) / WIDTH);
            if change
                .as_ref()
                .is_some_and(|change| change.revision < revision)
            {
                break;
            }
            let key = Key::new(row.get_ref("key")?.as_str()?)?;
            if prefix.contains(&key) {
                let value = row.get_ref("value")?.as_blob_or_null()?;
                let value = value.map(Value::new).transpose()?;
                let entries = BTreeMap::new();
                let change = change.get_or_insert(Change { revision, entries });
                change.entries.insert(key, value);
            }
        }
        let until = change
            .as_ref()
            .map_or(latest.revision, |change| change.revision);
        let until = until.max(after);
        Ok(Seen { change, until })
    }

    fn begin(&mut self, behavior: TransactionBehavior) -> Result<Transaction<'_>, Failure> {
        let txn = self.connection.transaction_with_behavior(behavior)?;
        schema::check(&txn)?;
        Ok(txn)
    }
}

/// Keeps a write-ahead log from now on; how the file is written then. To begin with one SQLite wants
/// nobody else at the file, and waits for nobody: only a transaction waits, and then it is tried again.
fn keep_log(connection: &mut Connection) -> rusqlite::Result<String> {
    let mut tries = 0..TRIES;
    loop {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        match mode {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && tries.next().is_some() =>
            {
                connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
            }
            mode => return mode,
        }
    }
}

fn file_at(path: &Path) -> Option<FileId> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

struct Latest {
    revision: Revision,
    /// The commits up to this one are no longer in the history.
    forgotten: Revision,
}

fn latest(txn: &Transaction<'_>) -> rusqlite::Result<Latest> {
    let mut latest = txn.prepare_cached("SELECT revision, forgotten FROM latest")?;
    latest.query_one([], |row| {
        Ok(Latest {
            revision: Revision::new(unsigned(row.get(0)?)),
            forgotten: Revision::new(unsigned(row.get(1)?)),
        })
    })
}

/// Makes the changes if every expectation is met, at the next revision.
fn apply(group: &Transaction<'_>, present: Revision, txn: &Txn) -> Result<Outcome, Failure> {
    let mut found = BTreeMap::new();
    for key in txn.expectations().keys() {
        let mut of = group.prepare_cached("SELECT revision FROM entry WHERE key = ?")?;
        let revision = of.query_one([key.as_str()], |row| row.get(0)).optional()?;
        found.insert(key, revision.map(unsigned).map(Revision::new));
    }
    if let Some(conflict) = txn.conflict(|key| found.get(key).copied().flatten()) {
        return Ok(Outcome::Conflict(conflict));
    }
    let next = Revision::new(present.number() + 1);
    let mut place = place_after(present);
    for (key, put) in txn.changes() {
        let (touched, value) = match put {
            Put::Value(value) => (set(group, key, value, next)?, Some(value.bytes())),
            Put::Delete => (delete(group, key)?, None),
        };
        if touched > 0 {
            group
                .prepare_cached("INSERT INTO change (place, key, value) VALUES (?, ?, ?)")?
                .execute((place, key.as_str(), value))?;
            place += 1;
        }
    }
    let changed = place > place_after(present);
    Ok(Outcome::Committed(if changed { next } else { present }))
}

/// Forgets the oldest commits if there are enough of them; up to which all are forgotten.
fn forget(
    group: &Transaction<'_>,
    forgotten: Revision,
    latest: Revision,
) -> rusqlite::Result<Revision> {
    if latest.number() <= forgotten.number() + HISTORY + SLACK {
        return Ok(forgotten);
    }
    let forgotten = Revision::new(latest.number() - HISTORY);
    group
        .prepare_cached("DELETE FROM change WHERE place < ?")?
        .execute([place_after(forgotten)])?;
    Ok(forgotten)
}

/// The place of the first change after that commit.
fn place_after(revision: Revision) -> i64 {
    signed(revision.number().saturating_add(1).saturating_mul(WIDTH))
}

fn set(group: &Transaction<'_>, key: &Key, value: &Value, at: Revision) -> rusqlite::Result<usize> {
    group
        .prepare_cached(
            "INSERT INTO entry (key, value, revision) VALUES (?, ?, ?)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
        )?
        .execute((key.as_str(), value.bytes(), signed(at.number())))
}

fn delete(group: &Transaction<'_>, key: &Key) -> rusqlite::Result<usize> {
    group
        .prepare_cached("DELETE FROM entry WHERE key = ?")?
        .execute([key.as_str()])
}

fn entry(row: &Row<'_>) -> Result<Entry, Failure> {
    let value = Value::new(row.get_ref("value")?.as_blob()?)?;
    Ok(Entry {
        value,
        revision: Revision::new(unsigned(row.get("revision")?)),
    })
}

/// SQLite has signed integers only. What it cannot write is a number that never comes.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// These numbers are written by this module, from zero on.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests;
