//! Which machine a management controller manages.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What makers leave in the serial number when they forget to fill it in.
const PLACEHOLDERS: [&str; 6] = [
    "0",
    "default string",
    "not specified",
    "system serial number",
    "to be filled by o.e.m.",
    "unknown",
];

/// The UUID and serial number by which a machine is told from any other.
///
/// Values that name no machine count as absent: the UUIDs of all zeros and all ones (SMBIOS,
/// DSP0134 section 7.2.1: "not present" and "not set"), blank serial numbers and what makers leave
/// there instead of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Told", deny_unknown_fields)]
pub struct Identity {
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
}

/// An identity as a file or a device tells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    #[serde(default)]
    uuid: Option<Uuid>,
    #[serde(default)]
    serial: Option<String>,
}

impl From<Told> for Identity {
    fn from(told: Told) -> Self {
        Self::new(told.uuid, told.serial.as_deref())
    }
}

impl Identity {
    /// The identity of that UUID and serial number, as far as they name a machine.
    pub fn new(uuid: Option<Uuid>, serial: Option<&str>) -> Self {
        let serial = serial.map(str::trim).filter(|serial| {
            let lower = serial.to_lowercase();
            !serial.is_empty() && !PLACEHOLDERS.contains(&lower.as_str())
        });
        Self {
            uuid: uuid.filter(|uuid| !uuid.is_nil() && !uuid.is_max()),
            serial: serial.map(str::to_owned),
        }
    }

    /// The identity of that UUID alone.
    pub fn of_uuid(uuid: Uuid) -> Self {
        Self::new(Some(uuid), None)
    }

    /// The system UUID.
    pub const fn uuid(&self) -> Option<Uuid> {
        self.uuid
    }

    /// The serial number, without blanks around it.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }

    /// Whether both surely name the same machine: at least one of UUID and serial number is
    /// present on both sides, and none contradicts. Two identities that share nothing do not match.
    pub fn matches(&self, expected: &Self) -> bool {
        let uuid = agree(self.uuid.as_ref(), expected.uuid.as_ref());
        let serial = agree(self.serial.as_ref(), expected.serial.as_ref());
        matches!(
            (uuid, serial),
            (Some(true), Some(true) | None) | (None, Some(true))
        )
    }
}

/// Whether two values agree; nothing if one of them is absent.
fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
    Some(one? == other?)
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.uuid, &self.serial) {
            (Some(uuid), Some(serial)) => write!(f, "UUID {uuid}, serial number {serial}"),
            (Some(uuid), None) => write!(f, "UUID {uuid}"),
            (None, Some(serial)) => write!(f, "serial number {serial}"),
            (None, None) => f.write_str("no identity"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identities() -> impl Strategy<Value = Identity> {
        let uuids = proptest::option::of((0u128..4).prop_map(Uuid::from_u128));
        let serials = proptest::option::of("[ ABab0]{0,2}");
        (uuids, serials).prop_map(|(uuid, serial)| Identity::new(uuid, serial.as_deref()))
    }

    proptest! {
        #[test]
        fn a_match_needs_something_in_common_and_no_contradiction(
            one in identities(), other in identities(),
        ) {
            let uuids = one.uuid().zip(other.uuid());
            let serials = one.serial().zip(other.serial());
            let common = uuids.is_some() || serials.is_some();
            let contradiction =
                uuids.is_some_and(|(a, b)| a != b) || serials.is_some_and(|(a, b)| a != b);
            prop_assert_eq!(one.matches(&other), common && !contradiction);
            prop_assert_eq!(one.matches(&other), other.matches(&one));
        }

        #[test]
        fn reading_a_written_identity_changes_nothing(identity in identities()) {
            let text = serde_json::to_string(&identity).unwrap();
            prop_assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), identity);
        }
    }

    #[test]
    fn what_names_no_machine_counts_as_absent() {
        for serial in ["", "  ", "To Be Filled By O.E.M.", "Default string", "0"] {
            let identity = Identity::new(Some(Uuid::nil()), Some(serial));
            assert_eq!(
                identity,
                Identity::new(Some(Uuid::max()), None),
                "{serial:?}"
            );
            assert!(!identity.matches(&identity), "{serial:?} proves nothing");
        }
    }
}
