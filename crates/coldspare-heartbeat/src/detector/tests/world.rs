//! A few servers, their witnesses and a monitor, on virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use coldspare_names::{Generation, Time};
use proptest::prelude::*;

use crate::{
    Answer, Beat, Detector, Enrolment, Finding, Flags, Health, Label, Path, Ports, Power, Profile,
    Question, Sessions, Slot, Start, Testimony, Verdict, Watch,
};

pub(super) const FIRST: Path = Path::First;
const STEP: Duration = Duration::from_millis(10);
const LATENCY: Duration = Duration::from_millis(500);

pub(super) fn secs(seconds: f64) -> Time {
    Time::after_epoch(Duration::from_secs_f64(seconds))
}

pub(super) fn slot(number: u32) -> Slot {
    Slot::new(number).unwrap()
}

pub(super) fn beat(boot: u64, sequence: u32) -> Beat {
    Beat {
        boot,
        sequence,
        generation: Generation::new(1),
        flags: Flags::default(),
        health: Health::default(),
        wrote: Some(Duration::ZERO),
        sent: Time::EPOCH,
        period: Duration::from_secs(1),
    }
}

/// A server in a rack, and its rack on the one feed.
pub(super) fn enrolment(rack: u32) -> Enrolment {
    Enrolment {
        generation: Generation::new(1),
        watch: Watch::Agent,
        start: Start::Running,
        labels: [Label::new(format!("rack {rack}")), Label::new("feed a")].into(),
        arrays: ["eql".parse().unwrap()].into(),
    }
}

pub(super) fn enrolled(servers: u32) -> Detector {
    let mut detector = Detector::new(Profile::default(), Time::EPOCH).unwrap();
    for number in 0..servers {
        detector.enrol(slot(number), &enrolment(number), Time::EPOCH);
    }
    detector
}

/// What has become of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Well,
    PoweredOff,
    Frozen,
    AgentHangs,
    /// Off the control network with its controller, and writing.
    CutOff,
    /// Off the control network, writing, and its controller says *off*.
    CutOffAndCalledOff,
    FeedLost,
    DiskLost,
    /// Alive without its disk, and its controller says *off*.
    DiskLostAndCalledOff,
    PathLost(Path),
}

#[derive(Debug, Clone)]
struct Server {
    fate: Fate,
    agent: bool,
    boot: u64,
    sequence: u32,
    wrote: Time,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) detector: Detector,
    pub(super) witnesses_answer: bool,
    now: Time,
    servers: BTreeMap<Slot, Server>,
    fates: Vec<(Time, Slot, Fate)>,
    answers: Vec<(Time, Slot, Testimony)>,
    findings: Vec<(Time, Finding)>,
}

impl World {
    /// So many servers, each in a rack of its own.
    pub(super) fn of(servers: u32) -> Self {
        Self::in_racks((0..servers).map(|_| 1))
    }

    /// Racks of so many servers.
    pub(super) fn in_racks(racks: impl IntoIterator<Item = u32>) -> Self {
        let mut world = Self {
            detector: Detector::new(Profile::default(), Time::EPOCH).unwrap(),
            witnesses_answer: true,
            now: Time::EPOCH,
            servers: BTreeMap::new(),
            fates: Vec::new(),
            answers: Vec::new(),
            findings: Vec::new(),
        };
        let racks = racks.into_iter().enumerate();
        let places = racks.flat_map(|(rack, servers)| (0..servers).map(move |_| rack));
        for (number, rack) in places.enumerate() {
            let slot = slot(u32::try_from(number).unwrap());
            let enrolment = enrolment(u32::try_from(rack).unwrap());
            world.detector.enrol(slot, &enrolment, Time::EPOCH);
            let server = Server {
                fate: Fate::Well,
                agent: true,
                boot: 1,
                sequence: 0,
                wrote: Time::EPOCH,
            };
            world.servers.insert(slot, server);
        }
        world
    }

    pub(super) fn without_agent(&mut self, slot: Slot) {
        let probed = Enrolment {
            watch: Watch::Probed,
            ..enrolment(0)
        };
        self.detector.enrol(slot, &probed, self.now);
        self.servers.get_mut(&slot).unwrap().agent = false;
    }

    pub(super) fn on_one_path(&mut self, slot: Slot) {
        let one_path = Enrolment {
            watch: Watch::AgentOnOnePath,
            ..enrolment(0)
        };
        self.detector.enrol(slot, &one_path, self.now);
    }

    pub(super) fn at(&mut self, time: Time, slot: Slot, fate: Fate) {
        self.fates.push((time, slot, fate));
    }

    pub(super) fn run(&mut self, until: Time) {
        while self.now < until {
            self.now = self.now + STEP;
            self.live();
            self.poll();
        }
    }

    /// Time passes without the monitor: whatever is sent is lost, whatever is asked too.
    pub(super) fn sleep(&mut self, until: Time) {
        while self.now < until {
            self.now = self.now + STEP;
            for server in self.servers.values_mut() {
                server.wrote = self.now;
            }
        }
    }

    fn live(&mut self) {
        let now = self.now;
        for &(at, slot, fate) in &self.fates {
            if at == now {
                let server = self.servers.get_mut(&slot).unwrap();
                if server.fate == Fate::PoweredOff {
                    (server.boot, server.sequence) = (server.boot + 1, 0);
                }
                server.fate = fate;
            }
        }
        for (&slot, server) in &mut self.servers {
            let phase = Duration::from_millis(u64::from(slot.number()) * 370 % 1_000 / 10 * 10);
            let beats = now
                .since_epoch()
                .saturating_sub(phase)
                .as_millis()
                .is_multiple_of(1_000);
            if !beats || now.since_epoch() < phase {
                continue;
            }
            let writes = matches!(
                server.fate,
                Fate::Well
                    | Fate::AgentHangs
                    | Fate::CutOff
                    | Fate::CutOffAndCalledOff
                    | Fate::PathLost(_)
            );
            if writes {
                server.wrote = now;
            }
            server.sequence += 1;
            for path in Path::BOTH {
                let sends = match server.fate {
                    Fate::Well | Fate::DiskLost | Fate::DiskLostAndCalledOff => true,
                    Fate::PathLost(lost) => path != lost,
                    _ => false,
                };
                if sends && server.agent {
                    let beat = Beat {
                        wrote: Some(now.since(server.wrote)),
                        ..beat(server.boot, server.sequence)
                    };
                    self.detector.heard(slot, path, &beat, now);
                }
            }
        }
        let (due, later) = std::mem::take(&mut self.answers)
            .into_iter()
            .partition(|&(at, ..)| at <= now);
        self.answers = later;
        for (_, slot, testimony) in due {
            self.detector.testify(slot, testimony, now);
        }
    }

    fn poll(&mut self) {
        for finding in self.detector.poll(self.now) {
            if let Finding::Ask {
                slot,
                question,
                asked,
            } = finding
            {
                let answer = self.answer(slot, question);
                let at = match question {
                    Question::Probe(_) => self.now,
                    _ => self.now + LATENCY,
                };
                self.answers.push((at, slot, Testimony { asked, answer }));
            }
            self.findings.push((self.now, finding));
        }
    }

    fn answer(&self, slot: Slot, question: Question) -> Answer {
        let server = &self.servers[&slot];
        match question {
            Question::Probe(path) => Answer::Probe {
                path,
                answered: matches!(
                    server.fate,
                    Fate::Well | Fate::DiskLost | Fate::DiskLostAndCalledOff
                ),
            },
            Question::Power if !self.witnesses_answer => Answer::Power(Power::NoAnswer),
            Question::Sessions if !self.witnesses_answer => Answer::Sessions(Sessions::NoAnswer),
            Question::Ports if !self.witnesses_answer => Answer::Ports(Ports::NoAnswer),
            Question::Ports => Answer::Ports(match server.fate {
                Fate::FeedLost => Ports::Down,
                _ => Ports::Up,
            }),
            Question::Power => Answer::Power(match server.fate {
                Fate::PoweredOff | Fate::CutOffAndCalledOff | Fate::DiskLostAndCalledOff => {
                    Power::Off
                }
                Fate::CutOff | Fate::FeedLost => Power::NoAnswer,
                _ => Power::On,
            }),
            Question::Sessions
                if matches!(server.fate, Fate::DiskLost | Fate::DiskLostAndCalledOff) =>
            {
                Answer::Sessions(Sessions::Gone)
            }
            Question::Sessions => Answer::Sessions(Sessions::LastWrite(server.wrote)),
        }
    }

    pub(super) fn told(&self, which: impl Fn(&Finding) -> bool) -> Vec<Finding> {
        let findings = self.findings.iter().map(|(_, finding)| finding);
        findings.filter(|finding| which(finding)).cloned().collect()
    }

    pub(super) fn told_at(&self, which: impl Fn(&Finding) -> bool) -> Vec<Time> {
        let told = self.findings.iter().filter(|(_, finding)| which(finding));
        told.map(|&(at, _)| at).collect()
    }

    pub(super) fn verdicts(&self, of: Slot) -> Vec<(Time, Verdict)> {
        let verdict = |(at, finding): &(Time, Finding)| match finding {
            Finding::Judged { slot, verdict } if *slot == of => Some((*at, verdict.clone())),
            _ => None,
        };
        self.findings.iter().filter_map(verdict).collect()
    }
}

/// Anything that can happen to a detector.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Pass(u64),
    Enrol(Slot, Enrolment),
    Withdraw(Slot),
    Maintain(Slot, bool),
    Hear(Slot, Path, Beat),
    Testify(Slot, u64, Answer),
    Link(Path, bool),
}

impl Act {
    pub(super) fn play(&self, detector: &mut Detector, now: &mut Time) {
        match self {
            Self::Pass(millis) => *now = *now + Duration::from_millis(*millis),
            Self::Enrol(slot, enrolment) => detector.enrol(*slot, enrolment, *now),
            Self::Withdraw(slot) => detector.withdraw(*slot),
            Self::Maintain(slot, on) => detector.maintenance(*slot, *on, *now),
            Self::Hear(slot, path, beat) => {
                detector.heard(*slot, *path, beat, *now);
            }
            Self::Testify(slot, ago, answer) => {
                let asked = now
                    .since_epoch()
                    .saturating_sub(Duration::from_millis(*ago));
                let testimony = Testimony {
                    asked: Time::after_epoch(asked),
                    answer: *answer,
                };
                detector.testify(*slot, testimony, *now);
            }
            Self::Link(path, up) => detector.own_link(*path, *up, *now),
        }
    }
}

pub(super) fn any_script() -> impl Strategy<Value = Vec<Act>> {
    let slots = || (0u32..70).prop_map(slot);
    let paths = || prop_oneof![Just(Path::First), Just(Path::Second)];
    let watches = prop_oneof![
        Just(Watch::Agent),
        Just(Watch::AgentOnOnePath),
        Just(Watch::Probed)
    ];
    let starts = prop_oneof![Just(Start::Running), Just(Start::Booting)];
    let enrolments =
        (0u32..3, 0u64..2, watches, starts).prop_map(|(rack, generation, watch, start)| {
            Enrolment {
                generation: Generation::new(generation),
                watch,
                start,
                ..enrolment(rack)
            }
        });
    let beats = (0u64..3, 0u32..20, 0u64..2, any::<[bool; 3]>(), 0u64..20_000).prop_map(
        |(boot, sequence, generation, [draining, shutting_down, san], wrote)| Beat {
            generation: Generation::new(generation),
            flags: Flags {
                draining,
                shutting_down,
                stalled: false,
            },
            health: Health {
                san,
                ..Health::default()
            },
            wrote: Some(Duration::from_millis(wrote)),
            ..beat(boot, sequence)
        },
    );
    let answers = prop_oneof![
        Just(Answer::Power(Power::On)),
        Just(Answer::Power(Power::Off)),
        Just(Answer::Power(Power::NoAnswer)),
        Just(Answer::Sessions(Sessions::Gone)),
        Just(Answer::Sessions(Sessions::NoAnswer)),
        (0u64..100_000).prop_map(|millis| Answer::Sessions(Sessions::LastWrite(
            Time::after_epoch(Duration::from_millis(millis))
        ))),
        (paths(), any::<bool>()).prop_map(|(path, answered)| Answer::Probe { path, answered }),
    ];
    let act = prop_oneof![
        6 => (0u64..3_000).prop_map(Act::Pass),
        1 => (0u64..4_000_000_000).prop_map(Act::Pass),
        6 => (slots(), enrolments).prop_map(|(slot, enrolment)| Act::Enrol(slot, enrolment)),
        1 => slots().prop_map(Act::Withdraw),
        1 => (slots(), any::<bool>()).prop_map(|(slot, on)| Act::Maintain(slot, on)),
        6 => (slots(), paths(), beats).prop_map(|(slot, path, beat)| Act::Hear(slot, path, beat)),
        6 => (slots(), 0u64..4_000, answers)
            .prop_map(|(slot, ago, answer)| Act::Testify(slot, ago, answer)),
        1 => (paths(), any::<bool>()).prop_map(|(path, up)| Act::Link(path, up)),
    ];
    proptest::collection::vec(act, 0..120)
}
