//! What is logged: on standard error, for people or as one object a line.

use std::io::{self, Write};

use coldspare::{Event, Told, What};
use coldspare_examples::tell;
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::Level;

use crate::arguments::LogFormat;

/// Begins to log.
pub(crate) fn begin(format: LogFormat, least: Level) {
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(least)
        .with_target(false);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Logs what a controller tells, until it has ended.
pub(crate) async fn tell(mut told: UnboundedReceiver<Told>, format: LogFormat) {
    while let Some(told) = told.recv().await {
        match format {
            LogFormat::Text => log(&told.event),
            LogFormat::Json => {
                let is_wanted = match told.event.event {
                    What::Alarm | What::OperatorNeeded => tracing::enabled!(Level::WARN),
                    _ => tracing::enabled!(Level::INFO),
                };
                if is_wanted {
                    // Nobody reads the log: the site is looked after all the same.
                    let _ = writeln!(io::stderr(), "{}", tell::json(&told));
                }
            }
        }
    }
}

fn log(event: &Event) {
    let what = serde_json::to_value(event.event).unwrap_or_default();
    let what = what.as_str().unwrap_or_default().to_owned();
    let about = event.about.to_string();
    let (status, reason) = (event.status.as_deref(), event.reason.as_deref());
    match event.event {
        What::Alarm | What::OperatorNeeded => {
            tracing::warn!(event = what, about, status, reason);
        }
        _ => tracing::info!(event = what, about, status, reason),
    }
    for because in &event.explanation {
        tracing::debug!(event = what, about, because);
    }
}

/// An error and all its causes in one line.
pub(crate) fn in_full(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let lines: Vec<_> = causes.map(ToString::to_string).collect();
    lines.join(": ")
}
