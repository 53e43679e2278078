//! One of two controllers: it stands for leadership, and while it leads its core decides. This is
//! the shell's part; [`Core`], [`Candidate`], [`Tenure`] and the steps are the real ones.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use coldspare::act::Order;
use coldspare::core::{CommitId, Input, Output, TaskId};
use coldspare::leading::Tenure;
use coldspare::{Core, Estimates};
use coldspare_names::Time;
use coldspare_store::{Candidate, Key, Txn};

use crate::LEASE;
use crate::line::UnderWay;
use crate::plant::Iron;

#[derive(Debug, Clone)]
pub(crate) struct Controller {
    name: char,
    /// How often it was started.
    starts: u8,
    pub(crate) candidate: Candidate,
    pub(crate) tenure: Option<Tenure>,
    pub(crate) mind: Option<Mind>,
    pub(crate) paused: bool,
}

/// What a leader has under way.
#[derive(Debug, Clone)]
pub(crate) struct Mind {
    core: Core,
    /// Everything the core was ever told, in one number. The core is a function of it.
    told: u64,
    pub(crate) todo: VecDeque<Todo>,
    /// What is to be given, and may not yet.
    pub(crate) waits: VecDeque<Todo>,
    alarms: BTreeSet<Time>,
}

/// What a leader does next.
#[derive(Debug, Clone)]
pub(crate) enum Todo {
    Commit(CommitId, Txn),
    Act(TaskId, Arc<Order>),
    /// A step that it was paused in.
    GoOn(TaskId, UnderWay),
}

pub(crate) fn office() -> Key {
    Key::new("controller").expect("a good key")
}

impl Controller {
    pub(crate) fn new(name: char, starts: u8) -> Self {
        let who = Key::new(format!("{name}/{starts}")).expect("a good key");
        Self {
            name,
            starts,
            candidate: Candidate::new(&office(), who, LEASE).expect("a good key"),
            tenure: None,
            mind: None,
            paused: false,
        }
    }

    /// It dies, and is started again.
    pub(crate) fn start_again(&mut self) {
        *self = Self::new(self.name, self.starts + 1);
    }

    /// Takes note of where it stands.
    pub(crate) fn stand(&mut self, iron: &Iron, now: Time) {
        let before = self.tenure.take();
        let Some(term) = self.candidate.leads(now).cloned() else {
            self.mind = None;
            return;
        };
        let goes_on = before.filter(|tenure| tenure.term == term);
        if goes_on.is_none() {
            self.mind = Some(Mind::new(iron, now));
        }
        self.tenure = Some(Tenure {
            term,
            began: goes_on.map_or(now, |tenure| tenure.began),
            until: self.candidate.leads_until(),
        });
    }

    /// Whether it has anything to do before time goes on.
    pub(crate) fn is_busy(&self) -> bool {
        !self.paused && self.mind.as_ref().is_some_and(|mind| !mind.todo.is_empty())
    }

    pub(crate) fn next(&self) -> Option<&Todo> {
        self.mind.as_ref()?.todo.front()
    }
}

impl Hash for Controller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.starts, &self.candidate, self.paused).hash(state);
        let tenure = self.tenure.as_ref();
        tenure
            .map(|tenure| (&tenure.term, tenure.began, tenure.until))
            .hash(state);
        let Some(mind) = &self.mind else { return };
        // What it has to do follows from what it was told, and from how much of it is done.
        (mind.told, mind.todo.len(), mind.waits.len()).hash(state);
        if let Some(Todo::GoOn(_, step)) = mind.todo.front() {
            step.hash(state);
        }
    }
}

impl Hash for UnderWay {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.order.step.to_string(), &self.began, self.made).hash(state);
    }
}

impl Mind {
    fn new(iron: &Iron, now: Time) -> Self {
        let core = Core::new(
            iron.site.clone(),
            iron.traits.binds(),
            Estimates::default(),
            now,
        );
        Self {
            core: core.expect("the site's limits are good"),
            told: 0,
            todo: VecDeque::new(),
            waits: VecDeque::new(),
            alarms: BTreeSet::from([now]),
        }
    }

    /// Hands something in; what does not touch the world is done at once.
    pub(crate) fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.told = digest(self.told, now, &input);
        let mut asks = Vec::new();
        for output in self.core.handle(now, input) {
            match output {
                Output::Commit {
                    commit,
                    before,
                    txn,
                } => {
                    assert!(before.is_empty(), "nobody applies another site here");
                    self.todo.push_back(Todo::Commit(commit, txn));
                }
                Output::Act { task, order } => {
                    self.todo.push_back(Todo::Act(task, (*order).into()));
                }
                Output::Wake(at) => drop(self.alarms.insert(at)),
                other => asks.push(other),
            }
        }
        asks
    }

    /// Whether an alarm is due.
    pub(crate) fn rings(&mut self, now: Time) -> bool {
        let before = self.alarms.len();
        self.alarms.retain(|at| *at > now);
        self.alarms.len() < before
    }
}

fn digest(told: u64, now: Time, input: &Input) -> u64 {
    struct Digest(DefaultHasher);
    impl Write for Digest {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut digest = Digest(DefaultHasher::new());
    (told, now).hash(&mut digest.0);
    match input {
        Input::Loaded(loaded) => (&loaded.record, &loaded.lines).hash(&mut digest.0),
        other => write!(digest, "{other:?}").expect("a digest takes everything"),
    }
    digest.0.finish()
}
