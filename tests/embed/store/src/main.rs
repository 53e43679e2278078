//! A job queue that only needs "the first to take it has it".

use coldspare_store::{Expected, Key, MemoryStore, Outcome, Store, Txn, Value};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let job = Key::of(&["job", "nightly/backup"])?;
    for worker in ["a", "b"] {
        let take = Txn::new().expect(job.clone(), Expected::Absent);
        match store
            .commit(&take.put(job.clone(), Value::new(worker)?))
            .await?
        {
            Outcome::Committed(revision) => println!("{worker} has it, revision {revision}"),
            Outcome::Conflict(conflict) => println!("{worker} comes too late: {conflict:?}"),
        }
    }
    assert!(
        store
            .get(&job)
            .await?
            .is_some_and(|entry| entry.value.bytes() == b"a")
    );
    Ok(())
}
