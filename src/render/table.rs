//! Timelines for the terminal.

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};

use crate::domain::{
    completeness::Confidence,
    fields::Value,
    history::{Change, Entry, Kind},
};

/// A timeline as a table that fits the terminal: when, who, what became of the ticket, which fields
/// moved, and what is in doubt.
pub fn timeline(entries: &[Entry]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["when (UTC)", "actor", "event", "changes", "in doubt"]);
    for entry in entries {
        let actor = entry
            .actor
            .map_or_else(String::new, |actor| actor.0.to_string());
        let lines: Vec<String> = entry.changes.iter().map(change_line).collect();
        table.add_row([
            plain(
                &entry
                    .occurred_at
                    .as_utc()
                    .replace('T', " ")
                    .replace('Z', ""),
            ),
            actor,
            event(entry),
            lines.join("\n"),
            doubt(entry),
        ]);
    }
    table.to_string()
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

fn change_line(change: &Change) -> String {
    let field = plain(&change.field);
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

/// A value as people read it; texts without their quotes.
fn shown(value: &Value) -> String {
    plain(
        &value
            .as_text()
            .unwrap_or_else(|| value.as_json().to_owned()),
    )
}

/// Text that cannot move the cursor, colour the screen or break the table: what the sender's users typed
/// is not for the terminal to obey.
fn plain(text: &str) -> String {
    /// Longest text shown, in characters; `--json` shows all.
    const MAX_CHARS: usize = 200;
    let mut shown: String = text
        .chars()
        .take(MAX_CHARS)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
