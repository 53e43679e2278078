//! Failure detection and the verdict.
//!
//! Servers send heartbeats over two paths. A [`Detector`] takes them, notices who is silent, asks
//! about it ([`Finding::Ask`]), is told ([`Testimony`]), and says what is the matter
//! ([`Finding::Judged`]), how sure that is, why, and what would have to change. It is a pure state
//! machine: time and testimony are handed in, it never calls anybody.
//!
//! **The one rule:** silence is a question, never a verdict. A server is called dead only when a
//! witness says that it can do nothing (its management controller reads *off*, its SAN sessions are
//! gone or have not written for longer than any stall lasts), nobody speaks against it, and the
//! monitor has no reason to doubt its own ears. Everything else is an alarm, or is left to policy.
//!
//! ```
//! use std::collections::BTreeSet;
//! use std::time::Duration;
//! use coldspare_heartbeat::{
//!     Answer, Detector, Enrolment, Finding, Label, Power, Profile, Question, Sessions, Slot, Start,
//!     Status, Testimony, Watch,
//! };
//! use coldspare_names::{Generation, Time};
//!
//! let mut detector = Detector::new(Profile::default(), Time::EPOCH)?;
//! let server = Slot::new(0)?;
//! let enrolment = Enrolment {
//!     generation: Generation::new(1),
//!     watch: Watch::Agent,
//!     start: Start::Running,
//!     labels: BTreeSet::from([Label::from("rack r1"), Label::from("feed a")]),
//!     arrays: BTreeSet::from(["eql-1".parse()?]),
//! };
//! detector.enrol(server, &enrolment, Time::EPOCH);
//!
//! // It is never heard. When its time is up, the detector asks …
//! let now = detector.deadline().unwrap();
//! let asked: Vec<Finding> = detector.poll(now);
//! assert!(asked.contains(&Finding::Ask { slot: server, question: Question::Power, asked: now }));
//!
//! // … and is told.
//! for answer in [Answer::Power(Power::Off), Answer::Sessions(Sessions::Gone)] {
//!     detector.testify(server, Testimony { asked: now, answer }, now + Duration::from_millis(700));
//! }
//! detector.poll(now + Duration::from_millis(700));
//! assert_eq!(detector.verdict(server).map(|verdict| verdict.status), Some(Status::Dead));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layers
//!
//! | what | for whom |
//! |---|---|
//! | [`Detector`], [`verdict`] | who has heartbeats already, and clocks, and witnesses |
//! | [`wire`], [`Intake`] (or [`Keyring`] alone), [`Pulse`], [`SiteKey`] | who moves datagrams: 64 bytes, authenticated, refused before any state changes |
//! | `udp::Monitor`, `udp::Sender`, `ping` (feature `udp`) | who wants sockets as well |
//!
//! # What is remembered against replays
//!
//! Of every server its newest boot and sequence, in memory: what is older is refused. A monitor that
//! was started anew knows nothing of that, and takes the first heartbeat that proves itself. Until it
//! hears the agent itself, whoever recorded heartbeats under a key that is still valid can play them
//! to it, each once and in their order, and so keep a dead server alive for as long as they last. Two
//! things help: a key is good for one generation, so that nothing outlasts a failover; and an embedder
//! that keeps [`Detector::newest`] on record gives it back after enrolment, by [`Detector::remember`].
//! The same holds for a server that is withdrawn and enrolled again; there [`Intake`] remembers by
//! itself. An agent that starts again needs nothing but a higher boot: it counts from 1, and what has
//! the number 0 is refused.
//!
//! # Why fixed limits, two paths, probes and witnesses
//!
//! False failovers in 1,000 server-hours on the same seeded traces, all but the last row judging 3 s
//! after the last heartbeat, and that when its witnesses have answered
//! (`cargo bench --bench heartbeat-traces -- --long`; 10,000 server-hours each):
//!
//! | judge | 1 % lost | 5 % | 20 % | 5 % in bursts | 20 % in bursts | stalls of 5 s |
//! |---|---|---|---|---|---|---|
//! | a fixed limit, one path | 245 | 4,582 | 69,407 | 5,803 | 70,932 | 1,245 |
//! | mean and deviation, one path | 406 | 36,858 | 40,717 | 43,103 | 121,192 | 1,338 |
//! | phi-detector, one path | 77 | 5,996 | 31,820 | 10,513 | 85,494 | 1,041 |
//! | phi-accrual-failure-detector, one path | 279 | 5,324 | 77,072 | 6,665 | 78,699 | 1,278 |
//! | a fixed limit, two paths | 1.4 | 15 | 2,914 | 23 | 3,049 | 1,002 |
//! | two paths and probes ([`Profile::without_witnesses`]) | 0 | 0 | 0 | 0 | 0 | 463 |
//! | two paths, probes and witnesses ([`Profile::default`]) | 0 | 0 | 0 | 0 | 0 | 0 |
//!
//! Bursts last 250 ms on average, on each path for itself; one datagram in a hundred has a
//! heavy-tailed delay. The same run plays what is promised:
//!
//! | scene | server-hours | suspicions | false failovers |
//! |---|---|---|---|
//! | default: 5 % lost in bursts, a stall of 5 s per server and hour, witnesses | 1,000,000 | 1,168,953 | 0 |
//! | no witness, 1 % lost | 100,000 | 36,956 | 0 |
//! | no witness, 5 % lost | 100,000 | 898,263 | 0 |
//! | no witness, 20 % lost | 100,000 | 14,280,680 | 0 |
//! | no witness, 5 % lost in bursts | 100,000 | 896,865 | 0 |
//! | no witness, 20 % lost in bursts | 100,000 | 14,220,500 | 1 |
//! | every 100 ms ([`Profile::fast`]), 10,000 servers, 1 % lost, no witness | 10,000 | 64 | 0 |
//!
//! The one false failover can hardly be avoided: bursts of 250 ms on average outlast the two seconds
//! from a lost heartbeat to the verdict, on both paths, once in e^16 times that they begin together;
//! with so many suspicions 1.6 are to be expected of whoever judges 3 s after the last heartbeat and can
//! ask nobody.
//!
//! Witnesses answer in 0.5 to 1.5 s, and one question in fifty is not answered. In the first scene
//! 25,045 power losses were found in 2.84 s on average and 25,031 kernel panics in 7.59 s; at 100 ms, 55
//! failures in 0.45 s at worst. A rack switch that silences 20 of 40, of 60 and of 200 servers for 90 s
//! is played by `tests/traces.rs`: nobody is given up, and the switch is named. (A rule that holds its
//! verdicts once half of all servers are silent gives up twenty of the sixty, and of the two hundred.)
//!
//! # What it costs
//!
//! `cargo bench -p coldspare-benches --bench heartbeat-record --bench heartbeat-wire`, 100,000
//! servers, two cores that others use too, the fastest of many rounds. A floor is what the least that
//! could be done costs in the same run; where a target lies below it, the ratio to the floor is what
//! can be had.
//!
//! | what | ours | floor | of the peer | wanted |
//! |---|---|---|---|---|
//! | record a heartbeat, random order | 23 ns | 14 ns: a plain record of 32 bytes | 0.27 of phi-detector in a map, 0.18 of phi-accrual-failure-detector | 0.10 and 0.05: missed; the floor is 0.16 and 0.11 |
//! | who is dead, in service | 1.3 µs | | 0.0006 of phi-detector | 0.005 |
//! | the same of 1,000,000 servers | 12.3 µs | | 9.1 times that of 100,000 | 12 |
//! | who is dead, everybody looked at anew | 115 µs | 47 µs: a flat array of two times | 0.051 of phi-detector | 0.005: missed; the floor is 0.021 |
//! | the same of 1,000,000 servers | 1.4 ms | | 12.3 times that of 100,000 | 12: missed |
//! | record over both paths, and expire every 10 ms | 22 ns | | 0.11 of a `BTreeSet` | 0.17 |
//! | memory, key included | 71.9 bytes | | | 72 |
//! | a heartbeat from the socket to the record | 560 to 575 ns | 478 to 480 ns: batched receive | 1.17 to 1.19 of that, 0.82 to 0.83 of tokio's `recv_from` | 1.2 and 0.9 |
//! | forged, replayed | | | 0.85, 0.59 of a good one | 1 |
//! | forged, while one key in sixteen is being changed | | | 0.84 to 1.10 of a good one | 1: met more often than not |
//! | forged, while all keys are being changed | | | 1.14 to 1.58 of a good one: two keys are tried | 1: missed |
//! | 100,000 servers over 2 paths at 1 Hz, echoes included | 21 to 23 % of a core | 13 to 15 %: batched receive | 1.4 to 1.6 of that | 25 % |
//!
//! Keys differ from datagram to datagram, and so the `blake3` crate would prove them one by one. Here
//! eight are proved side by side, each under its own key, and what they are held against is fetched
//! together: a heartbeat takes 67 to 74 ns, and 185 to 222 ns where it is taken by itself. Most of the
//! rest is spent waiting for memory, a key and a row of 100,000 each.

mod beat;
mod case;
mod detector;
mod domains;
mod enrolment;
mod error;
mod finding;
pub mod intake;
mod key;
mod keyring;
mod ledger;
#[cfg(feature = "udp")]
pub mod ping;
mod profile;
mod pulse;
mod row;
mod shared;
mod tags;
mod testimony;
#[cfg(feature = "udp")]
pub mod udp;
pub mod verdict;
pub mod wire;
mod words;

pub use beat::{Beat, Flags, Health, Heard, Newest, Path, Refusal, Slot};
pub use detector::Detector;
pub use enrolment::{Enrolment, Label, Start, Watch};
pub use error::Error;
pub use finding::{Cause, Finding};
pub use intake::Intake;
pub use key::{AgentKey, SiteKey};
pub use keyring::Keyring;
pub use profile::Profile;
pub use pulse::{Agent, Pulse, Reply};
pub use testimony::{Answer, Ports, Power, Question, Sessions, Testimony};
pub use verdict::{Certainty, Status, Verdict};
