//! The tables, and how those of older versions become those of this one.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::failure::Failure;

/// What marks a file as ours: "Cold" in ASCII.
const APPLICATION: i32 = 0x436F_6C64;

/// What leads from each format to the next: the first from an empty file to format 1. A format
/// that was released is never changed, only followed by another.
pub(super) const FORMATS: &[&str] = &["
    -- What is stored.
    CREATE TABLE entry (
        key      TEXT PRIMARY KEY NOT NULL,
        value    BLOB NOT NULL,
        revision INTEGER NOT NULL
    ) STRICT;
    -- What the latest commits did, for those who watch; no value: deleted. The place is the
    -- commit's revision times 128, plus which of its changes it is: there are never so many.
    CREATE TABLE change (
        place INTEGER PRIMARY KEY,
        key   TEXT NOT NULL,
        value BLOB
    ) STRICT;
    -- One row: the latest commit, and the latest of which the changes are forgotten.
    CREATE TABLE latest (
        revision  INTEGER NOT NULL,
        forgotten INTEGER NOT NULL
    ) STRICT;
    INSERT INTO latest VALUES (0, 0);
    -- For people. '0' follows '/'.
    CREATE VIEW journal AS
        SELECT revision, substr(key, length('journal/') + 1) AS name, CAST(value AS TEXT) AS line
        FROM entry WHERE key > 'journal/' AND key < 'journal0' ORDER BY key;
"];

/// Brings the file to the last of these formats.
pub(super) fn bring_to(connection: &mut Connection, formats: &[&str]) -> Result<(), Failure> {
    let newest = newest(formats);
    if format(&connection.transaction()?, newest)? == newest {
        return Ok(());
    }
    let txn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    let found = format(&txn, newest)?;
    for (step, _) in formats
        .iter()
        .zip(1..)
        .filter(|(_, format)| *format > found)
    {
        txn.execute_batch(step)?;
    }
    txn.pragma_update(None, "application_id", APPLICATION)?;
    txn.pragma_update(None, "user_version", newest)?;
    txn.commit().map_err(|error| Failure::of_last_step(&error))
}

/// Refuses a file that another version has brought to another format meanwhile.
pub(super) fn check(txn: &Transaction<'_>) -> Result<(), Failure> {
    match format(txn, newest(FORMATS))? {
        found if found == newest(FORMATS) => Ok(()),
        found => Err(Failure::Damaged(format!("its format went back to {found}"))),
    }
}

fn newest(formats: &[&str]) -> u32 {
    u32::try_from(formats.len()).unwrap_or(u32::MAX)
}

/// The file's format, if it is ours and none after the last one known; an empty file has format 0.
fn format(txn: &Transaction<'_>, known: u32) -> Result<u32, Failure> {
    let mut marks = txn.prepare_cached(
        "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
    )?;
    let (application, found): (i32, i32) =
        marks.query_one([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let ours = match application {
        APPLICATION => true,
        0 => found == 0 && is_empty(txn)?,
        _ => false,
    };
    match u32::try_from(found) {
        Ok(found) if ours && found <= known => Ok(found),
        Ok(found) if ours => Err(Failure::NewerFormat { found, known }),
        _ => Err(Failure::Damaged(
            "it is another program's database".to_owned(),
        )),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_one("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
        row.get(0)
    })
}
