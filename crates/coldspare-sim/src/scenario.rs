//! The scenario file: how fast things go, and what breaks when.

mod entries;
mod read;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use coldspare::site::{KeyPath, Site, SiteError, SiteErrors};
use serde::Serialize;

use crate::{Fault, Latency};

/// What happens to a data centre, and for how long it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// How long the run is.
    pub duration: Duration,
    /// How long things take.
    pub latency: Latency,
    /// What breaks, in the order of the file.
    #[serde(rename = "fault")]
    pub faults: Vec<Fault>,
}

/// The longest text that is taken.
const LONGEST: u64 = 1 << 20;

impl Scenario {
    /// A run of that length in which nothing breaks.
    pub fn quiet(duration: Duration) -> Self {
        Self {
            duration,
            latency: Latency::default(),
            faults: Vec::new(),
        }
    }

    /// Reads a scenario file. Everything that it names is in that site.
    pub fn load(path: impl AsRef<Path>, site: &Site) -> Result<Self, SiteErrors> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let mut bytes = Vec::new();
        let opened = File::open(path);
        let read = opened.and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(whole(&file, format!("it cannot be read: {error}")));
        }
        if bytes.len() as u64 > LONGEST {
            return Err(whole(
                &file,
                "it is longer than 1 MiB: no scenario is".to_owned(),
            ));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&text, &file, site),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                Err(whole(
                    &file,
                    format!("it is not text in UTF-8: byte {good}"),
                ))
            }
        }
    }

    /// Reads the text of a scenario; `file` is what errors call it.
    pub fn parse(text: &str, file: &str, site: &Site) -> Result<Self, SiteErrors> {
        if text.trim().is_empty() {
            return Err(whole(file, "it is empty".to_owned()));
        }
        read::scenario(text, site).map_err(|errors| SiteErrors {
            file: file.to_owned(),
            errors,
        })
    }
}

fn whole(file: &str, reason: String) -> SiteErrors {
    let error = SiteError {
        place: None,
        key: KeyPath::default(),
        reason,
        suggestion: None,
    };
    SiteErrors {
        file: file.to_owned(),
        errors: vec![error],
    }
}

#[cfg(test)]
mod tests;
