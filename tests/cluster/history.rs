//! Everything that was ever committed, in order.

use std::time::Duration;

use coldspare::record::PersonaRecord;
use coldspare_store::{Change, Key, Prefix, Revision, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::engine::Engine;

/// How long anything may take that is waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// Everything that was ever committed, as it comes.
pub(crate) struct History {
    commits: watch::Receiver<Vec<Change>>,
    _follows: JoinSet<()>,
}

impl History {
    pub(crate) fn of(engine: &Engine) -> Self {
        let (told, commits) = watch::channel(Vec::new());
        let mut follows = JoinSet::new();
        engine.wait(async {
            let store = engine.store().await;
            follows.spawn(async move {
                let mut watch = store.watch(&Prefix::all(), Revision::NONE).await.unwrap();
                while let Ok(change) = watch.next().await {
                    told.send_modify(|commits| commits.push(change));
                }
            });
        });
        Self {
            commits,
            _follows: follows,
        }
    }

    /// Waits until the persona's record is as it should be, and says how it is then.
    pub(crate) fn until(
        &mut self,
        engine: &Engine,
        is: impl Fn(&PersonaRecord) -> bool,
    ) -> PersonaRecord {
        let so = |commits: &Vec<Change>| records(commits).next_back().is_some_and(|it| is(&it));
        let commits = &mut self.commits;
        let found = engine.wait(async { timeout(LIMIT, commits.wait_for(so)).await });
        let found = found.map(|commits| records(&commits.unwrap()).next_back());
        let Ok(Some(record)) = found else {
            panic!("not within {LIMIT:?}: {:#?}", self.records().last());
        };
        record
    }

    /// Every state of the persona's record.
    pub(crate) fn records(&self) -> Vec<PersonaRecord> {
        records(&self.commits.borrow()).collect()
    }

    /// Who began to lead, in order.
    pub(crate) fn leaders(&self) -> Vec<String> {
        let term = Key::new("leadership/controller/term").unwrap();
        let commits = self.commits.borrow();
        let terms = commits
            .iter()
            .filter_map(|it| it.entries.get(&term)?.as_ref());
        let text = terms.map(|term| String::from_utf8_lossy(term.bytes()).into_owned());
        text.collect()
    }
}

fn records(commits: &[Change]) -> impl DoubleEndedIterator<Item = PersonaRecord> {
    let key = Key::new("record/persona/exchange-1").unwrap();
    let values = commits
        .iter()
        .filter_map(move |commit| commit.entries.get(&key)?.clone());
    values.map(|value| serde_json::from_slice(value.bytes()).unwrap())
}
