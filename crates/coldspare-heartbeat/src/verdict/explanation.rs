//! A verdict explained, as data.

use serde::{Deserialize, Serialize};

use super::{Activity, Judgement, Row, Seen, Status, judge};
use crate::{Ports, Power, Question};

/// How sure a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// It rests on silence alone.
    Guess,
    /// One witness says so, nothing speaks against it.
    Likely,
    /// Every witness that decides answered, and all agree; or the switches bear out that a server
    /// whose management controller is silent has lost its current.
    Sure,
}

/// What is the matter with a server, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// What is the matter.
    pub status: Status,
    /// How sure that is.
    pub certainty: Certainty,
    /// The row that was found.
    pub row: Row,
    /// What it rests on.
    pub seen: Seen,
    /// Whose word is missing, of those that decide.
    pub missing: Vec<Question>,
    /// What would have to change for another verdict, one change at a time.
    pub otherwise: Vec<Otherwise>,
}

/// A change, and the verdict that it would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Otherwise {
    /// If this were so …
    pub fact: Fact,
    /// … that would be the status.
    pub status: Status,
}

/// Something that could be different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The doubt were gone.
    NoDoubt,
    /// The management controller said this.
    Power(Power),
    /// The SAN said this.
    Activity(Activity),
}

impl Verdict {
    /// The verdict of a row, explained.
    pub fn explain(row: Row, seen: Seen) -> Self {
        Self {
            status: row.status(),
            certainty: certainty(row, &seen),
            row,
            missing: missing(&seen),
            otherwise: otherwise(row.status(), &seen),
            seen,
        }
    }
}

fn missing(seen: &Seen) -> Vec<Question> {
    let mut missing = Vec::new();
    if matches!(seen.power, None | Some(Power::NoAnswer)) {
        missing.push(Question::Power);
    }
    if matches!(seen.activity, None | Some(Activity::NoAnswer)) {
        missing.push(Question::Sessions);
    }
    missing
}

/// A row that a witness decides is sure when no witness is missing; one that rests on silence is a
/// guess however much is known.
fn certainty(row: Row, seen: &Seen) -> Certainty {
    let is_borne_out = row == Row::LostItsFeed && seen.ports == Ports::Down;
    match row.status() {
        Status::Unknown | Status::Held => Certainty::Guess,
        _ if is_borne_out || missing(seen).is_empty() => Certainty::Sure,
        _ => Certainty::Likely,
    }
}

/// Asks the table itself: every single change, and what it would lead to.
fn otherwise(status: Status, seen: &Seen) -> Vec<Otherwise> {
    let powers = [Power::On, Power::Off].map(Fact::Power);
    let activities =
        [Activity::Gone, Activity::IdlePastLimit, Activity::Writing].map(Fact::Activity);
    let mut changes = Vec::new();
    for fact in powers.into_iter().chain(activities).chain([Fact::NoDoubt]) {
        let mut other = seen.clone();
        match fact {
            Fact::NoDoubt => other.doubt = None,
            Fact::Power(power) => other.power = Some(power),
            Fact::Activity(activity) => other.activity = Some(activity),
        }
        if let Judgement::Found(row) = judge(&other)
            && row.status() != status
        {
            changes.push(Otherwise {
                fact,
                status: row.status(),
            });
        }
    }
    changes
}
