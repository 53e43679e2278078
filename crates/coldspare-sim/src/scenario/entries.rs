//! Reads one table of a scenario file key by key, and remembers everything that is wrong.

use std::cell::RefCell;
use std::str::FromStr;
use std::time::Duration;

use coldspare::site::{KeyPath, Place, SiteError, SiteErrors};
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// What is wrong with a text so far.
pub(super) struct Mistakes<'t> {
    text: &'t str,
    found: RefCell<Vec<(usize, SiteError)>>,
}

impl<'t> Mistakes<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            found: RefCell::default(),
        }
    }

    pub(super) fn add(&self, offset: usize, key: KeyPath, wrong: Wrong) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let place = Place {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        };
        let (reason, suggestion) = (wrong.reason, wrong.suggestion);
        let mut found = self.found.borrow_mut();
        if found.len() < SiteErrors::MOST {
            found.push((
                offset,
                SiteError {
                    place: Some(place),
                    key,
                    reason,
                    suggestion,
                },
            ));
        }
    }

    /// All of them, in the order of the file.
    pub(super) fn all(self) -> Vec<SiteError> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(offset, _)| *offset);
        found.into_iter().map(|(_, error)| error).collect()
    }
}

/// Why a value is refused.
pub(super) struct Wrong {
    reason: String,
    suggestion: Option<String>,
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(reason: T) -> Self {
        Self {
            reason: reason.into(),
            suggestion: None,
        }
    }
}

impl Wrong {
    /// A name that is not among those known.
    pub(super) fn unknown<'a>(
        what: &str,
        given: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let shown: String = given.chars().take(80).collect();
        // Nobody mistypes more than that, and comparing costs the product of the lengths.
        let near = known
            .into_iter()
            .filter(|_| given.len() <= 200)
            .map(|name| (strsim::damerau_levenshtein(given, name), name))
            .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
            .min();
        Self {
            reason: format!("{what} {shown:?}"),
            suggestion: near.map(|(_, name)| name.to_owned()),
        }
    }
}

type Value<'t> = Spanned<DeValue<'t>>;

/// A table whose keys are asked for one by one.
pub(super) struct Entries<'a, 't> {
    mistakes: &'a Mistakes<'t>,
    path: KeyPath,
    offset: usize,
    table: &'a DeTable<'t>,
    asked: Vec<&'static str>,
}

impl<'a, 't> Entries<'a, 't> {
    pub(super) fn new(
        mistakes: &'a Mistakes<'t>,
        path: KeyPath,
        offset: usize,
        table: &'a DeTable<'t>,
    ) -> Self {
        Self {
            mistakes,
            path,
            offset,
            table,
            asked: Vec::new(),
        }
    }

    /// Reports something wrong with a key, or where it should be.
    pub(super) fn report(&self, key: &str, wrong: impl Into<Wrong>) {
        let at = self
            .table
            .get_key_value(key)
            .map_or(self.offset, |(key, _)| key.span().start);
        self.mistakes.add(at, self.path.then(key), wrong.into());
    }

    /// The value of a key that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Value<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.asked.push(key);
        let value = self.table.get(key)?;
        read(value).map_err(|wrong| self.report(key, wrong)).ok()
    }

    /// The value of a key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Value<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.mistakes.add(
                self.offset,
                self.path.clone(),
                format!("the key {key:?} is missing").into(),
            );
        }
        self.optional(key, read)
    }

    /// Replaces a value, if the key is there.
    pub(super) fn set<T>(
        &mut self,
        key: &'static str,
        place: &mut T,
        read: impl FnOnce(&'a Value<'t>) -> Result<T, Wrong>,
    ) {
        if let Some(value) = self.optional(key, read) {
            *place = value;
        }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let wrong = Wrong::unknown("this key is not known here:", name, self.asked.clone());
                self.report(name, wrong);
            }
        }
    }
}

pub(super) fn text<'a>(value: &'a Value<'_>) -> Result<&'a str, Wrong> {
    let found = value.get_ref();
    found
        .as_str()
        .ok_or_else(|| format!("expected string, found {}", found.type_str()).into())
}

/// What a text stands for.
pub(super) fn parsed<T: FromStr<Err: ToString>>(value: &Value<'_>) -> Result<T, Wrong> {
    text(value)?
        .parse()
        .map_err(|error: T::Err| error.to_string().into())
}

/// A number.
pub(super) fn number<T: DeserializeOwned>(value: &Value<'_>) -> Result<T, Wrong> {
    let read = T::deserialize(ValueDeserializer::from(value.clone()));
    read.map_err(|error| error.message().into())
}

/// The longest time that anything takes.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// A length of time: `"20m"`, `"1h 30m"`, `"500ms"`.
pub(super) fn duration(value: &Value<'_>) -> Result<Duration, Wrong> {
    let span: jiff::SignedDuration = parsed(value)?;
    match Duration::try_from(span) {
        Ok(length) if length <= LONGEST => Ok(length),
        Ok(_) => Err("it is longer than a year".into()),
        Err(_) => Err("a length of time cannot be negative".into()),
    }
}
