//! Amounts with their units: memory and link speed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// An amount of main memory, in bytes.
///
/// As text it is a whole number and a binary unit: `64 GiB`, `512 MiB`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Memory(u64);

const MEMORY_UNITS: [(&str, u64); 5] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Memory {
    /// That many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// That many gibibytes (2³⁰ bytes).
    pub const fn gibibytes(gibibytes: u32) -> Self {
        Self((gibibytes as u64) << 30)
    }

    /// How many bytes it is.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// What is left when `other` is taken away, at least nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// How fast a link is, in megabits (10⁶ bits) a second.
///
/// As text it is a whole number and a decimal unit: `10 Gb/s`, `100 Mb/s`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct LinkSpeed(u64);

const SPEED_UNITS: [(&str, u64); 2] = [("Gb/s", 1000), ("Mb/s", 1)];

impl LinkSpeed {
    /// That many megabits a second.
    pub const fn megabits(megabits: u32) -> Self {
        Self(megabits as u64)
    }

    /// That many gigabits a second.
    pub const fn gigabits(gigabits: u32) -> Self {
        Self(gigabits as u64 * 1000)
    }

    /// How many megabits a second it is.
    pub const fn as_megabits(self) -> u64 {
        self.0
    }
}

/// A whole number and one of the units, with or without a blank between.
fn parse(text: &str, units: &[(&'static str, u64)]) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that leaves a whole number.
fn write(f: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u64)]) -> fmt::Result {
    let whole = |(_, factor): &&(&str, u64)| amount >= *factor && amount.is_multiple_of(*factor);
    match units.iter().find(whole).or(units.last()) {
        Some((unit, factor)) => write!(f, "{} {unit}", amount / factor),
        None => write!(f, "{amount}"),
    }
}

macro_rules! text_form {
    ($($name:ident, $kind:literal, $units:ident, $form:literal;)*) => {$(
        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                parse(text, &$units).map(Self).ok_or_else(|| Error::Quantity {
                    kind: $kind,
                    text: text.chars().take(80).collect(),
                    form: $form,
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(amount: $name) -> Self {
                amount.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(f, self.0, &$units)
            }
        }
    )*};
}

text_form! {
    Memory, "amount of memory", MEMORY_UNITS, "64 GiB";
    LinkSpeed, "link speed", SPEED_UNITS, "10 Gb/s";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_writes_what_a_person_writes() {
        assert_eq!("64 GiB".parse::<Memory>().unwrap(), Memory::gibibytes(64));
        assert_eq!("64GiB".parse::<Memory>().unwrap().to_string(), "64 GiB");
        assert_eq!(
            "1536 MiB".parse::<Memory>().unwrap().to_string(),
            "1536 MiB"
        );
        assert_eq!(
            "1000 Mb/s".parse::<LinkSpeed>().unwrap().to_string(),
            "1 Gb/s"
        );
        assert_eq!(Memory::default().to_string(), "0 B");
    }

    #[test]
    fn refuses_what_has_no_unit_or_does_not_fit() {
        for text in [
            "",
            "64",
            "GiB",
            "64 GB",
            "-1 GiB",
            "1.5 GiB",
            "99999999999999 TiB",
            "6 4 GiB",
        ] {
            assert!(text.parse::<Memory>().is_err(), "{text:?}");
        }
        let message = "ten Gb/s".parse::<LinkSpeed>().unwrap_err().to_string();
        assert_eq!(
            message,
            r#""ten Gb/s" is no link speed: write it as in "10 Gb/s""#
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: u64, megabits: u64) {
            let (memory, speed) = (Memory(bytes), LinkSpeed(megabits));
            prop_assert_eq!(memory.to_string().parse::<Memory>().unwrap(), memory);
            prop_assert_eq!(speed.to_string().parse::<LinkSpeed>().unwrap(), speed);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Memory>();
        }
    }
}
