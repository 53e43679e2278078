//! The controller as a daemon, and the tool with which operators ask it, as real processes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_methods,
    reason = "these are real processes, in real time"
)]

mod kills;
mod large;
mod mistakes;
#[allow(dead_code, reason = "the tests of a cluster use the rest")]
mod process;
mod streams;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use coldspare_store::{Key, Prefix, SqliteStore, Store, Txn};
use process::{Place, journal, root};
use serde_json::Value;

const SITE: &str = "examples/sites/white-paper.toml";
const LARGER: &str = "examples/sites/two-spares.toml";

/// Looks into a controller's own store.
fn in_store_of<T>(place: &Place, look: impl AsyncFnOnce(&SqliteStore) -> T) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(place.file()).await.unwrap();
        look(&store).await
    })
}

/// What a controller has written into the journal of its own store.
fn journal_of(place: &Place) -> Vec<Value> {
    in_store_of(place, async |store| journal(store).await)
}

#[test]
fn an_operator_is_answered_and_a_script_can_tell_how_it_went() {
    let place = Place::new();
    let mut controller = place.start(&["--site", SITE]);
    let mode = fs::metadata(place.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may ask");

    place.ask(0, &["maintenance", "on", "r720-1"]);
    let again = place.ask(0, &["maintenance", "on", "r720-1"]);
    assert!(again.contains("so already"), "{again}");
    let status = place.ask(0, &["status"]);
    assert!(status.contains("r720-1  exchange"), "{status}");
    assert!(status.contains("in maintenance"), "{status}");
    let json: Value = serde_json::from_str(&place.ask(0, &["--json", "status"])).unwrap();
    let servers = &json["reply"]["status"]["servers"];
    assert_eq!(servers[0]["maintenance"], true);

    place.ask(0, &["pause"]);
    let refused = place.ask(3, &["start", "exchange-1"]);
    assert!(refused.contains("everything is paused"), "{refused}");
    place.ask(0, &["resume"]);
    let refused = place.ask(3, &["confirm", "fenced", "exchange-1", "r720-2", "9"]);
    assert!(refused.contains("does not hold"), "{refused}");
    place.ask(3, &["start", "nobody"]);
    place.ask(2, &["confirm", "fenced", "exchange-1", "r720-2", "many"]);
    place.ask(2, &["fly"]);

    assert_eq!(controller.terminate(), Some(0));
    assert!(!place.socket().exists());
    place.ask(2, &["status"]);
    assert!(
        journal_of(&place)
            .iter()
            .any(|line| line["what"] == "r720-1 in maintenance")
    );
}

#[test]
fn what_is_no_request_is_refused_and_harms_nobody() {
    let place = Place::new();
    let _controller = place.start(&["--site", SITE]);
    let mut stream = UnixStream::connect(place.socket()).unwrap();
    stream.write_all(b"hello\n{\"verb\":\"status\"}\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut answer = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert!(
        answer()["bad"]
            .as_str()
            .unwrap()
            .starts_with("not understood")
    );
    assert!(answer()["reply"]["status"].is_object());

    let mut endless = UnixStream::connect(place.socket()).unwrap();
    // It stops reading before the end: then it cannot be sent.
    let _ = endless.write_all(&vec![b'x'; 41 << 20]);
    let mut answer = String::new();
    let _ = BufReader::new(endless).read_line(&mut answer);
    assert!(
        answer.is_empty() || answer.contains("has no end"),
        "{answer}"
    );
    place.ask(0, &["status"]);
}

#[test]
fn the_store_has_the_site_on_record_and_only_an_operator_changes_it() {
    let place = Place::new();
    let missing = place.start_in_vain(&[]);
    assert!(missing.contains("no site is on record"), "{missing}");
    let mut first = place.start(&["--site", SITE]);
    let second = place.start_in_vain(&["--site", SITE]);
    assert!(
        second.contains("another controller uses the store"),
        "{second}"
    );
    assert_eq!(first.terminate(), Some(0));

    let mut controller = place.start(&["--site", LARGER]);
    let shown = place.ask(0, &["apply", "--show", LARGER]);
    assert!(shown.contains("+ servers.r720-4"), "{shown}");
    assert!(
        !place.ask(0, &["status"]).contains("r720-4"),
        "not silently"
    );
    place.ask(2, &["apply", "README.md"]);
    let applied = place.ask(0, &["apply", LARGER]);
    assert!(applied.contains("+ servers.r720-4"), "{applied}");
    assert!(
        place.ask(0, &["status"]).contains("r720-4"),
        "it started anew"
    );
    assert_eq!(controller.terminate(), Some(0));
    let told = controller.log();
    assert!(
        told.contains("the file differs from the site on record"),
        "{told}"
    );

    let _third = place.start(&[]);
    assert!(place.ask(0, &["status"]).contains("r720-4"));
    let shown = place.ask(
        0,
        &["apply", "--show", root().join(LARGER).to_str().unwrap()],
    );
    assert_eq!(shown, "nothing differs\n");
}

#[test]
fn a_site_that_is_longer_than_a_value_of_the_store_is_recorded_and_replaced() {
    let place = Place::new();
    large::is_kept(&place);
    in_store_of(&place, async |store| large::is_kept_once(store).await);

    let part = in_store_of(&place, async |store| large::spoil_a_part(store).await);
    let refused = place.start_in_vain(&["--site", SITE]);
    let told = format!("its part {part} is damaged");
    assert!(refused.contains(&told), "{refused}");
    in_store_of(&place, async |store| delete(store, "record/site").await);
    let _controller = place.start(&["--site", SITE]);
    assert!(place.ask(0, &["status"]).contains("r720-3"));
    let left = in_store_of(&place, async |store| large::parts(store).await);
    assert_eq!(left.len(), 1, "nothing is left of the former site");
}

#[test]
fn nothing_hangs_on_the_journal_and_a_store_that_has_nothing_else_is_refused() {
    let place = Place::new();
    let mut controller = place.start(&["--site", SITE]);
    place.ask(0, &["maintenance", "on", "r720-3"]);
    in_store_of(&place, async |store| delete_below(store, "journal").await);
    place.ask(0, &["maintenance", "on", "r720-2"]);
    assert_eq!(controller.terminate(), Some(0), "{}", controller.log());
    let lines = journal_of(&place);
    assert!(
        lines
            .iter()
            .any(|line| line["what"] == "r720-2 in maintenance")
    );
    assert!(
        lines
            .iter()
            .all(|line| line["what"] != "r720-3 in maintenance")
    );

    let mut controller = place.start(&[]);
    let status = place.ask(0, &["status"]);
    assert_eq!(status.matches("in maintenance").count(), 2, "{status}");
    assert_eq!(controller.terminate(), Some(0), "{}", controller.log());

    in_store_of(&place, async |store| delete_below(store, "record").await);
    let refused = place.start_in_vain(&["--site", SITE]);
    assert!(
        refused.contains("no record that belongs to it"),
        "{refused}"
    );
}

async fn delete_below(store: &dyn Store, name: &str) {
    let below = Prefix::below(&Key::new(name).unwrap());
    for key in store.list(&below).await.unwrap().entries.into_keys() {
        delete(store, key.as_str()).await;
    }
}

async fn delete(store: &dyn Store, key: &str) {
    let txn = Txn::new().delete(Key::new(key).unwrap());
    store.commit(&txn).await.unwrap();
}
