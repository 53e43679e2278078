//! SQLite under real processes: several at once on one file, and killed in the midst of commits.
//!
//! `KILLS=1000 cargo test --release -p coldspare-store --test sqlite` kills a writer a thousand
//! times.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rivals;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use coldspare_store::{Entry, Expected, Key, Outcome, Prefix, SqliteStore, Store, Txn, Value};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What a process of this program shall do, and with which file.
const TASK: &str = "COLDSPARE_TEST_TASK";
const FILE: &str = "COLDSPARE_TEST_FILE";
/// How many commits are under way at once in a writer.
const LANES: usize = 4;
/// How many times each process counts.
const COUNTS: u64 = 200;
/// No process takes longer.
const LIMIT: Duration = Duration::from_mins(1);

/// Begins a process of this program that runs [`child`] with that task, and says what it does there.
fn start(task: &str, file: &Path, says: Stdio) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(TASK, task)
        .env(FILE, file)
        .stdout(Stdio::null())
        .stderr(says)
        .spawn()
        .unwrap()
}

/// The lines that it writes, as they come. The channel ends when the process does.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let output = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            // Nobody reads any more.
            let _ = sender.send(line);
        }
    });
    lines
}

#[tokio::test]
#[ignore = "what the other tests run in processes of their own"]
async fn child() {
    let (Ok(task), Some(file)) = (env::var(TASK), env::var_os(FILE)) else {
        return;
    };
    let store = SqliteStore::open(PathBuf::from(file)).await.unwrap();
    if task == "count" {
        count(&store).await;
    } else {
        let lanes: JoinSet<()> = (0..LANES).map(|lane| write(store.clone(), lane)).collect();
        lanes.join_all().await;
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn number(entry: Option<&Entry>) -> u64 {
    let text = entry.map(|entry| String::from_utf8_lossy(entry.value.bytes()).into_owned());
    text.map_or(0, |text| text.parse().unwrap())
}

fn as_seen(entry: Option<&Entry>) -> Expected {
    entry.map_or(Expected::Absent, |entry| Expected::At(entry.revision))
}

/// The entry that holds how many commits a lane has made.
fn head(lane: usize) -> Key {
    key(&format!("lane/{lane}"))
}

/// The entry that a lane makes with its commit of that number.
fn made(lane: usize, number: u64) -> Key {
    key(&format!("lane/{lane}/{number}"))
}

/// Commits one after the other, and writes down each that was answered, until it is killed.
async fn write(store: SqliteStore, lane: usize) {
    let head = head(lane);
    loop {
        let last = store.get(&head).await.unwrap();
        let next = number(last.as_ref()) + 1;
        let value = Value::new(next.to_string()).unwrap();
        let txn = Txn::new()
            .expect(head.clone(), as_seen(last.as_ref()))
            .put(head.clone(), value.clone())
            .put(made(lane, next), value);
        let outcome = store.commit(&txn).await.unwrap();
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
        // In one piece, so that half of it is never left behind.
        let answered = format!("{lane} {next}\n");
        eprint!("{answered}");
    }
}

/// Counts in one entry together with others.
async fn count(store: &SqliteStore) {
    let counter = key("counter");
    let mut done = 0;
    while done < COUNTS {
        let last = store.get(&counter).await.unwrap();
        let next = number(last.as_ref()) + 1;
        let txn = Txn::new()
            .expect(counter.clone(), as_seen(last.as_ref()))
            .put(counter.clone(), Value::new(next.to_string()).unwrap());
        if let Outcome::Committed(_) = store.commit(&txn).await.unwrap() {
            done += 1;
        }
    }
}

#[tokio::test]
async fn several_processes_count_in_one_file_and_another_sees_every_number() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let mut children = [
        start("count", &file, Stdio::inherit()),
        start("count", &file, Stdio::inherit()),
        start("count", &file, Stdio::inherit()),
    ];
    let store = SqliteStore::open(&file).await.unwrap();
    let mut watch = store
        .watch(&Prefix::all(), coldspare_store::Revision::NONE)
        .await
        .unwrap();
    for expected in 1..=3 * COUNTS {
        let change = timeout(LIMIT, watch.next()).await.unwrap().unwrap();
        let value = change.entries[&key("counter")].as_ref().unwrap();
        assert_eq!(value.bytes(), expected.to_string().as_bytes());
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test]
async fn never_do_two_lead_on_one_file() {
    let folder = TempDir::new().unwrap();
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..3 {
        let store = SqliteStore::open(folder.path().join("store.db"))
            .await
            .unwrap();
        stores.push(Arc::new(store));
    }
    rivals::rival(&stores, Duration::from_millis(200), Duration::from_secs(4)).await;
}

#[tokio::test]
async fn a_writer_that_is_killed_again_and_again_loses_nothing_that_was_acknowledged() {
    let kills = env::var("KILLS").map_or(25, |kills| kills.parse().expect("KILLS is a number"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let mut kept = [0; LANES];
    for kill in 0..kills {
        let mut acknowledged = kept;
        for (lane, number) in written_before_the_kill(&file, kill) {
            assert_eq!(
                number,
                acknowledged[lane] + 1,
                "kill {kill}: lane {lane} goes on"
            );
            acknowledged[lane] = number;
        }
        let store = SqliteStore::open(&file).await.unwrap();
        for lane in 0..LANES {
            kept[lane] = number(store.get(&head(lane)).await.unwrap().as_ref());
            let (least, most) = (acknowledged[lane], acknowledged[lane] + 1);
            assert!(
                kept[lane] >= least,
                "kill {kill}: {least} of lane {lane} is lost"
            );
            assert!(kept[lane] <= most, "kill {kill}: only one was under way");
        }
    }
    let store = SqliteStore::open(&file).await.unwrap();
    let listing = store.list(&Prefix::all()).await.unwrap();
    for (lane, last) in kept.into_iter().enumerate() {
        for by in 1..=last {
            assert_eq!(number(listing.entries.get(&made(lane, by))), by);
        }
    }
    let commits: u64 = kept.iter().sum();
    assert_eq!(listing.revision.number(), commits);
    let checked =
        rusqlite::Connection::open(&file)
            .unwrap()
            .query_one("PRAGMA integrity_check", [], |row| row.get(0));
    assert_eq!(checked, Ok("ok".to_owned()));
    eprintln!("{kills} kills amid {commits} commits: none that was acknowledged is lost");
}

/// What a writer acknowledged, lane by lane, until it was killed.
fn written_before_the_kill(file: &Path, kill: u64) -> Vec<(usize, u64)> {
    let mut child = start("write", file, Stdio::piped());
    let lines = lines(&mut child);
    let mut written = Vec::new();
    let mut note = |line: String| {
        let (lane, number) = line
            .split_once(' ')
            .unwrap_or_else(|| panic!("it says {line}"));
        written.push((lane.parse().unwrap(), number.parse().unwrap()));
    };
    note(lines.recv_timeout(LIMIT).unwrap());
    // Some die at once, some after a while, at any point of a commit.
    for _ in 0..(kill * 31) % 47 {
        note(lines.recv_timeout(LIMIT).unwrap());
    }
    std::thread::park_timeout(Duration::from_micros((kill * 7919) % 5000));
    child.kill().unwrap();
    child.wait().unwrap();
    lines.iter().for_each(note);
    written
}
