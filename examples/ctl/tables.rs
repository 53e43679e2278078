//! Answers for people.

use std::fmt::Write as _;

use coldspare::{Overview, PersonaOverview, Reply, ServerOverview};
use coldspare_examples::preview;
use serde::Serialize;

/// What the controller says.
pub(crate) fn text(reply: &Reply) -> String {
    match reply {
        Reply::Accepted(text) => format!("{text}\n"),
        Reply::AlreadySo => "it is so already\n".to_owned(),
        Reply::Refused(reason) => format!("refused: {reason}\n"),
        Reply::Status(overview) => status(overview),
        Reply::Preview(preview) => preview::text(preview),
        Reply::Difference(changes) if changes.is_empty() => "nothing differs\n".to_owned(),
        Reply::Difference(changes) => {
            let lines: Vec<_> = changes.iter().map(ToString::to_string).collect();
            lines.join("\n") + "\n"
        }
    }
}

fn status(overview: &Overview) -> String {
    let mut text = String::new();
    if overview.paused {
        text.push_str("PAUSED: nothing new is begun\n\n");
    }
    let heads = ["PERSONA", "POOL", "STATE", "WANTED", "HOME", "GENERATION"];
    let personas: Vec<_> = overview.personas.iter().map(persona).collect();
    text.push_str(&table(&heads.map(str::to_owned), &personas));
    for of in &overview.personas {
        for step in &of.doing {
            let _ = writeln!(text, "  {}: {step}", of.persona);
        }
        if let Some(reason) = &of.waits_for {
            let _ = writeln!(text, "  {} waits: {reason}", of.persona);
        }
    }
    text.push('\n');
    let heads = ["SERVER", "POOL", "POWER", "VERDICT", "FIT", "WEARS"];
    let servers: Vec<_> = overview.servers.iter().map(server).collect();
    text.push_str(&table(&heads.map(str::to_owned), &servers));
    text
}

fn persona(of: &PersonaOverview) -> [String; 6] {
    [
        of.persona.to_string(),
        of.pool.to_string(),
        of.state.map_or_else(|| "?".to_owned(), |it| it.to_string()),
        of.wanted.as_ref().map_or_else(|| "?".to_owned(), word),
        or_none(of.home.as_ref()),
        of.generation.to_string(),
    ]
}

fn server(of: &ServerOverview) -> [String; 6] {
    let fit = match (of.maintenance, of.scrubbed) {
        (true, _) => "in maintenance",
        (false, true) => "scrubbed",
        (false, false) => "-",
    };
    [
        of.server.to_string(),
        of.pool.to_string(),
        word(&of.power),
        of.verdict.as_ref().map_or_else(|| "-".to_owned(), word),
        fit.to_owned(),
        or_none(of.wears.as_ref()),
    ]
}

fn or_none(name: Option<&impl ToString>) -> String {
    name.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// The word by which a value is known in JSON.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("?").to_owned()
}

fn table<const COLUMNS: usize>(heads: &[String; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| {
        let rows = rows.iter().chain([heads]);
        rows.map(|row| row[column].chars().count()).max()
    };
    let widths: [_; COLUMNS] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let mut text = String::new();
    for row in [heads].into_iter().chain(rows) {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}
