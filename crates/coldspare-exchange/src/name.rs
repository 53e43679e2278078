//! What the things of a database availability group are called.
//!
//! Exchange compares these names without case, and prints one server now as `EX1`, now as `ex1`,
//! now as `EX1.example.com`: so two names here are equal when Exchange means the same thing.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use coldspare_names::NameError;
use serde::{Deserialize, Serialize};

/// The part of a server's name before its domain suffix.
fn without_domain(text: &str) -> &str {
    text.split_once('.').map_or(text, |(host, _)| host)
}

fn check(kind: &'static str, text: &str, longest: usize, barred: &str) -> Result<(), NameError> {
    let refuse = |reason| {
        Err(NameError {
            kind,
            text: text.chars().take(80).collect(),
            reason,
        })
    };
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.chars().count() > longest {
        return refuse("it is longer than Exchange allows");
    }
    if text.trim() != text {
        return refuse("it begins or ends with a blank");
    }
    if text.chars().any(char::is_control) {
        return refuse("it contains a control character");
    }
    if text.contains(|c| barred.contains(c)) {
        return refuse("it contains a character that such a name cannot have");
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $kind:literal, $longest:literal, barred $barred:literal, $cut:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// Shown as it was written, compared without case. Cheap to clone.
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            written: Arc<str>,
            folded: Arc<str>,
        }

        impl $name {
            /// The name, if the text is one.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let cut: fn(&str) -> &str = $cut;
                let text = cut(text.as_ref());
                check($kind, text, $longest, $barred)?;
                let written: Arc<str> = Arc::from(text);
                let folded = text.to_lowercase();
                let folded = if folded == text { Arc::clone(&written) } else { Arc::from(folded) };
                Ok(Self { written, folded })
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.written
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.folded == other.folded
            }
        }

        impl Eq for $name {}

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.folded.cmp(&other.folded)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.folded.hash(state);
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

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.written.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.written)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.written, f)
            }
        }
    )*};
}

names! {
    /// A database availability group: at most 15 characters, it is also a computer account.
    DagName = "DAG name", 15, barred "\\/:*?\"<>|., ", |text| text;
    /// A mailbox server that is, or may become, a member of a group. A domain suffix is cut off.
    MemberName = "member name", 63, barred "\\/:*?\"<>|, ", without_domain;
    /// A mailbox database. It may contain blanks.
    DatabaseName = "database name", 64, barred "\\/:*?\"<>|", |text| text;
    /// An Active Directory site.
    SiteName = "site name", 63, barred "\\/", |text| text;
    /// The server that keeps the file share witness. A domain suffix is cut off.
    WitnessName = "witness name", 63, barred "\\/:*?\"<>|, ", without_domain;
}

/// One copy of one database: `DATABASE\MEMBER` in every cmdlet.
///
/// A text is split at its *last* backslash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CopyId {
    /// The database.
    pub database: DatabaseName,
    /// The member that keeps this copy.
    pub member: MemberName,
}

impl CopyId {
    /// The copy of that database on that member.
    pub fn new(database: &DatabaseName, member: &MemberName) -> Self {
        Self {
            database: database.clone(),
            member: member.clone(),
        }
    }
}

impl FromStr for CopyId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let Some((database, member)) = text.rsplit_once('\\') else {
            return Err(NameError {
                kind: "copy identity",
                text: text.chars().take(80).collect(),
                reason: "it has no backslash between database and member",
            });
        };
        Ok(Self {
            database: database.parse()?,
            member: member.parse()?,
        })
    }
}

impl TryFrom<String> for CopyId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<CopyId> for String {
    fn from(copy: CopyId) -> Self {
        copy.to_string()
    }
}

impl fmt::Display for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\\{}", self.database, self.member)
    }
}

#[cfg(test)]
mod tests;
