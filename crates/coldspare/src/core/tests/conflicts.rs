//! What becomes of commits that are under way when another one meets a conflict.

use std::sync::Arc;
use std::time::Duration;

use coldspare_names::Time;
use coldspare_store::{Conflict, Expected, Key, MemoryStore, Outcome, Prefix, Store, Txn};

use crate::command::{Actor, Command, Verb};
use crate::core::{CommitId, Core, Input, Output, RequestId};
use crate::estimates::Estimates;
use crate::reply::Reply;
use crate::test_world::{server, white_paper};

/// A controller that has read the store.
async fn reads(store: &MemoryStore) -> Core {
    let site = Arc::new(white_paper());
    let mut core = Core::new(site, true, Estimates::default(), Time::EPOCH).unwrap();
    core.handle(Time::EPOCH, Input::Tick);
    let listing = store.list(&Prefix::all()).await.unwrap();
    core.handle(Time::EPOCH, Input::Loaded(listing));
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
        Output::Commit { commit, txn } => Some((commit, txn)),
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

fn loads(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Load))
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
    let (first, _) = asks(&mut core, 1, maintenance(1));
    let (second, txn) = asks(&mut core, 2, maintenance(2));

    let end = Ok(conflict());
    let outputs = core.handle(Time::EPOCH, Input::Committed { commit: first, end });
    assert!(!loads(&outputs), "the second may happen after it is read");
    let end = Err("no answer came".to_owned());
    let outputs = core.handle(
        Time::EPOCH,
        Input::Committed {
            commit: second,
            end,
        },
    );
    assert!(!loads(&outputs), "nobody knows whether it happened");

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
    assert!(loads(&outputs));
    assert!(matches!(answer(outputs, 2), Some(Reply::Accepted(_))));
    let listing = store.list(&Prefix::all()).await.unwrap();
    let outputs = core.handle(later, Input::Loaded(listing));
    assert!(matches!(answer(outputs, 1), Some(Reply::Refused(_))));
}
