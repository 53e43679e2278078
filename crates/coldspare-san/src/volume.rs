//! Volumes: what boots a persona and what holds its databases.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use coldspare_names::{ArrayName, IscsiName, VolumeName};
use serde::{Deserialize, Serialize};

use crate::{BootTarget, ParseError, Portal};

/// A number of bytes, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(NonZeroU64);

impl Size {
    /// That many bytes; a volume of none does not exist.
    pub const fn bytes(bytes: u64) -> Option<Self> {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// That many gibibytes (2³⁰ bytes).
    pub fn gibibytes(count: u32) -> Option<Self> {
        Self::bytes(u64::from(count) << 30)
    }

    /// How many bytes it is.
    pub const fn as_bytes(self) -> u64 {
        self.0.get()
    }
}

/// In the largest binary unit that divides it: `100 GiB`, `512 B`.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "B")];
        let bytes = self.as_bytes();
        let whole = units
            .into_iter()
            .find(|(shift, _)| bytes.trailing_zeros() >= *shift);
        let (shift, unit) = whole.unwrap_or((0, "B"));
        write!(f, "{} {unit}", bytes >> shift)
    }
}

/// A logical unit number: eight bytes, in four groups of two (SAM-5; RFC 7143, section 11.7.3).
///
/// Written in hexadecimal groups as in RFC 4173: `0`, `1`, `4186-9`. Groups of zeros at the end
/// are left out, so every number has one spelling.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Lun([u16; 4]);

impl Lun {
    /// The number of a target whose units are counted on one level, as nearly all do.
    pub const fn new(number: u16) -> Self {
        Self([number, 0, 0, 0])
    }

    /// All four groups.
    pub const fn from_groups(groups: [u16; 4]) -> Self {
        Self(groups)
    }

    /// Its four groups.
    pub const fn groups(self) -> [u16; 4] {
        self.0
    }
}

impl fmt::Display for Lun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:x}")?;
        let used = rest
            .iter()
            .rposition(|group| *group != 0)
            .map_or(0, |last| last + 1);
        rest[..used]
            .iter()
            .try_for_each(|group| write!(f, "-{group:x}"))
    }
}

impl FromStr for Lun {
    type Err = ParseError;

    /// An empty text is number 0 (RFC 4173).
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refuse = |reason| Err(ParseError::new("LUN", text, reason));
        let mut groups = [0; 4];
        if text.is_empty() {
            return Ok(Self(groups));
        }
        for (index, digits) in text.split('-').enumerate() {
            let Some(group) = groups.get_mut(index) else {
                return refuse("it has more than four groups");
            };
            let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            match u16::from_str_radix(digits, 16) {
                Ok(value) if hexadecimal && digits.len() <= 4 => *group = value,
                _ => return refuse("a group is 1 to 4 hexadecimal digits"),
            }
        }
        Ok(Self(groups))
    }
}

impl TryFrom<String> for Lun {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Lun> for String {
    fn from(lun: Lun) -> Self {
        lun.to_string()
    }
}

/// A volume as it is asked for.
///
/// **One volume per image and one per database copy**, each behind a target of its own. What is
/// moved, snapshotted, restored or admitted is then always one thing with one holder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeSpec {
    /// What it is called on its array.
    pub name: VolumeName,
    /// How large its user sees it.
    pub size: Size,
    /// Whether blocks take room only once they are written.
    pub thin: bool,
}

/// A volume as the array has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Volume {
    /// What it is called on its array.
    pub name: VolumeName,
    /// How large its user sees it.
    pub size: Size,
    /// Whether blocks take room only once they are written.
    pub thin: bool,
    /// The target through which it is reached. The array chooses it; no other volume has it.
    pub target: IscsiName,
    /// Its unit number behind that target.
    pub lun: Lun,
    /// Where its first content came from.
    pub origin: Origin,
}

impl Volume {
    /// What a NIC must know to boot from it through that portal.
    pub fn boot_target(&self, portal: Portal) -> BootTarget {
        BootTarget {
            portal,
            target: self.target.clone(),
            lun: self.lun,
        }
    }
}

/// Where a volume's first content came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It began empty.
    Blank,
    /// It is a volume of its own that began as a copy of this one: of a *gold volume*, say.
    ///
    /// The new persona that boots it gets an initiator name and addresses of its own before its
    /// first boot, so it meets the original neither on the SAN nor on a LAN. What lies *inside*
    /// the image is not touched: the computer name, machine keys and the like are left to the
    /// operating system (generalise a Windows image with Sysprep before it becomes gold).
    CloneOf(VolumeName),
    /// It keeps the content that this volume had at one moment, and can be restored from.
    SnapshotOf(VolumeName),
}

/// What a volume is called where only `a` to `z`, digits and `-` are allowed: always unique, and
/// readable as far as its name is.
pub(crate) fn label(array: &ArrayName, volume: &VolumeName) -> String {
    let hash = blake3::hash(format!("{array}\n{volume}").as_bytes()).to_hex();
    let letters = volume
        .as_str()
        .chars()
        .map(|letter| letter.to_ascii_lowercase());
    let readable = letters.map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    });
    format!("{}-{}", &hash[..16], readable.take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_lun_is_spelt_as_in_rfc_4173() {
        for (text, groups, printed) in [
            ("", [0, 0, 0, 0], "0"),
            ("1", [1, 0, 0, 0], "1"),
            ("4186-9", [0x4186, 9, 0, 0], "4186-9"),
            (
                "6734-9-156f-127",
                [0x6734, 9, 0x156f, 0x127],
                "6734-9-156f-127",
            ),
            (
                "4752-3A4F-6b7e-2F99",
                [0x4752, 0x3a4f, 0x6b7e, 0x2f99],
                "4752-3a4f-6b7e-2f99",
            ),
            ("0-0001", [0, 1, 0, 0], "0-1"),
        ] {
            let lun: Lun = text.parse().unwrap();
            assert_eq!(
                (lun.groups(), &*lun.to_string()),
                (groups, printed),
                "{text:?}"
            );
        }
        for text in ["-", "1-", "12345", "g", "+1", "1-2-3-4-5", " 1", "0x1"] {
            assert!(text.parse::<Lun>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_largest_unit_that_divides_it() {
        let shown = |bytes| Size::bytes(bytes).unwrap().to_string();
        assert_eq!(shown(512), "512 B");
        assert_eq!(shown(1536), "1536 B");
        assert_eq!(shown(2 << 40), "2 TiB");
        assert_eq!(Size::gibibytes(100).unwrap().to_string(), "100 GiB");
        assert!(
            serde_json::from_str::<Size>("0").is_err(),
            "no volume has no bytes"
        );
    }

    proptest! {
        #[test]
        fn a_lun_survives_being_written_down(groups: [u16; 4]) {
            let lun = Lun::from_groups(groups);
            prop_assert_eq!(lun.to_string().parse(), Ok(lun));
        }
    }
}
