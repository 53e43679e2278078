//! Datacenter activation coordination: whether a member may mount databases after it has started.
//!
//! Each Active Manager keeps a bit in memory that is clear when it starts. While it is clear
//! nothing is mounted. It protects a site that gets its power back before its links: without it
//! both sites would mount the same databases.
//!
//! Source: Microsoft's page on datacenter activation coordination mode.

use coldspare_names::Time;
use serde::{Deserialize, Serialize};

use crate::ActivationMode;

/// What a starting member hears from the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// The bit of each other member that answered.
    pub bits: Vec<bool>,
    /// How many other members there are.
    pub others: usize,
    /// In a group of two: what the witness says, if it is reachable.
    pub witness: Option<WitnessWord>,
}

/// What decides for the survivor of a group of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessWord {
    /// When the witness was started.
    pub booted: Time,
    /// When this member's bit was set last, before it was restarted; `None` if it never was.
    pub bit_set: Option<Time>,
}

/// Whether a member may mount databases.
///
/// * One that is set stays set.
/// * Any member that answers with its bit set is enough.
/// * All other members reached, though all clear, is enough too (from general knowledge, not read
///   in a source).
/// * In a group of two, alone with the witness: only if its bit was not set before the witness was
///   started. A witness that was restarted together with it has nothing to say.
pub fn may_mount(mode: ActivationMode, own: bool, heard: &Heard) -> bool {
    if mode == ActivationMode::Off || own || heard.bits.contains(&true) {
        return true;
    }
    if heard.bits.len() == heard.others {
        return true;
    }
    let alone = heard.others == 1 && heard.bits.is_empty();
    let word = heard.witness.filter(|_| alone);
    word.is_some_and(|word| word.bit_set.is_some_and(|set| set >= word.booted))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(hour: u64) -> Time {
        Time::after_epoch(Duration::from_hours(hour))
    }

    /// Mode · own bit · bits heard · other members · hours at which the witness booted and the
    /// bit was set · may mount, transcribed by hand.
    #[rustfmt::skip]
    #[expect(clippy::type_complexity, reason = "a table")]
    const TABLE: &[(ActivationMode, bool, &[bool], usize, Option<(u64, Option<u64>)>, bool)] = &[
        (ActivationMode::Off,     false, &[],                    3, None,               true),
        (ActivationMode::DagOnly, true,  &[],                    3, None,               true),
        (ActivationMode::DagOnly, false, &[],                    3, None,               false),
        (ActivationMode::DagOnly, false, &[false, true],         3, None,               true),
        (ActivationMode::DagOnly, false, &[false, false],        3, None,               false),
        (ActivationMode::DagOnly, false, &[false, false, false], 3, None,               true),
        (ActivationMode::DagOnly, false, &[],                    1, Some((2, Some(1))), false),
        (ActivationMode::DagOnly, false, &[],                    1, Some((1, Some(2))), true),
        (ActivationMode::DagOnly, false, &[],                    1, Some((1, None)),    false),
        (ActivationMode::DagOnly, false, &[],                    1, None,               false),
        (ActivationMode::DagOnly, false, &[],                    3, Some((1, Some(2))), false),
    ];

    #[test]
    fn a_member_mounts_only_on_the_word_that_the_rules_ask_for() {
        for (index, (mode, own, bits, others, witness, expected)) in TABLE.iter().enumerate() {
            let witness = witness.map(|(booted, set)| WitnessWord {
                booted: at(booted),
                bit_set: set.map(at),
            });
            let heard = Heard {
                bits: bits.to_vec(),
                others: *others,
                witness,
            };
            assert_eq!(may_mount(*mode, *own, &heard), *expected, "row {index}");
        }
    }
}
