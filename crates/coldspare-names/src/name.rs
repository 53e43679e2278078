//! Names that people give: one type per kind of thing, all with the same rule.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not a name, or a number not a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: {reason}")]
pub struct NameError {
    /// What the text was meant to name, in words: "server name".
    pub kind: &'static str,
    /// The refused text, cut to a length that can be printed.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl NameError {
    pub(crate) fn new(kind: &'static str, text: &str, reason: &'static str) -> Self {
        Self {
            kind,
            text: text.chars().take(80).collect(),
            reason,
        }
    }
}

/// The longest name in bytes: it fits a DNS label path, a switch's port name and a key of a store.
const LONGEST: usize = 128;

fn check(kind: &'static str, text: &str) -> Result<(), NameError> {
    let refuse = |reason| Err(NameError::new(kind, text, reason));
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.len() > LONGEST {
        return refuse("it is longer than 128 bytes");
    }
    if text.trim() != text {
        return refuse("it begins or ends with a blank");
    }
    if text.chars().any(char::is_control) {
        return refuse("it contains a control character");
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// 1 to 128 bytes, no control characters, no blank at either end. Cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name, if the text is one.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                check($kind, text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

names! {
    /// A physical machine.
    ServerName = "server name";
    /// An identity captured on a boot volume.
    PersonaName = "persona name";
    /// Servers and personas among which failover happens.
    PoolName = "pool name";
    /// A logical network.
    NetworkName = "network name";
    /// A managed LAN switch.
    SwitchName = "switch name";
    /// A port of a switch, as the switch itself calls it: `1/g3`, `eth7`.
    PortName = "port name";
    /// A storage array.
    ArrayName = "array name";
    /// A volume on an array.
    VolumeName = "volume name";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_what_is_wrong_with_a_name() {
        let reasons = [
            ("", "it is empty"),
            (" r1", "it begins or ends with a blank"),
            ("r1\n", "it begins or ends with a blank"),
            ("r\u{7}1", "it contains a control character"),
        ];
        for (text, reason) in reasons {
            assert_eq!(
                ServerName::new(text).unwrap_err().reason,
                reason,
                "{text:?}"
            );
        }
        let long = "x".repeat(129);
        let error = ServerName::new(&long).unwrap_err();
        assert_eq!(error.reason, "it is longer than 128 bytes");
        assert!(error.to_string().len() < 200, "an error stays printable");
    }

    #[test]
    fn a_file_cannot_smuggle_a_wrong_name_in() {
        assert!(serde_json::from_str::<PoolName>("\"\"").is_err());
        assert!(serde_json::from_str::<PoolName>("\"exchange\"").is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_taken_whole_or_refused(text in ".{0,140}") {
            if let Ok(name) = VolumeName::new(&text) {
                prop_assert_eq!(name.as_str(), &text);
                let json = serde_json::to_string(&name).unwrap();
                prop_assert_eq!(serde_json::from_str::<VolumeName>(&json).unwrap(), name);
            }
        }
    }
}
