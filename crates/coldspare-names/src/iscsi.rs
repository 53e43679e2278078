//! iSCSI names, prepared once where they enter.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::NameError;

const KIND: &str = "iSCSI name";
/// RFC 7143, section 4.2.7.1: bytes of UTF-8 after preparation.
const LONGEST: usize = 223;

/// The three forms of RFC 7143 (section 4.2.7) and RFC 3980.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IscsiNameKind {
    /// `iqn.` yyyy-mm `.` reversed domain, and after a colon what its owner likes.
    Iqn,
    /// `eui.` and 16 hexadecimal digits.
    Eui,
    /// `naa.` and 16 or 32 hexadecimal digits.
    Naa,
}

/// The worldwide name of an initiator or a target, in its prepared form.
///
/// RFC 3722 makes preparation (case folding, compatibility normalisation, refusal of what looks
/// alike or cannot be seen) the duty of whoever enters a name, because targets compare byte by
/// byte: `…:Exchange1` and `…:exchange1` are two names to some of them. So a name is prepared
/// here, once, and [`IscsiName::was_changed`] tells a reader whether a given text was.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct IscsiName(Arc<str>);

impl IscsiName {
    /// The prepared form of the text, if it is an iSCSI name.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        let refuse = |reason| Err(NameError::new(KIND, text, reason));
        let prepared = if is_plain(text) {
            Cow::Borrowed(text)
        } else if let Ok(prepared) = stringprep::nameprep(text) {
            prepared
        } else {
            return refuse("it has characters that RFC 3722 prohibits");
        };
        if prepared.len() > LONGEST {
            return refuse("it is longer than 223 bytes");
        }
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | ':');
        if !prepared.chars().all(allowed) {
            return refuse("only letters, digits, '-', '.' and ':' are allowed (RFC 3722)");
        }
        let checked = match prepared.split_once('.') {
            Some(("iqn", rest)) => check_iqn(rest),
            Some(("eui", rest)) => check_hexadecimal(rest, &[16]),
            Some(("naa", rest)) => check_hexadecimal(rest, &[16, 32]),
            _ => Err("it begins with neither iqn., eui. nor naa."),
        };
        match checked {
            Ok(()) => Ok(Self(Arc::from(prepared.as_ref()))),
            Err(reason) => refuse(reason),
        }
    }

    /// The prepared name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of the three forms it has.
    pub fn kind(&self) -> IscsiNameKind {
        match self.0.as_bytes()[0] {
            b'i' => IscsiNameKind::Iqn,
            b'e' => IscsiNameKind::Eui,
            _ => IscsiNameKind::Naa,
        }
    }

    /// Whether a text is this name, once it is prepared.
    pub fn is(&self, text: &str) -> bool {
        self.as_str() == text || (!is_plain(text) && Self::new(text).as_ref() == Ok(self))
    }

    /// Whether preparation changed what was entered: worth a warning, because a target that
    /// already holds the entered form will not know this one.
    pub fn was_changed(&self, entered: &str) -> bool {
        self.as_str() != entered
    }
}

/// Whether preparation has nothing to do: nearly always, and arrays list names by the thousand.
fn is_plain(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:".contains(&b);
    text.bytes().all(is_plain)
}

fn check_iqn(rest: &str) -> Result<(), &'static str> {
    let authority = rest
        .split_once(':')
        .map_or(rest, |(authority, _)| authority);
    let bytes = authority.as_bytes();
    let digits = |range: &[u8]| range.iter().all(u8::is_ascii_digit);
    if bytes.len() < 8 || !digits(&bytes[..4]) || bytes[4] != b'-' || !digits(&bytes[5..7]) {
        return Err("after iqn. it needs a year and month, as in 2012-08");
    }
    if !("01"..="12").contains(&&authority[5..7]) {
        return Err("its month is not 01 to 12");
    }
    let domain = authority[7..].strip_prefix('.').unwrap_or_default();
    if domain.is_empty() || domain.split('.').any(str::is_empty) {
        return Err("after the month it needs a reversed domain name, as in .com.example");
    }
    Ok(())
}

fn check_hexadecimal(rest: &str, lengths: &[usize]) -> Result<(), &'static str> {
    if !lengths.contains(&rest.len()) || !rest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("eui. needs 16 hexadecimal digits, naa. 16 or 32");
    }
    Ok(())
}

impl FromStr for IscsiName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for IscsiName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl fmt::Display for IscsiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for IscsiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_the_three_forms_and_folds_case() {
        for (entered, prepared, kind) in [
            (
                "iqn.2012-08.com.example:Exchange1",
                "iqn.2012-08.com.example:exchange1",
                IscsiNameKind::Iqn,
            ),
            (
                "iqn.2001-04.com.example",
                "iqn.2001-04.com.example",
                IscsiNameKind::Iqn,
            ),
            (
                "iqn.2001-04.com.example:a:b.c",
                "iqn.2001-04.com.example:a:b.c",
                IscsiNameKind::Iqn,
            ),
            (
                "eui.02004567A425678D",
                "eui.02004567a425678d",
                IscsiNameKind::Eui,
            ),
            (
                "naa.52004567BA64678D",
                "naa.52004567ba64678d",
                IscsiNameKind::Naa,
            ),
            (
                "naa.62004567BA64678D0123456789ABCDEF",
                "naa.62004567ba64678d0123456789abcdef",
                IscsiNameKind::Naa,
            ),
        ] {
            let name = IscsiName::new(entered).unwrap();
            assert_eq!((name.as_str(), name.kind()), (prepared, kind));
            assert_eq!(name.was_changed(entered), entered != prepared);
        }
    }

    #[test]
    fn refuses_what_is_no_name_and_says_why() {
        for entered in [
            "",
            "Exchange1",
            "iqn.",
            "iqn.2012-13.com.example:x",
            "iqn.2012-00.com.example:x",
            "iqn.12-08.com.example:x",
            "iqn.2012-08",
            "iqn.2012-08.",
            "iqn.2012-08.com..example",
            "iqn.2012-08.com.example:with blank",
            "iqn.2012-08.com.example:under_score",
            "iqn.2012-08.com.example:a/b",
            "eui.0123",
            "eui.0123456789abcdeg",
            "naa.0123456789abcdef0",
        ] {
            assert!(IscsiName::new(entered).is_err(), "{entered:?}");
        }
        let long = format!("iqn.2012-08.com.example:{}", "x".repeat(200));
        assert!(IscsiName::new(long).is_err());
    }

    proptest! {
        #[test]
        fn preparation_has_nothing_to_do_with_a_plain_text(text in "[a-z0-9.:-]{0,40}") {
            prop_assert!(is_plain(&text));
            let prepared = stringprep::nameprep(&text).unwrap();
            prop_assert_eq!(prepared.as_ref(), text.as_str());
        }

        #[test]
        fn a_name_is_every_text_that_is_prepared_to_it(free in "[a-zA-Z0-9äßÉ.:-]{0,20}", other in "[a-zA-Z]{0,2}") {
            let entered = format!("iqn.2012-08.com.example:{free}");
            let other = format!("iqn.2012-08.com.example:{other}");
            if let (Ok(name), Ok(another)) = (IscsiName::new(&entered), IscsiName::new(&other)) {
                prop_assert!(name.is(&entered));
                prop_assert_eq!(name.is(&other), name == another);
            }
        }

        #[test]
        fn preparing_twice_changes_nothing(free in "[a-zA-Z0-9äßÉ.:-]{0,40}") {
            let entered = format!("iqn.2012-08.com.example:{free}");
            if let Ok(name) = IscsiName::new(&entered) {
                let again = IscsiName::new(name.as_str()).unwrap();
                prop_assert!(!again.was_changed(name.as_str()));
                prop_assert_eq!(again, name);
            }
        }

        #[test]
        fn no_text_makes_it_panic(entered in "\\PC{0,300}") {
            let _ = IscsiName::new(entered);
        }
    }
}
