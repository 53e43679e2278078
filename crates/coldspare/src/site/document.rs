//! A TOML text as it lies before the reader, and what was found wrong in it.

use std::cell::RefCell;
use std::str::FromStr;

use toml::de::{DeArray, DeTable};

use super::error::{Key, KeyPath, Place, SiteError, SiteErrors};
use super::reader::Table;
use super::value::{self, Wrong, nearest};

/// So many names are compared for so many errors with what was written; a longer search would cost
/// more than it helps.
const COMPARED: (usize, usize) = (1000, 50);

/// A text taken apart by the TOML parser, and what was found wrong in it.
#[derive(Debug)]
pub(super) struct Document<'f> {
    text: &'f str,
    top: DeTable<'f>,
    errors: RefCell<Vec<(usize, SiteError)>>,
}

impl<'f> Document<'f> {
    /// The text as TOML. After an error of syntax nothing else is worth reporting.
    pub(super) fn parse(text: &'f str) -> Result<Self, Vec<SiteError>> {
        let (top, syntax) = DeTable::parse_recoverable(text);
        let document = Self {
            text,
            top: top.into_inner(),
            errors: RefCell::default(),
        };
        for error in &syntax {
            let offset = error.span().map_or(0, |span| span.start);
            document.push(offset, KeyPath::default(), error.message().into());
        }
        if syntax.is_empty() {
            Ok(document)
        } else {
            Err(document.errors())
        }
    }

    /// Reads the table at the top.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut Table<'_>) -> Option<T>) -> Option<T> {
        Table::read(self, KeyPath::default(), &self.top, read)
    }

    /// Remembers an error at the place of that key, or of the nearest key above it.
    pub(super) fn report(&self, key: KeyPath, wrong: impl Into<Wrong>) {
        let wrong = wrong.into();
        let offset = wrong.at.unwrap_or_else(|| self.find(&key).0);
        self.push(offset, key, wrong);
    }

    /// All errors found so far, in the order of the file.
    pub(super) fn errors(&self) -> Vec<SiteError> {
        let mut errors = self.errors.take();
        errors.sort_by_key(|(offset, _)| *offset);
        let (mut line, mut line_start, mut here) = (1, 0, 0);
        let placed = |(offset, error): (usize, SiteError)| {
            let passed = self.text.get(here..offset).unwrap_or_default();
            line += passed.matches('\n').count();
            line_start = passed.rfind('\n').map_or(line_start, |end| here + end + 1);
            here = offset;
            let before = self.text.get(line_start..offset).unwrap_or_default();
            let column = before.chars().count() + 1;
            SiteError {
                place: Some(Place { line, column }),
                ..error
            }
        };
        errors.into_iter().map(placed).collect()
    }

    /// The name, if the file describes something of that name in that section.
    pub(super) fn known<N>(&self, section: &KeyPath, name: &str) -> Result<N, Wrong>
    where
        N: FromStr<Err: ToString>,
    {
        let parsed = value::parse(name)?;
        let entries = self.find(section).1;
        if entries.is_some_and(|entries| entries.contains_key(name)) {
            return Ok(parsed);
        }
        let names = entries.into_iter().flat_map(DeTable::keys).take(COMPARED.0);
        let names = names.map(|name| name.get_ref().as_ref());
        let compared = self.errors.borrow().len() < COMPARED.1;
        Err(Wrong {
            reason: format!("[{section}] has no {:?}", value::cut(name)),
            suggestion: compared.then(|| nearest(name, names)).flatten(),
            at: None,
        })
    }

    fn push(&self, offset: usize, key: KeyPath, wrong: Wrong) {
        if self.errors.borrow().len() >= SiteErrors::MOST {
            return;
        }
        let error = SiteError {
            place: None,
            key,
            reason: wrong.reason,
            suggestion: wrong.suggestion,
        };
        self.errors.borrow_mut().push((offset, error));
    }

    /// Where that key stands, or the nearest key above it; and the table there, if it is one.
    fn find(&self, path: &KeyPath) -> (usize, Option<&DeTable<'f>>) {
        let mut offset = 0;
        let mut table = Some(&self.top);
        let mut list = None;
        for key in &path.0 {
            let (next, value) = match key {
                Key::Name(name) => match table.and_then(|t| t.get_key_value(name.as_str())) {
                    Some((name, value)) => (name.span().start, value),
                    None => return (offset, None),
                },
                Key::Index(index) => match list.and_then(|l: &DeArray<'f>| l.get(*index)) {
                    Some(value) => (value.span().start, value),
                    None => return (offset, None),
                },
            };
            offset = next;
            table = value.get_ref().as_table();
            list = value.get_ref().as_array();
        }
        (offset, table)
    }
}
