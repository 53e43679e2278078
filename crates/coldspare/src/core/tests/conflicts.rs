//! What becomes of commits that are under way when another one meets a conflict.

use std::sync::Arc;
use std::time::Duration;

use coldspare_names::Time;
use coldspare_store::{Conflict, Expected, Key, MemoryStore, Outcome, Store, Txn};

use crate::command::{Actor, Command, Verb};
use crate::core::{CommitId, Core, Input, Output, RequestId};
use crate::estimates::Estimates;
use crate::record;
use crate::reply::Reply;
use crate::test_world::{server, white_paper};

/// A controller that has read the store.
async fn reads(store: &MemoryStore) -> Core {
    let site = Arc::new(white_paper());
    let mut core = Core::new(site, true, Estimates::default(), Time::EPOCH).unwrap();
    core.handle(Time::EPOCH, Input::Tick);
    let loaded = record::load(store, &[]).await.unwrap();
    core.handle(Time::EPOCH, Input::Loaded(loaded));
    core
}

/// Asks for something, and says what it commits.
fn asks(core: &mut Core, number: u64, verb: Verb) -> (CommitId, Txn) {
    let command = Command {
        actor: Actor::Person("anna".to_owned()),
        verb,
    };
    let request = RequestId(number);
    let outputs = core.handle(Time::EPOCH, Input::Asked { request, command });
    let commit = outputs.into_iter().find_map(|output| match output {
        Output::Commit { commit, txn, .. } => Some((commit, txn)),
        _ => None,
    });
    commit.unwrap()
}

fn maintenance(number: u8) -> Verb {
    Verb::Maintenance {
        server: server(number),
        on: true,
    }
}

fn conflict() -> Outcome {
    Outcome::Conflict(Conflict {
        key: Key::of(&["somebody"]).unwrap(),
        expected: Expected::Absent,
        found: None,
    })
}

/// Which lines of the journal it wants to know of when it loads, if it does.
fn loads(outputs: &[Output]) -> Option<Vec<Key>> {
    outputs.iter().find_map(|output| match output {
        Output::Load { lines } => Some(lines.clone()),
        _ => None,
    })
}

/// The line that a commit writes into the journal.
fn line(txn: &Txn) -> Key {
    let mut keys = txn.changes().keys();
    let line = keys.find(|key| key.as_str().starts_with("journal/"));
    line.unwrap().clone()
}

fn answer(outputs: Vec<Output>, number: u64) -> Option<Reply> {
    outputs.into_iter().find_map(|output| match output {
        Output::Reply { request, reply } if request == RequestId(number) => Some(reply),
        _ => None,
    })
}

#[tokio::test]
async fn nothing_is_refused_that_is_still_under_way_and_may_happen() {
    let store = MemoryStore::new();
    let mut core = reads(&store).await;
    let (first, never_made) = asks(&mut core, 1, maintenance(1));
    let (second, txn) = asks(&mut core, 2, maintenance(2));

    let end = Ok(conflict());
    let outputs = core.handle(Time::EPOCH, Input::Committed { commit: first, end });
    assert_eq!(
        loads(&outputs),
        None,
        "the second may happen after it is read"
    );
    let end = Err("no answer came".to_owned());
    let outputs = core.handle(
        Time::EPOCH,
        Input::Committed {
            commit: second,
            end,
        },
    );
    assert_eq!(loads(&outputs), None, "nobody knows whether it happened");

    // It is tried again: this time it is answered, and the store shows what became of the first.
    let later = Time::after_epoch(Duration::from_secs(2));
    let tried = core.handle(later, Input::Tick);
    let again =
        |output: &Output| matches!(output, Output::Commit { commit, .. } if *commit == second);
    assert!(tried.iter().any(again));
    let end = Ok(store.commit(&txn).await.unwrap());
    let outputs = core.handle(
        later,
        Input::Committed {
            commit: second,
            end,
        },
    );
    let lines = loads(&outputs).unwrap();
    assert_eq!(lines, [line(&never_made)]);
    assert!(matches!(answer(outputs, 2), Some(Reply::Accepted(_))));
    let loaded = record::load(&store, &lines).await.unwrap();
    let outputs = core.handle(later, Input::Loaded(loaded));
    assert!(matches!(answer(outputs, 1), Some(Reply::Refused(_))));
}

#[tokio::test]
async fn what_happened_though_nobody_said_so_is_acknowledged_by_its_line_in_the_journal() {
    let store = MemoryStore::new();
    let mut core = reads(&store).await;
    let (commit, txn) = asks(&mut core, 1, maintenance(1));
    store.commit(&txn).await.unwrap();

    // The answer was lost: it is tried again, and meets itself.
    let end = Err("no answer came".to_owned());
    core.handle(Time::EPOCH, Input::Committed { commit, end });
    let later = Time::after_epoch(Duration::from_secs(2));
    core.handle(later, Input::Tick);
    let end = Ok(store.commit(&txn).await.unwrap());
    let outputs = core.handle(later, Input::Committed { commit, end });
    let lines = loads(&outputs).unwrap();
    assert_eq!(lines, [line(&txn)]);
    let loaded = record::load(&store, &lines).await.unwrap();
    assert_eq!(loaded.lines, lines.into_iter().collect());
    let is_record = |key: &Key| key.as_str().starts_with("record/");
    assert!(
        loaded.record.entries.keys().all(is_record),
        "nothing else is read"
    );
    let outputs = core.handle(later, Input::Loaded(loaded));
    assert!(matches!(answer(outputs, 1), Some(Reply::Accepted(_))));
}
