//! Timelines for the terminal.

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

use super::terminal;
use crate::domain::{
    completeness::Confidence,
    fields::Value,
    history::{Change, Entry, Kind},
    instant::OccurredAt,
    label::Labels,
};

/// Longest label shown, in characters.
const LABEL_CHARS: usize = 60;

/// A timeline as a table that fits the terminal: when, who, what became of the ticket, which fields
/// moved, and what is in doubt. Ids stand before their labels, like `1 Active`.
pub fn timeline(entries: &[Entry], labels: &Labels) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["when (UTC)", "actor", "event", "changes", "in doubt"]);
    for entry in entries {
        let ticks = entry.occurred_at.ticks();
        let actor = entry.actor.map_or_else(String::new, |actor| {
            labelled(actor.0.to_string(), labels.of_actor(Some(actor), ticks))
        });
        let lines = entry.changes.iter();
        let lines: Vec<String> = lines
            .map(|change| change_line(change, labels, ticks))
            .collect();
        table.add_row([
            instant(&entry.occurred_at),
            actor,
            event(entry),
            lines.join("\n"),
            doubt(entry),
        ]);
    }
    table.to_string()
}

/// An instant in UTC, without its letters.
pub(super) fn instant(at: &OccurredAt) -> String {
    plain(&at.as_utc().replace('T', " ").replace('Z', ""))
}

fn event(entry: &Entry) -> String {
    let word = match (&entry.repeats, entry.lifecycle) {
        (Some(original), _) => format!("repeats {original}"),
        (None, Some(lifecycle)) => lifecycle.as_str().to_owned(),
        (None, None) => plain(entry.name.strip_prefix("ticket.").unwrap_or(&entry.name)),
    };
    if entry.late {
        format!("{word}\n(late)")
    } else {
        word
    }
}

pub(super) fn change_line(change: &Change, labels: &Labels, ticks: i64) -> String {
    let field = plain(&change.field);
    let shown = |value| labelled(shown(value), labels.of_value(&change.field, value, ticks));
    let to = || change.to.as_ref().map_or_else(String::new, shown);
    let undeclared = if change.declared || change.kind == Kind::Initial {
        ""
    } else {
        " (undeclared)"
    };
    match (&change.from, change.kind) {
        (_, Kind::NotSent) => format!("{field}: value not sent"),
        (_, Kind::Touched) => format!("{field}: {} (no change)", to()),
        (Some(from), _) => format!("{field}: {} → {}{undeclared}", shown(from), to()),
        (None, Kind::Initial) => format!("{field}: {}", to()),
        (None, _) => format!("{field}: ? → {}{undeclared}", to()),
    }
}

fn doubt(entry: &Entry) -> String {
    let confidence = entry.completeness.confidence();
    if confidence == Confidence::Consistent {
        return String::new();
    }
    let reasons: Vec<&str> = entry
        .completeness
        .reasons
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    format!("{}: {}", confidence.as_str(), reasons.join(", "))
}

/// An id with its label, if it has one; the label can neither obey nor pass for more than a label.
pub(super) fn labelled(id: String, label: Option<&str>) -> String {
    match label {
        Some(label) => format!("{id} {}", terminal::start(label.as_bytes(), LABEL_CHARS)),
        None => id,
    }
}

/// A value as people read it; texts without their quotes.
pub(super) fn shown(value: &Value) -> String {
    plain(
        &value
            .as_text()
            .unwrap_or_else(|| value.as_json().to_owned()),
    )
}

/// Text that cannot move the cursor, colour the screen or break the table: what the sender's users typed
/// is not for the terminal to obey.
pub(super) fn plain(text: &str) -> String {
    /// Longest text shown, in characters; `--json` shows all.
    const MAX_CHARS: usize = 200;
    start(text, MAX_CHARS)
}

/// At most so many characters of a text, then `…` if there are more; each control character as U+FFFD.
pub(super) fn start(text: &str, max_chars: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(max_chars)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().nth(max_chars).is_some() {
        shown.push('…');
    }
    shown
}
