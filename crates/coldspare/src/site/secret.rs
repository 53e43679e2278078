//! Where a secret is. A site file is copied, mailed and versioned, so it never holds one.

use std::fmt;
use std::io;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::reader::Table;
use super::value::{self, Value, Wrong, absolute};

/// Where a secret is to be found: `{ env = "NAME" }` or `{ file = "/path" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretRef {
    /// In that environment variable.
    Env(String),
    /// In that file, by its absolute path; a line end at its end is not part of the secret.
    File(PathBuf),
}

impl SecretRef {
    /// Fetches the secret.
    ///
    /// An empty one is refused: it protects nothing, and comes from a variable that was meant to
    /// be set.
    pub fn read(&self) -> io::Result<SecretString> {
        let secret = match self {
            Self::Env(name) => std::env::var(name)
                .map(SecretString::from)
                .map_err(|_| io::Error::new(io::ErrorKind::NotFound, "it is not set"))?,
            Self::File(path) => {
                let whole = SecretString::from(std::fs::read_to_string(path)?);
                SecretString::from(whole.expose_secret().trim_end_matches(['\r', '\n']))
            }
        };
        if secret.expose_secret().is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"));
        }
        Ok(secret)
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// Reads a reference. Nothing that stands in its place is ever repeated: it may be the secret.
pub(super) fn secret(table: &mut Table<'_>, key: &'static str) -> Option<SecretRef> {
    let entries = table.required(key, |value| {
        value::table(value).map_err(|_| {
            "a secret is never written here: say where it is, \
             { env = \"NAME\" } or { file = \"/path\" }"
                .into()
        })
    })?;
    table.open(key, entries, |table| {
        let name = table.optional("env", environment);
        let path = table.optional("file", absolute);
        match (table.has("env"), table.has("file")) {
            (true, false) => name.map(SecretRef::Env),
            (false, true) => path.map(SecretRef::File),
            _ => {
                table.report_whole("a secret is in one place: either env or file");
                None
            }
        }
    })
}

fn environment(value: &Value<'_>) -> Result<String, Wrong> {
    let name = value.get_ref().as_str().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err("env is the name of an environment variable: letters, digits and _".into());
    }
    Ok(name.to_owned())
}
