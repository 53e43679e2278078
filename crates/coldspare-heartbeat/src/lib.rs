//! Failure detection and the verdict.

mod beat;
mod detector;
mod enrolment;
mod error;
mod finding;
mod profile;
mod testimony;
pub mod verdict;

pub use beat::{Beat, Flags, Health, Heard, Path, Refusal, Slot};
pub use detector::Detector;
pub use enrolment::{Enrolment, Label, Start, Watch};
pub use error::Error;
pub use finding::{Cause, Finding};
pub use profile::Profile;
pub use testimony::{Answer, Power, Question, Sessions, Testimony};
pub use verdict::{Certainty, Status, Verdict};
