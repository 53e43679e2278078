//! Events as lines: for people, or one JSON object each.

use std::fmt::Write as _;
use std::time::Duration;

use coldspare::Event;
use coldspare::{Told, What};
use coldspare_names::Time;
use serde::{Deserialize, Serialize};

/// An event as `--json` prints it: seconds first, then the event itself.
#[derive(Serialize, Deserialize)]
struct Line<E> {
    at: f64,
    #[serde(flatten)]
    event: E,
}

/// One JSON object.
pub fn json(told: &Told) -> String {
    let line = Line {
        at: seconds(told.at.since_epoch()),
        event: &told.event,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// The event that was printed so; none if the line is something else.
pub fn read(line: &str) -> Option<Told> {
    let Line { at, event } = serde_json::from_str::<Line<Event>>(line).ok()?;
    // It was told to the millisecond.
    let at = Duration::try_from_secs_f64(at).ok()? + Duration::from_micros(500);
    let at = Duration::from_millis(u64::try_from(at.as_millis()).ok()?);
    let at = Time::after_epoch(at);
    Some(Told { at, event })
}

/// Seconds, to the millisecond, so that equal runs print equal bytes.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// A line for people; with `explain`, followed by why it was decided so.
pub fn line(told: &Told, explain: bool) -> String {
    let event = &told.event;
    let what = serde_json::to_value(event.event).unwrap_or_default();
    let mark = match event.event {
        What::Fault => "!",
        What::Alarm | What::OperatorNeeded | What::Waiting | What::Held | What::Refused => "?",
        What::Restored | What::Redistributed => "*",
        _ => " ",
    };
    let what = what.as_str().unwrap_or_default().to_owned();
    let mut line = format!(
        "{:>9} {mark} {what:<18} {}",
        clock(told.at.since_epoch()),
        event.about
    );
    if let Some(status) = &event.status {
        let _ = write!(line, " [{status}]");
    }
    if let Some(reason) = &event.reason {
        let _ = write!(line, ": {reason}");
    }
    if explain {
        for because in &event.explanation {
            let _ = write!(line, "\n{:>32}{because}", "- ");
        }
    }
    line
}

/// Minutes and seconds, as on a stop watch.
pub fn clock(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_as_json_can_be_read_back() {
        let told = Told {
            at: Time::after_epoch(Duration::from_millis(1_795_379_593_017)),
            event: Event::new(What::PoweredOn)
                .server(&"r2".parse().unwrap())
                .because("it reads On"),
        };
        let line = json(&told);
        assert_eq!(read(&line), Some(told));
        assert_eq!(read(r#"{"timestamp":"2026-11-22","level":"INFO"}"#), None);
        assert_eq!(read("cannot run"), None);
    }
}
