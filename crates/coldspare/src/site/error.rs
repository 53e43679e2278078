//! What is wrong with a site file, told so that an operator can mend it in one go.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::cut;

/// Everything that is wrong with one site file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteErrors {
    /// The file, as it was named by whoever asked for it.
    pub file: String,
    /// At least one error, at most [`SiteErrors::MOST`].
    pub errors: Vec<SiteError>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteError {
    /// Where in the file; nowhere if the file as a whole is refused.
    pub place: Option<Place>,
    /// Which key is meant.
    pub key: KeyPath,
    /// What is wrong with it. Never holds a secret: values of keys that hold one are not quoted.
    pub reason: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// A place in a text, counted from one; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in that line.
    pub column: usize,
}

/// The way from the top of a file to one of its values: `servers.r720-1.nics[0].mac`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyPath(pub Vec<Key>);

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// Into a table.
    Name(String),
    /// Into a list, counted from zero.
    Index(usize),
}

impl SiteErrors {
    /// So many errors are kept of one file. A file that has more is not one that somebody mistyped.
    pub const MOST: usize = 1000;

    /// The one error that a file as a whole is refused for.
    pub(super) fn whole(file: String, reason: String) -> Self {
        let error = SiteError {
            place: None,
            key: KeyPath::default(),
            reason,
            suggestion: None,
        };
        Self {
            file,
            errors: vec![error],
        }
    }
}

impl KeyPath {
    /// The path one step further down.
    #[must_use]
    pub fn then(&self, key: impl Into<Key>) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.into());
        Self(keys)
    }
}

impl From<&str> for KeyPath {
    fn from(name: &str) -> Self {
        Self::default().then(name)
    }
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for Key {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        for (depth, key) in self.0.iter().enumerate() {
            match key {
                Key::Index(index) => write!(f, "[{index}]")?,
                Key::Name(name) => {
                    if depth > 0 {
                        f.write_str(".")?;
                    }
                    let name = cut(name);
                    if !name.is_empty() && name.chars().all(bare) {
                        f.write_str(&name)?;
                    } else {
                        write!(f, "{name:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// `40:8: servers.r720-1.pool: [pools] has no "exchang"; did you mean "exchange"?`
impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.key.0.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.reason)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean {suggestion:?}?"),
            None => Ok(()),
        }
    }
}

/// Above this many a reader is better served by a count.
const SHOWN: usize = 50;

/// One line for each error, each beginning with the file's name, as compilers do it.
impl fmt::Display for SiteErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().take(SHOWN).enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            let blank = if error.place.is_some() { "" } else { " " };
            write!(f, "{line_end}{}:{blank}{error}", self.file)?;
        }
        match self.errors.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

impl std::error::Error for SiteErrors {}
