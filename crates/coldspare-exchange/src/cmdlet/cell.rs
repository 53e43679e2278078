//! A place in the JSON that a shell wrote: lenient on form, strict on meaning.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::BadInput;

/// A value and where it stands.
pub(super) struct Cell<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Cell<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        let path = String::new();
        Self { path, value }
    }

    pub(super) fn bad(&self, reason: impl Display) -> BadInput {
        let path = if self.path.is_empty() {
            "the document"
        } else {
            &self.path
        };
        BadInput {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// A property; one that is missing is null.
    pub(super) fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{name}", self.path),
            value: self.value.get(name).unwrap_or(&Value::Null),
        }
    }

    /// A list; one element may stand alone, none is null.
    pub(super) fn list(&self) -> Vec<Self> {
        match self.value {
            Value::Null => Vec::new(),
            Value::Array(values) => {
                let elements = values.iter().enumerate();
                let element = |(index, value)| Self {
                    path: format!("{}[{index}]", self.path),
                    value,
                };
                elements.map(element).collect()
            }
            value => vec![Self {
                path: self.path.clone(),
                value,
            }],
        }
    }

    /// The only element.
    pub(super) fn only(&self) -> Result<Self, BadInput> {
        let mut elements = self.list();
        match (elements.pop(), elements.is_empty()) {
            (Some(element), true) if element.value.is_object() => Ok(element),
            (Some(_), true) => Err(self.bad("an object is expected")),
            (None, _) => Err(self.bad("it is missing")),
            (Some(_), false) => Err(self.bad("there is more than one")),
        }
    }

    /// A text; an enumeration that came through remoting is an object with the name in `Value`.
    pub(super) fn text(&self) -> Result<Option<String>, BadInput> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Object(_) => match self.value.get("Value") {
                Some(Value::String(text)) => Ok(Some(text.clone())),
                _ => Err(self.bad("a text is expected, not an object: project it with [string]")),
            },
            Value::Number(_) => Err(self.bad(
                "a name is expected, not a number, which differs between versions: project it with [string]",
            )),
            _ => Err(self.bad("a text is expected")),
        }
    }

    /// Something that has a name.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self) -> Result<Option<T>, BadInput> {
        let text = self.text()?;
        text.map(|text| text.parse().map_err(|error| self.bad(error)))
            .transpose()
    }

    pub(super) fn required<T: FromStr<Err: Display>>(&self) -> Result<T, BadInput> {
        self.parsed()?.ok_or_else(|| self.bad("it is missing"))
    }

    /// One of a few names.
    pub(super) fn value<T: DeserializeOwned>(&self) -> Result<Option<T>, BadInput> {
        let text = self.text()?.map(Value::String);
        text.map(|text| serde_json::from_value(text).map_err(|error| self.bad(error)))
            .transpose()
    }

    pub(super) fn flag(&self) -> Result<Option<bool>, BadInput> {
        match self.value {
            Value::Null => Ok(None),
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            _ => Err(self.bad("true or false is expected")),
        }
    }

    pub(super) fn number(&self) -> Result<Option<u64>, BadInput> {
        let number = match self.value {
            Value::Null => return Ok(None),
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let expected = "a whole number is expected that is not negative";
        number.map(Some).ok_or_else(|| self.bad(expected))
    }

    /// A span of time as .NET prints it, `[-][d.]hh:mm:ss[.fffffff]`; a negative one is endless,
    /// and so none.
    pub(super) fn duration(&self) -> Result<Option<Duration>, BadInput> {
        let Some(text) = self.text()? else {
            return Ok(None);
        };
        if text.starts_with('-') {
            return Ok(None);
        }
        let expected = "a span of time is expected, as in 7.00:00:00";
        span(&text).map(Some).ok_or_else(|| self.bad(expected))
    }
}

fn span(text: &str) -> Option<Duration> {
    let [hours, minutes, seconds] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (seconds, _ticks) = seconds.split_once('.').unwrap_or((seconds, ""));
    let number = |text: &str, below: u64| text.parse::<u64>().ok().filter(|number| *number < below);
    let (days, hours) = (number(days, 100_000)?, number(hours, 24)?);
    let (minutes, seconds) = (number(minutes, 60)?, number(seconds, 60)?);
    Some(Duration::from_secs(
        ((days * 24 + hours) * 60 + minutes) * 60 + seconds,
    ))
}
