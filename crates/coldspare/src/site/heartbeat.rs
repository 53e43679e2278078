//! The limits by which servers are judged: `[heartbeat]`. What is left out keeps its default.

use std::time::Duration;

use coldspare_heartbeat::{Error, Profile};

use super::reader::Table;
use super::value::duration;

pub(super) fn read(table: &mut Table<'_>) -> Profile {
    let mut profile = Profile::default();
    let mut set = |key, limit: &mut Duration| {
        *limit = table.optional(key, duration).unwrap_or(*limit);
    };
    set("period", &mut profile.period);
    set("path-silence", &mut profile.path_silence);
    set("silence", &mut profile.silence);
    set("probe-every", &mut profile.probe_every);
    set("answer-limit", &mut profile.answer_limit);
    set("ask-again", &mut profile.ask_again);
    set("idle-limit", &mut profile.idle_limit);
    set("disk-silence", &mut profile.disk_silence);
    set("san-limit", &mut profile.san_limit);
    set("ceiling", &mut profile.ceiling);
    set("window", &mut profile.window);
    set("linger", &mut profile.linger);
    set("lateness", &mut profile.lateness);
    match profile.check() {
        Ok(()) => {}
        Err(Error::Profile { field, reason }) => table.report(&field.replace('_', "-"), reason),
        Err(error) => table.report_whole(error.to_string()),
    }
    profile
}
