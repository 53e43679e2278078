//! Servers, two networks, witnesses and the detector, on virtual time. Times are milliseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use coldspare_heartbeat::{
    Answer, Beat, Detector, Enrolment, Finding, Flags, Health, Label, Path, Ports, Power, Question,
    Sessions, Slot, Start, Status, Testimony, Watch,
};
use coldspare_names::{Generation, Time};

use super::dice::Dice;
use super::scene::{Cut, Outcome, Scene, Way};
use super::weather::Weather;

const NEVER: u64 = u64::MAX;
const PLAYED_BACK_WITHIN: u64 = 120_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    Off(u64),
    Panicked(u64),
}

struct Server {
    state: State,
    boot: u64,
    sequence: u32,
    /// It has been failed over since it was last heard.
    given_up: bool,
    period: u64,
    wrote: u64,
    stalled_until: u64,
    next_stall: u64,
    next_failure: u64,
    paths: [Weather; 2],
}

/// Something on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mail {
    Beat(Path, u64, u32),
    Told(Testimony),
}

struct World<'a> {
    scene: &'a Scene,
    detector: Detector,
    servers: Vec<Server>,
    /// Who sends in which slice.
    calendar: Vec<Vec<u32>>,
    mail: BinaryHeap<Reverse<(u64, u32, Mail)>>,
    dice: Dice,
    /// Apart, so that what decides nothing changes no other trace.
    switch_dice: Dice,
    deaf_from: u64,
    deaf_until: u64,
    silent: u32,
    outcome: Outcome,
}

/// Plays a scene for so many hours.
pub(crate) fn play(scene: &Scene, hours: f64, seed: u64) -> Outcome {
    let mut world = World::new(scene, seed);
    let end = super::dice::round(hours * 3_600_000.0);
    let mut now = 0;
    while now < end {
        now += scene.slice;
        world.pass(now);
    }
    world.outcome.server_hours = hours * f64::from(scene.servers);
    world.outcome
}

fn time(ms: u64) -> Time {
    Time::after_epoch(Duration::from_millis(ms))
}

fn millis(time: Time) -> u64 {
    u64::try_from(time.since_epoch().as_millis()).unwrap_or(NEVER)
}

fn slot(number: u32) -> Slot {
    Slot::new(number).unwrap_or_else(|error| panic!("{error}"))
}

impl<'a> World<'a> {
    fn new(scene: &'a Scene, seed: u64) -> Self {
        let detector = Detector::new(scene.profile.clone(), Time::EPOCH);
        let mut dice = Dice::new(seed);
        let period = u64::try_from(scene.profile.period.as_millis()).unwrap_or(NEVER);
        let slices = usize::try_from(period * 2 / scene.slice + 2).unwrap_or(usize::MAX);
        let mut world = Self {
            scene,
            detector: detector.unwrap_or_else(|error| panic!("{error}")),
            servers: Vec::new(),
            calendar: vec![Vec::new(); slices],
            mail: BinaryHeap::new(),
            deaf_from: scene
                .monitor_stalls
                .map_or(NEVER, |(mean, _)| dice.wait(mean)),
            deaf_until: 0,
            silent: 0,
            outcome: Outcome::default(),
            dice,
            switch_dice: Dice::new(!seed),
        };
        for number in 0..scene.servers {
            world.enrol(number);
            let server = world.server(period);
            world.servers.push(server);
            let first = world.dice.between(0, period - 1);
            world.send_at(number, first.max(1));
        }
        world
    }

    fn enrol(&mut self, number: u32) {
        let rack = number / self.scene.rack;
        // Every other server of a rack hangs on the other feed.
        let labels = [
            format!("switch of rack {rack}"),
            format!("feed {}", number % 2),
        ];
        let enrolment = Enrolment {
            generation: Generation::new(1),
            watch: Watch::Agent,
            start: Start::Running,
            labels: labels.iter().map(Label::new).collect(),
            arrays: [].into(),
        };
        self.detector.enrol(slot(number), &enrolment, Time::EPOCH);
    }

    fn server(&mut self, period: u64) -> Server {
        let (scene, dice) = (self.scene, &mut self.dice);
        let drift = dice.between(0, 2 * scene.drift);
        Server {
            state: State::Well,
            boot: 1,
            sequence: 0,
            given_up: false,
            period: period * (1_000_000 + drift - scene.drift) / 1_000_000,
            wrote: 0,
            stalled_until: 0,
            next_stall: scene
                .stalls
                .map_or(NEVER, |(span, _)| dice.between(span / 100, span)),
            next_failure: scene.failures.map_or(NEVER, |mean| dice.wait(mean)),
            paths: [(); 2].map(|()| Weather::new(scene.loss, dice)),
        }
    }

    fn send_at(&mut self, number: u32, at: u64) {
        let slice = usize::try_from(at.div_ceil(self.scene.slice)).unwrap_or_default();
        let slices = self.calendar.len();
        self.calendar[slice % slices].push(number);
    }

    /// One slice passes, and the monitor polls at its end.
    fn pass(&mut self, now: u64) {
        let slice = usize::try_from(now / self.scene.slice).unwrap_or_default();
        let slices = self.calendar.len();
        let mut sending = std::mem::take(&mut self.calendar[slice % slices]);
        for &number in &sending {
            self.live(number, now);
        }
        sending.clear();
        if self.calendar[slice % slices].is_empty() {
            self.calendar[slice % slices] = sending;
        }
        self.deliver(now);
        if self.listens(now) {
            self.poll(now);
        }
    }

    /// Whether the monitor runs: it may stand still for a while.
    fn listens(&mut self, now: u64) -> bool {
        if now < self.deaf_from {
            return true;
        }
        let (mean, length) = self.scene.monitor_stalls.unwrap_or((NEVER, 0));
        if self.deaf_until < self.deaf_from {
            self.deaf_until = self.deaf_from + length;
        }
        if now < self.deaf_until {
            return false;
        }
        self.deaf_from = now + self.dice.wait(mean);
        true
    }

    /// A server's turn to send.
    fn live(&mut self, number: u32, now: u64) {
        let (scene, dice) = (self.scene, &mut self.dice);
        let server = &mut self.servers[number as usize];
        if server.next_failure <= now && server.state == State::Well {
            server.next_failure = scene.failures.map_or(NEVER, |mean| now + dice.wait(mean));
            let happened = now - dice.between(0, server.period - 1).min(now);
            server.state = match dice.roll() % 2 {
                0 => State::Off(happened),
                _ => State::Panicked(happened),
            };
        }
        if server.state != State::Well {
            return;
        }
        if server.next_stall <= now {
            let (span, length) = scene.stalls.unwrap_or((NEVER, 0));
            server.stalled_until = now + length;
            server.next_stall = dice.once_in_next(span, now);
        }
        if now < server.stalled_until {
            let until = server.stalled_until;
            // Longer than the calendar reaches: it looks again.
            let next = until.min(now + server.period);
            self.send_at(number, next);
            return;
        }
        server.sequence += 1;
        server.wrote = now;
        let jitter = dice.between(950, 1_050);
        let next = now + server.period * jitter / 1_000;
        let beat = (server.boot, server.sequence);
        for path in Path::BOTH {
            if self.is_cut(number, path, Way::ToMonitor, now) {
                continue;
            }
            let server = &mut self.servers[number as usize];
            let weather = &mut server.paths[path as usize];
            if let Some(at) = weather.carry(scene.loss, now, &mut self.dice) {
                self.record(number, path, beat, at);
                if at <= now + 3 && now < self.deaf_from {
                    self.hear(number, path, beat, now);
                } else {
                    self.mail
                        .push(Reverse((at, number, Mail::Beat(path, beat.0, beat.1))));
                }
            }
        }
        self.send_at(number, next);
    }

    fn record(&mut self, number: u32, path: Path, (boot, sequence): (u64, u32), at: u64) {
        let replays = self.scene.replays;
        if replays > 0.0 && self.dice.share() <= replays {
            let again = at + self.dice.between(1, PLAYED_BACK_WITHIN);
            let beat = Mail::Beat(path, boot, sequence);
            self.mail.push(Reverse((again, number, beat)));
        }
    }

    fn is_cut(&self, number: u32, path: Path, way: Way, now: u64) -> bool {
        let cuts = |cut: &Cut| {
            let late = u64::from(number * 7_919 % 100) * cut.spread / 100;
            cut.servers.contains(&number)
                && cut.paths.contains(&path)
                && [Way::Both, way].contains(&cut.way)
                && (cut.from..cut.until + late).contains(&now)
        };
        self.scene.cuts.iter().any(cuts)
    }

    #[inline]
    fn hear(&mut self, number: u32, path: Path, (boot, sequence): (u64, u32), now: u64) {
        let beat = Beat {
            boot,
            sequence,
            generation: Generation::new(1),
            flags: Flags::default(),
            health: Health::default(),
            wrote: Some(Duration::ZERO),
            sent: Time::EPOCH,
            period: self.scene.profile.period,
        };
        let _heard = self.detector.heard(slot(number), path, &beat, time(now));
    }

    fn deliver(&mut self, now: u64) {
        while let Some(&Reverse((at, number, mail))) = self.mail.peek()
            && at <= now
        {
            self.mail.pop();
            match mail {
                // A monitor that stands still loses what overflows its buffers.
                Mail::Beat(..) if self.deaf_from <= now => {}
                Mail::Beat(path, boot, sequence) => self.hear(number, path, (boot, sequence), now),
                Mail::Told(testimony) => {
                    self.detector.testify(slot(number), testimony, time(now));
                }
            }
        }
    }

    fn poll(&mut self, now: u64) {
        for finding in self.detector.poll(time(now)) {
            match finding {
                Finding::Suspected { .. } => {
                    self.outcome.suspicions += 1;
                    self.silent += 1;
                    self.outcome.most_silent = self.outcome.most_silent.max(self.silent);
                }
                Finding::Ask {
                    slot,
                    question,
                    asked,
                } => {
                    self.ask(slot.number(), question, asked, now);
                }
                Finding::Judged { slot, verdict } if verdict.status == Status::Dead => {
                    self.fail_over(slot.number(), now);
                }
                Finding::CeilingPassed { slot } => self.fail_over(slot.number(), now),
                Finding::Recovered { slot } => {
                    self.silent = self.silent.saturating_sub(1);
                    self.servers[slot.number() as usize].given_up = false;
                }
                Finding::Held { cause, .. } => {
                    *self.outcome.causes.entry(format!("{cause:?}")).or_default() += 1;
                }
                Finding::PathDegraded { .. } => self.outcome.degraded += 1,
                Finding::PathRestored { .. } => self.outcome.restored += 1,
                Finding::Contradicted { .. } => self.outcome.contradictions += 1,
                _ => {}
            }
        }
    }

    /// What an embedder would do; the persona is back at once, under the same slot.
    fn fail_over(&mut self, number: u32, now: u64) {
        let server = &mut self.servers[number as usize];
        if std::mem::replace(&mut server.given_up, true) {
            return;
        }
        match server.state {
            State::Well => self.outcome.false_failovers += 1,
            State::Off(at) => self.outcome.power_losses.push(now - at),
            State::Panicked(at) => self.outcome.panics.push(now - at),
        }
        if server.state != State::Well {
            server.state = State::Well;
            server.boot += 1;
            server.sequence = 0;
            self.send_at(number, now + 1);
        }
    }

    fn ask(&mut self, number: u32, question: Question, asked: Time, now: u64) {
        let server = &mut self.servers[number as usize];
        let well = server.state == State::Well;
        let (answer, at) = match question {
            Question::Probe(path) => {
                let ways = [Way::ToServer, Way::ToMonitor];
                if !well || ways.iter().any(|way| self.is_cut(number, path, *way, now)) {
                    return;
                }
                let (loss, dice) = (self.scene.loss, &mut self.dice);
                let server = &mut self.servers[number as usize];
                let weather = &mut server.paths[path as usize];
                let Some(there) = weather.carry(loss, now, dice) else {
                    return;
                };
                let there = there.max(server.stalled_until);
                let Some(back) = weather.carry(loss, there, dice) else {
                    return;
                };
                (
                    Answer::Probe {
                        path,
                        answered: true,
                    },
                    back,
                )
            }
            _ if !self.scene.witnesses => (no_answer(question), now),
            Question::Ports => {
                if self.switch_dice.roll().is_multiple_of(50) {
                    return;
                }
                let ports = match server.state {
                    State::Off(_) => Ports::Down,
                    _ => Ports::Up,
                };
                let at = now + self.switch_dice.between(500, 1_500);
                (Answer::Ports(ports), at)
            }
            Question::Power
                if self.scene.dead_controllers > 0
                    && number.is_multiple_of(self.scene.dead_controllers) =>
            {
                return;
            }
            _ if self.dice.roll().is_multiple_of(50) => return,
            Question::Power => {
                let power = match server.state {
                    State::Off(_) => Power::Off,
                    _ => Power::On,
                };
                (Answer::Power(power), now + self.dice.between(500, 1_500))
            }
            Question::Sessions => {
                let wrote = Sessions::LastWrite(time(server.wrote));
                (Answer::Sessions(wrote), now + self.dice.between(500, 1_500))
            }
        };
        debug_assert_eq!(millis(asked), now);
        let testimony = Testimony { asked, answer };
        self.mail
            .push(Reverse((at.max(now + 1), number, Mail::Told(testimony))));
    }
}

fn no_answer(question: Question) -> Answer {
    match question {
        Question::Power => Answer::Power(Power::NoAnswer),
        Question::Sessions => Answer::Sessions(Sessions::NoAnswer),
        Question::Ports => Answer::Ports(Ports::NoAnswer),
        Question::Probe(path) => Answer::Probe {
            path,
            answered: false,
        },
    }
}
