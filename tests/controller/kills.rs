//! A controller that is killed again and again, while commands stream in: nothing that it has
//! acknowledged is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::SITE;
use super::process::{Asker, Place, within};

/// How often it is killed: `COLDSPARE_KILLS`, or 20 times.
fn kills() -> u32 {
    let kills = std::env::var("COLDSPARE_KILLS").ok();
    kills.map_or(20, |kills| kills.parse().unwrap())
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "these are real processes, in real time"
)]
fn a_controller_that_is_killed_at_any_moment_has_lost_nothing_that_it_acknowledged() {
    let place = Place::new();
    let (kills, began) = (kills(), Instant::now());
    let mut controller = place.start(&["--site", SITE]);
    let (socket, over) = (place.socket(), AtomicBool::new(false));
    let ledgers: Vec<_> = thread::scope(|scope| {
        let streams = Subject::all().map(|subject| {
            let (socket, over) = (&socket, &over);
            scope.spawn(move || stream(subject, socket, over))
        });
        let mut dice = 2012_u64;
        for _ in 0..kills {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Also before it answers.
            thread::sleep(Duration::from_millis(20 + (dice >> 33) % 400));
            controller.kill();
            controller = place.spawn(&["--site", SITE]);
        }
        over.store(true, Ordering::Relaxed);
        streams.map(|stream| stream.join().unwrap()).into()
    });
    assert_eq!(controller.terminate(), Some(0), "{}", controller.log());

    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for line in place.journal() {
        let line: Value = serde_json::from_str(&line).unwrap();
        *lines
            .entry(line["what"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    for ledger in &ledgers {
        for (what, times) in &ledger.recorded {
            let found = lines.get(what).copied().unwrap_or_default();
            assert!(
                found >= *times,
                "{what}: {times} acknowledged, {found} in the journal"
            );
        }
    }
    let sum = |of: fn(&Ledger) -> usize| ledgers.iter().map(of).sum::<usize>();
    println!(
        "{kills} kills in {:.0?}: {} commands acknowledged, {} never answered, {} looks, none lost",
        began.elapsed(),
        sum(|ledger| ledger.recorded.values().sum()),
        sum(|ledger| ledger.unanswered),
        sum(|ledger| ledger.looks),
    );
}

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

    /// What the journal says of it.
    fn line(self, on: bool) -> String {
        let line = match (self, on) {
            (Self::Server(number), true) => return format!("r720-{} in maintenance", number + 1),
            (Self::Server(number), false) => {
                return format!("r720-{} out of maintenance", number + 1);
            }
            (Self::Pause, true) => "nothing new is begun",
            (Self::Pause, false) => "failovers are begun again",
            (Self::Persona, true) => "start exchange-1",
            (Self::Persona, false) => "stop exchange-1",
        };
        line.to_owned()
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
#[derive(Debug, Default)]
struct Ledger {
    /// What was acknowledged last.
    acknowledged: bool,
    /// What was asked since, and never answered: it may be so as well.
    perhaps: Option<bool>,
    /// How often each line must be in the journal.
    recorded: BTreeMap<String, usize>,
    unanswered: usize,
    looks: usize,
}

/// Turns its subject on and off for as long as it can, and looks after every break whether it is
/// as it was acknowledged.
fn stream(subject: Subject, socket: &Path, over: &AtomicBool) -> Ledger {
    let mut ledger = Ledger::default();
    loop {
        let last = over.load(Ordering::Relaxed);
        let mut asker = within("a controller answers", || Asker::connect(socket));
        if ledger.look(subject, &mut asker).is_none() {
            continue;
        }
        if last {
            return ledger;
        }
        while ledger.turn(subject, &mut asker).is_some() && !over.load(Ordering::Relaxed) {}
    }
}

impl Ledger {
    fn look(&mut self, subject: Subject, asker: &mut Asker) -> Option<()> {
        let found = within("it is known", || {
            let answer = asker.ask(&json!({"verb": "status"}));
            match answer {
                None => Some(None),
                Some(answer) => subject.found(&answer["reply"]["status"]).map(Some),
            }
        })?;
        let possible = [Some(self.acknowledged), self.perhaps];
        assert!(
            possible.contains(&Some(found)),
            "LOST: {subject:?} is {found}, and may be {possible:?}"
        );
        self.acknowledged = found;
        self.perhaps = None;
        self.looks += 1;
        Some(())
    }

    fn turn(&mut self, subject: Subject, asker: &mut Asker) -> Option<()> {
        let on = !self.acknowledged;
        self.perhaps = Some(on);
        let Some(answer) = asker.ask(&subject.turn(on)) else {
            self.unanswered += 1;
            return None;
        };
        self.perhaps = None;
        let reply = &answer["reply"];
        if reply["accepted"].is_string() {
            self.acknowledged = on;
            *self.recorded.entry(subject.line(on)).or_default() += 1;
        } else {
            assert!(
                reply["refused"].is_string(),
                "{subject:?} to {on}: {answer}"
            );
            // Paused, or being changed: it is left in peace for a moment.
            thread::sleep(Duration::from_millis(5));
        }
        Some(())
    }
}
