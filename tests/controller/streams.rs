//! Streams of commands at whichever controller leads, and the knowledge of what it acknowledged.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{Asker, within};

/// What one stream of commands turns on and off.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Server(usize),
    Pause,
    Persona,
}

impl Subject {
    fn all() -> [Self; 5] {
        [
            Self::Server(0),
            Self::Server(1),
            Self::Server(2),
            Self::Pause,
            Self::Persona,
        ]
    }

    fn turn(self, on: bool) -> Value {
        match self {
            Self::Server(number) => {
                let server = format!("r720-{}", number + 1);
                json!({"verb": "maintenance", "server": server, "on": on})
            }
            Self::Pause => json!({"verb": "pause", "on": on}),
            Self::Persona if on => json!({"verb": "start", "persona": "exchange-1"}),
            Self::Persona => json!({"verb": "stop", "persona": "exchange-1"}),
        }
    }

    /// Which way a person turned it by a line of the journal, if it was that.
    fn turned(self, line: &Value) -> Option<bool> {
        let what = line["what"].as_str()?;
        let [on, off] = match self {
            Self::Server(number) => {
                let server = format!("r720-{}", number + 1);
                ["in", "out of"].map(|way| format!("{server} {way} maintenance"))
            }
            Self::Pause => ["nothing new is begun", "failovers are begun again"].map(str::to_owned),
            Self::Persona => ["start exchange-1", "stop exchange-1"].map(str::to_owned),
        };
        match what {
            _ if line["actor"] == "controller" => None,
            _ if what.starts_with(&on) => Some(true),
            _ if what.starts_with(&off) => Some(false),
            _ => None,
        }
    }

    /// How it is, by the controller's word.
    fn found(self, status: &Value) -> Option<bool> {
        match self {
            Self::Server(number) => status["servers"][number]["maintenance"].as_bool(),
            Self::Pause => status["paused"].as_bool(),
            // Unknown while it is being found out who holds it.
            Self::Persona => {
                let wanted = status["personas"][0]["wanted"].as_str();
                wanted.map(|wanted| wanted == "running")
            }
        }
    }
}

/// What one stream knows to be so.
#[derive(Debug)]
pub(crate) struct Ledger {
    subject: Subject,
    /// What was acknowledged last.
    acknowledged: bool,
    /// What was asked since, and never answered: it may be so as well.
    perhaps: Option<bool>,
    /// How often it was acknowledged that it is on, and that it is off.
    times: [usize; 2],
    unanswered: usize,
    looks: usize,
}

/// Streams at those controllers while something goes on, which is told how many commands have been
/// acknowledged so far.
pub(crate) fn stream<T>(
    sockets: &[PathBuf],
    meanwhile: impl FnOnce(&AtomicUsize) -> T,
) -> (Vec<Ledger>, T) {
    let (over, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let (over, acknowledged) = (&over, &acknowledged);
        let streams = Subject::all().map(|subject| {
            scope.spawn(move || Ledger::of(subject).stream(sockets, over, acknowledged))
        });
        // The streams end however it ends: whoever started them waits for them.
        let done = catch_unwind(AssertUnwindSafe(|| meanwhile(acknowledged)));
        over.store(true, Ordering::Relaxed);
        let done = done.unwrap_or_else(|panic| resume_unwind(panic));
        let ledgers = streams.map(|stream| stream.join().unwrap());
        (ledgers.into(), done)
    })
}

/// That the journal has every command that was acknowledged, and each once; in words.
pub(crate) fn none_lost(ledgers: &[Ledger], journal: &[Value]) -> String {
    for ledger in ledgers {
        ledger.is_in(journal);
    }
    let sum = |of: fn(&Ledger) -> usize| ledgers.iter().map(of).sum::<usize>();
    format!(
        "{} commands acknowledged, {} never answered, {} looks, none lost",
        sum(|ledger| ledger.times.iter().sum()),
        sum(|ledger| ledger.unanswered),
        sum(|ledger| ledger.looks),
    )
}

impl Ledger {
    fn of(subject: Subject) -> Self {
        Self {
            subject,
            acknowledged: false,
            perhaps: None,
            times: [0; 2],
            unanswered: 0,
            looks: 0,
        }
    }

    /// Turns its subject on and off for as long as it can, and looks after every break whether it
    /// is as it was acknowledged.
    fn stream(
        mut self,
        sockets: &[PathBuf],
        over: &AtomicBool,
        acknowledged: &AtomicUsize,
    ) -> Self {
        loop {
            let last = over.load(Ordering::Relaxed);
            let mut asker = within("a controller leads", || {
                sockets.iter().find_map(|socket| Asker::of_leader(socket))
            });
            if self.look(&mut asker).is_none() {
                continue;
            }
            if last {
                return self;
            }
            while !over.load(Ordering::Relaxed)
                && let Some(done) = self.turn(&mut asker)
            {
                acknowledged.fetch_add(usize::from(done), Ordering::Relaxed);
            }
        }
    }

    /// `None`: the controller has gone away.
    fn look(&mut self, asker: &mut Asker) -> Option<()> {
        let found = within("it is known", || {
            let answer = asker.ask(&json!({"verb": "status"}));
            match answer {
                None => Some(None),
                Some(answer) => self.subject.found(&answer["reply"]["status"]).map(Some),
            }
        })?;
        let possible = [Some(self.acknowledged), self.perhaps];
        assert!(
            possible.contains(&Some(found)),
            "LOST: {:?} is {found}, and may be {possible:?}",
            self.subject
        );
        self.acknowledged = found;
        self.perhaps = None;
        self.looks += 1;
        Some(())
    }

    /// Whether it was acknowledged. `None`: the controller has gone away.
    fn turn(&mut self, asker: &mut Asker) -> Option<bool> {
        let on = !self.acknowledged;
        self.perhaps = Some(on);
        let Some(answer) = asker.ask(&self.subject.turn(on)) else {
            self.unanswered += 1;
            return None;
        };
        self.perhaps = None;
        let reply = &answer["reply"];
        if reply["accepted"].is_string() {
            self.acknowledged = on;
            self.times[usize::from(!on)] += 1;
            return Some(true);
        }
        let refused = reply["refused"].is_string();
        assert!(refused, "{:?} to {on}: {answer}", self.subject);
        // Paused, or being changed: it is left in peace for a moment.
        thread::sleep(Duration::from_millis(5));
        Some(false)
    }

    fn is_in(&self, journal: &[Value]) {
        let turns = journal.iter().filter_map(|line| self.subject.turned(line));
        let turns: Vec<_> = turns.collect();
        assert!(
            turns.windows(2).all(|pair| pair[0] != pair[1]),
            "{:?} was turned the same way twice",
            self.subject
        );
        for (way, times) in [true, false].into_iter().zip(self.times) {
            let found = turns.iter().filter(|turn| **turn == way).count();
            assert!(
                (times..=times + self.unanswered).contains(&found),
                "{:?} to {way}: {times} acknowledged, {} never answered, {found} in the journal",
                self.subject,
                self.unanswered
            );
        }
    }
}
