//! What entries are called: paths, so that everything below one can be listed and watched.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest key, in bytes.
const LONGEST: usize = 1024;

/// The key of an entry: names with a slash between them, as in `pool/exchange/holding/ex1`.
///
/// 1 to 1,024 bytes; no name in it is empty; no control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Key(Arc<str>);

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no key: {reason}")]
pub struct KeyError {
    /// The refused text, cut to a length that can be printed.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Key {
    /// The key that the text is, if it is one.
    pub fn new(text: impl AsRef<str>) -> Result<Self, KeyError> {
        let text = text.as_ref();
        let refuse = |reason| {
            let text = text.chars().take(80).collect();
            Err(KeyError { text, reason })
        };
        if text.len() > LONGEST {
            return refuse("it is longer than 1024 bytes");
        }
        if text.split('/').any(str::is_empty) {
            return refuse("a name in it is empty");
        }
        if text.chars().any(char::is_control) {
            return refuse("it contains a control character");
        }
        Ok(Self(Arc::from(text)))
    }

    /// The key of those names, one below the other. A slash inside a name is written `%2F` and a
    /// percent sign `%25`, so that different names never make the same key.
    pub fn of(names: &[&str]) -> Result<Self, KeyError> {
        let escaped: Vec<String> = names
            .iter()
            .map(|name| name.replace('%', "%25").replace('/', "%2F"))
            .collect();
        Self::new(escaped.join("/"))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A part of the store: every key that begins with a text which is empty or ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(Arc<str>);

impl Prefix {
    /// The whole store.
    pub fn all() -> Self {
        Self(Arc::from(""))
    }

    /// Everything below that key, but not the key itself: below `pool/a` is `pool/a/x`, and
    /// `pool/ab` is not.
    pub fn below(key: &Key) -> Self {
        Self(Arc::from(format!("{key}/")))
    }

    /// What every key of it begins with.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key belongs to it.
    pub fn contains(&self, key: &Key) -> bool {
        key.as_str().starts_with(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_what_is_wrong_with_a_key() {
        for text in ["", "/a", "a/", "a//b", "a\nb"] {
            assert!(Key::new(text).is_err(), "{text:?}");
        }
        assert!(Key::new("x".repeat(1025)).is_err());
    }

    #[test]
    fn a_prefix_ends_where_a_name_ends() {
        let key = |text| Key::new(text).unwrap();
        let below = Prefix::below(&key("pool/a"));
        assert!(below.contains(&key("pool/a/x")));
        assert!(!below.contains(&key("pool/a")));
        assert!(!below.contains(&key("pool/ab/x")));
        assert!(Prefix::all().contains(&key("pool/a")));
    }

    proptest! {
        #[test]
        fn different_names_make_different_keys(
            one in proptest::collection::vec("[ab/%2F5]{1,4}", 1..4),
            other in proptest::collection::vec("[ab/%2F5]{1,4}", 1..4),
        ) {
            let key = |names: &[String]| {
                Key::of(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
            };
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }

        #[test]
        fn any_text_is_taken_whole_or_refused(text in ".{0,60}") {
            if let Ok(key) = Key::new(&text) {
                prop_assert_eq!(key.as_str(), text);
            }
        }
    }
}
