//! Reads a TOML text table by table, and remembers everything that is wrong on the way.
//!
//! A reader that stops at the first error makes an operator start it ten times. So nothing here
//! stops: what cannot be read is reported and comes back as `None`, and whoever reads a table
//! asks for all its values before using any.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::document::Document;
use super::error::{KeyPath, SiteErrors};
use super::value::{self, Value, Wrong, nearest};

/// One form of a table: the word that tells it, and how it is read.
pub(super) type Form<'d, T> = (&'static str, fn(&mut Table<'d>) -> Option<T>);

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Table<'d> {
    document: &'d Document<'d>,
    path: KeyPath,
    entries: &'d DeTable<'d>,
    asked: Vec<&'static str>,
    rest_ignored: bool,
}

impl<'d> Table<'d> {
    /// Reads a table, then names the keys that nobody asked for.
    pub(super) fn read<T>(
        document: &'d Document<'d>,
        path: KeyPath,
        entries: &'d DeTable<'d>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut table = Self {
            document,
            path,
            entries,
            asked: Vec::new(),
            rest_ignored: false,
        };
        let result = read(&mut table);
        let keys = entries.keys().map(|key| key.get_ref().as_ref());
        let unknown = keys.filter(|key| !table.rest_ignored && !table.asked.contains(key));
        for key in unknown.take(SiteErrors::MOST) {
            let wrong = Wrong {
                reason: "this key is not known here".to_owned(),
                suggestion: nearest(key, table.asked.iter().copied()),
                at: None,
            };
            table.report(key, wrong);
        }
        result
    }

    /// Reports something wrong at a path that begins with one of its keys.
    pub(super) fn report_at(&self, path: KeyPath, wrong: impl Into<Wrong>) {
        let mut whole = self.path.clone();
        whole.0.extend(path.0);
        self.document.report(whole, wrong);
    }

    /// Reports something wrong with one of its keys.
    pub(super) fn report(&self, key: &str, wrong: impl Into<Wrong>) {
        self.document.report(self.path.then(key), wrong);
    }

    /// Reports something wrong with the table as a whole.
    pub(super) fn report_whole(&self, wrong: impl Into<Wrong>) {
        self.document.report(self.path.clone(), wrong);
    }

    /// Lets every key pass that nobody asked for.
    pub(super) fn ignore_rest(&mut self) {
        self.rest_ignored = true;
    }

    /// Whether it has that key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The result, if it is one; else what is wrong is reported.
    fn told<T>(&self, path: &KeyPath, result: Result<T, Wrong>) -> Option<T> {
        let report = |wrong| self.document.report(path.clone(), wrong);
        result.map_err(report).ok()
    }

    /// The value of a key that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'d Value<'d>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.asked.push(key);
        let value = self.entries.get(key)?;
        self.told(&self.path.then(key), read(value))
    }

    /// The value of a key that must be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'d Value<'d>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.require(key);
        self.optional(key, read)
    }

    fn require(&self, key: &'static str) {
        if !self.has(key) {
            self.report_whole(format!("the key {key:?} is missing"));
        }
    }

    /// A table inside it that may be absent.
    pub(super) fn optional_table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'d>) -> T,
    ) -> Option<T> {
        let entries = self.optional(key, value::table)?;
        Some(self.open(key, entries, read))
    }

    /// A table inside it that has been found already.
    pub(super) fn open<T>(
        &self,
        key: &'static str,
        entries: &'d DeTable<'d>,
        read: impl FnOnce(&mut Table<'d>) -> T,
    ) -> T {
        Table::read(self.document, self.path.then(key), entries, read)
    }

    /// A table inside it that must be there.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'d>) -> Option<T>,
    ) -> Option<T> {
        self.require(key);
        self.optional_table(key, read).flatten()
    }

    /// A list of tables: `[[nics]]`. Absent means empty.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Table<'d>) -> Option<T>,
    ) -> Vec<T> {
        let list = self.optional(key, value::items).into_iter().flatten();
        let path = self.path.then(key);
        let one = |(index, value): (usize, &'d Value<'d>)| {
            let path = path.then(index);
            let entries = self.told(&path, value::table(value))?;
            Table::read(self.document, path, entries, &mut read)
        };
        list.enumerate().filter_map(one).collect()
    }

    /// A table of tables, each under its name: `[servers.r720-1]`. Absent means empty.
    pub(super) fn named<N, T>(
        &mut self,
        key: &'static str,
        read: impl FnMut(&N, &mut Table<'d>) -> Option<T>,
    ) -> BTreeMap<N, T>
    where
        N: FromStr<Err: ToString> + Ord,
    {
        self.each_table(key, value::parse, read)
    }

    /// The same for names that the file describes in that section.
    pub(super) fn named_of<N, T>(
        &mut self,
        key: &'static str,
        section: &KeyPath,
        read: impl FnMut(&N, &mut Table<'d>) -> Option<T>,
    ) -> BTreeMap<N, T>
    where
        N: FromStr<Err: ToString> + Ord,
    {
        let document = self.document;
        self.each_table(key, |name| document.known(section, name), read)
    }

    fn each_table<N: Ord, T>(
        &mut self,
        key: &'static str,
        name: impl Fn(&str) -> Result<N, Wrong>,
        mut read: impl FnMut(&N, &mut Table<'d>) -> Option<T>,
    ) -> BTreeMap<N, T> {
        let mut found = BTreeMap::new();
        let path = self.path.then(key);
        for (written, value) in self.optional(key, value::table).into_iter().flatten() {
            let path = path.then(written.get_ref().as_ref());
            let name = self.told(&path, name(written.get_ref()));
            let entries = self.told(&path, value::table(value));
            let (Some(name), Some(entries)) = (name, entries) else {
                continue;
            };
            match found.entry(name) {
                // Names that differ in case only may be one name.
                Entry::Occupied(_) => self.document.report(path, "another key names the same"),
                Entry::Vacant(free) => {
                    let read = |table: &mut Table<'d>| read(free.key(), table);
                    if let Some(entry) = Table::read(self.document, path, entries, read) {
                        free.insert(entry);
                    }
                }
            }
        }
        found
    }

    /// One of several forms of the table, told by the word under that key.
    pub(super) fn choose<T>(&mut self, key: &'static str, forms: &[Form<'d, T>]) -> Option<T> {
        let chosen = self.required(key, |value| {
            let given = value::string(value)?;
            let form = forms.iter().find(|(word, _)| *word == given);
            form.map(|(_, read)| read).ok_or_else(|| {
                let words: Vec<_> = forms.iter().map(|(word, _)| *word).collect();
                Wrong {
                    reason: format!("it is none of {}", words.join(", ")),
                    suggestion: nearest(given, words),
                    at: None,
                }
            })
        });
        let Some(read) = chosen else {
            self.ignore_rest();
            return None;
        };
        read(self)
    }

    /// All keys not asked for so far, as a value in which each of them may be absent.
    pub(super) fn rest<T: DeserializeOwned + Default>(&mut self) -> T {
        self.rest_ignored = true;
        let mut rest = DeTable::new();
        for (key, value) in self.entries {
            if self.asked.contains(&key.get_ref().as_ref()) {
                continue;
            }
            // Alone first, so that each wrong key is told, and not the first one only.
            let alone = DeTable::from_iter([(key.clone(), value.clone())]);
            match value::deserialize::<T>(alone, value.span()) {
                Ok(_) => drop(rest.insert(key.clone(), value.clone())),
                Err(wrong) => self.report(key.get_ref(), wrong),
            }
        }
        let whole = value::deserialize(rest, 0..0);
        self.told(&self.path, whole).unwrap_or_default()
    }

    /// Every value of the table, by its key.
    pub(super) fn values<N, T>(
        &mut self,
        read: impl Fn(&'d Value<'d>) -> Result<T, Wrong>,
    ) -> BTreeMap<N, T>
    where
        N: FromStr<Err: ToString> + Ord,
    {
        self.each(|_, name, value| Ok((value::parse(name)?, read(value)?)))
    }

    fn each<N: Ord, T>(
        &mut self,
        read: impl Fn(&Document<'d>, &str, &'d Value<'d>) -> Result<(N, T), Wrong>,
    ) -> BTreeMap<N, T> {
        self.rest_ignored = true;
        let one = |(name, value): (&Spanned<DeString<'d>>, &'d Value<'d>)| {
            let name = name.get_ref().as_ref();
            self.told(&self.path.then(name), read(self.document, name, value))
        };
        self.entries.iter().filter_map(one).collect()
    }

    /// Every value of the table, by its key, which is a name that the file describes in that section.
    pub(super) fn values_of<N, T>(
        &mut self,
        section: &str,
        read: impl Fn(&N, &'d Value<'d>) -> Result<T, Wrong>,
    ) -> BTreeMap<N, T>
    where
        N: FromStr<Err: ToString> + Ord,
    {
        let section = KeyPath::from(section);
        self.each(|document, name, value| {
            let name = document.known(&section, name)?;
            let value = read(&name, value)?;
            Ok((name, value))
        })
    }

    /// Reads the name of something that the file describes in that section.
    pub(super) fn one_of<N, S>(
        &self,
        section: S,
    ) -> impl Fn(&'d Value<'d>) -> Result<N, Wrong> + use<'d, N, S>
    where
        N: FromStr<Err: ToString>,
        S: Into<KeyPath>,
    {
        let (document, section) = (self.document, section.into());
        move |value| document.known(&section, value::string(value)?)
    }
}
