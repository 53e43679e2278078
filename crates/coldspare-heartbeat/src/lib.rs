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

mod beat;
mod case;
mod detector;
mod domains;
mod enrolment;
mod error;
mod finding;
pub mod intake;
mod key;
mod ledger;
mod profile;
mod pulse;
mod shared;
mod testimony;
#[cfg(feature = "udp")]
pub mod udp;
pub mod verdict;
pub mod wire;
mod words;

pub use beat::{Beat, Flags, Health, Heard, Path, Refusal, Slot};
pub use detector::Detector;
pub use enrolment::{Enrolment, Label, Start, Watch};
pub use error::Error;
pub use finding::{Cause, Finding};
pub use intake::Intake;
pub use key::{AgentKey, SiteKey};
pub use profile::Profile;
pub use pulse::{Agent, Pulse, Reply};
pub use testimony::{Answer, Power, Question, Sessions, Testimony};
pub use verdict::{Certainty, Status, Verdict};
