//! Reads one value of a site file: what `Table::required` and its like are handed.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

/// A value of the file, with its place.
pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// Why a value is refused.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) reason: String,
    pub(super) suggestion: Option<String>,
    /// The byte of the file, if it is known more exactly than by the key.
    pub(super) at: Option<usize>,
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self {
            reason,
            suggestion: None,
            at: None,
        }
    }
}

impl From<&str> for Wrong {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

fn expected(what: &str, value: &Value<'_>) -> Wrong {
    let kind = value.get_ref().type_str();
    format!("expected {what}, found {kind}").into()
}

/// A table.
pub(super) fn table<'d>(value: &'d Value<'d>) -> Result<&'d DeTable<'d>, Wrong> {
    let table = value.get_ref().as_table();
    table.ok_or_else(|| expected("table", value))
}

/// A list, whatever it holds.
pub(super) fn items<'d>(value: &'d Value<'d>) -> Result<&'d DeArray<'d>, Wrong> {
    let items = value.get_ref().as_array();
    items.ok_or_else(|| expected("array", value))
}

/// A text, as it is.
pub(super) fn string<'d>(value: &'d Value<'d>) -> Result<&'d str, Wrong> {
    let string = value.get_ref().as_str();
    string.ok_or_else(|| expected("string", value))
}

/// What a text stands for: a name, an address.
pub(super) fn parse<T: FromStr<Err: ToString>>(text: &str) -> Result<T, Wrong> {
    let refused = |error: T::Err| {
        let reason = cut(&error.to_string());
        let beginning: String = text.chars().take(20).collect();
        // Not every error repeats what it is about.
        if reason.contains(&beginning) {
            reason.into()
        } else {
            format!("{reason}: {:?}", cut(text)).into()
        }
    };
    text.parse().map_err(refused)
}

/// A text that stands for something else.
pub(super) fn text<T: FromStr<Err: ToString>>(value: &Value<'_>) -> Result<T, Wrong> {
    parse(string(value)?)
}

/// Anything that knows how to read itself: a number, a yes or no, a word of an enumeration.
pub(super) fn plain<T: DeserializeOwned>(value: &Value<'_>) -> Result<T, Wrong> {
    T::deserialize(ValueDeserializer::from(value.clone())).map_err(|error| refused(&error))
}

/// The same for a whole table that stands at that place.
pub(super) fn deserialize<T: DeserializeOwned>(
    table: DeTable<'_>,
    place: Range<usize>,
) -> Result<T, Wrong> {
    let value = Spanned::new(place, DeValue::Table(table));
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| refused(&error))
}

/// What serde has to say, with what was probably meant if it lists what it knows.
fn refused(error: &toml::de::Error) -> Wrong {
    let reason = error.message();
    let mut words = reason.split('`').skip(1).step_by(2);
    let unknown = reason
        .starts_with("unknown ")
        .then(|| words.next())
        .flatten();
    Wrong {
        reason: cut(reason),
        suggestion: unknown.and_then(|given| nearest(given, words)),
        at: error.span().map(|span| span.start),
    }
}

/// A path that begins at the root.
pub(super) fn absolute(value: &Value<'_>) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(value.get_ref().as_str().unwrap_or_default());
    if path.is_absolute() {
        Ok(path)
    } else {
        Err("it is an absolute path: it must mean the same wherever a controller starts".into())
    }
}

/// A length of time: `"20m"`, `"1h 30m"`, `"2s"`, `"500ms"`.
pub(super) fn duration(value: &Value<'_>) -> Result<Duration, Wrong> {
    let span = text::<jiff::SignedDuration>(value)?;
    Duration::try_from(span).map_err(|_| "a length of time cannot be negative".into())
}

/// A list of values of one sort.
pub(super) fn list<'d, T>(
    read: impl Fn(&'d Value<'d>) -> Result<T, Wrong>,
) -> impl Fn(&'d Value<'d>) -> Result<Vec<T>, Wrong> {
    move |value| items(value)?.iter().map(&read).collect()
}

/// The longest text that a message repeats.
const QUOTED: usize = 200;

/// The text, if it is short enough to be printed; its beginning otherwise.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The candidate that was probably meant: at most a third of its letters differ.
pub(super) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    // The cost grows with the product of the lengths, and nobody mistypes that much.
    if given.len() > QUOTED {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(given.len()) <= 1 + given.len() / 3)
        .map(|candidate| (strsim::damerau_levenshtein(given, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
