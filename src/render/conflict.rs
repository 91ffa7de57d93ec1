//! Conflicts, for the terminal and as JSON.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    csv::{self, Cell},
    parked::{came_from, seconds},
    terminal,
};
use crate::domain::{
    conflict::{ConflictSummary, Difference, OtherBody},
    ids::{EventId, Position, TicketId},
    log::StoredEvent,
};

/// Longest value shown, in characters; `events/{event_id}` of the API has all.
const MAX_CHARS: usize = 200;

/// One conflict in a list.
#[derive(Debug, Serialize)]
pub struct ConflictJson {
    event_id: EventId,
    position: Position,
    ticket: Option<TicketId>,
    event: String,
    deliveries: i64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl From<ConflictSummary> for ConflictJson {
    fn from(conflict: ConflictSummary) -> Self {
        Self {
            event_id: conflict.event_id,
            position: conflict.position,
            ticket: conflict.ticket,
            event: conflict.name,
            deliveries: conflict.deliveries,
            first_at: conflict.first_at,
            last_at: conflict.last_at,
        }
    }
}

impl csv::Table for ConflictJson {
    const COLUMNS: &'static [&'static str] = &[
        "event_id",
        "position",
        "ticket",
        "event",
        "deliveries",
        "first_at",
        "last_at",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            self.event_id.into(),
            self.position.into(),
            self.ticket.into(),
            Cell::from(&self.event),
            self.deliveries.into(),
            self.first_at.into(),
            self.last_at.into(),
        ]]
    }
}

/// A list as a table that fits the terminal.
pub fn list(conflicts: &[ConflictSummary]) -> String {
    let mut table = table();
    table.set_header([
        "event",
        "position",
        "ticket",
        "name",
        "other bodies came",
        "times",
    ]);
    for conflict in conflicts {
        let ticket = conflict.ticket.map(|ticket| ticket.to_string());
        let (first, last) = (seconds(conflict.first_at), seconds(conflict.last_at));
        let came = if first == last {
            first
        } else {
            format!("{first}\nto {last}")
        };
        table.add_row([
            conflict.event_id.to_string(),
            conflict.position.0.to_string(),
            ticket.unwrap_or_default(),
            terminal::start(conflict.name.as_bytes(), MAX_CHARS),
            came,
            conflict.deliveries.to_string(),
        ]);
    }
    table.to_string()
}

/// One event and what the other bodies under its id say differently.
pub fn show(stored: &StoredEvent, others: &[OtherBody]) -> String {
    let event = &stored.event;
    let ticket = event
        .ticket
        .map_or_else(String::new, |ticket| format!(", ticket {ticket}"));
    let mut text = format!(
        "Event {} of {}, position {}, {}{ticket}\n\
         The first body counts: received {} through {}.\n",
        event.event_id,
        event.tenant,
        stored.position.0,
        terminal::start(event.name.as_bytes(), MAX_CHARS),
        seconds(stored.received_at),
        came_from(&stored.origin),
    );
    for other in others {
        let times = match other.deliveries {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "\nOther body, first received {} through {}, {times}, SHA-256 {}\n{}\n",
            seconds(other.received_at),
            terminal::escaped(other.came_from.as_bytes()),
            terminal::hex(&other.sha256),
            differences(&other.differences),
        );
    }
    text.truncate(text.trim_end().len());
    text
}

fn differences(differences: &[Difference]) -> String {
    let value = |json: &Option<String>| match json {
        Some(json) => terminal::start(json.as_bytes(), MAX_CHARS),
        None => "(absent)".to_owned(),
    };
    let mut table = table();
    table.set_header(["key", "first (counts)", "other"]);
    for difference in differences {
        table.add_row([
            path(&difference.path),
            value(&difference.stored),
            value(&difference.other),
        ]);
    }
    table.to_string()
}

/// `FieldValues.status`; the whole body has no key.
fn path(keys: &[String]) -> String {
    if keys.is_empty() {
        return "(whole body)".to_owned();
    }
    terminal::start(keys.join(".").as_bytes(), MAX_CHARS)
}

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}
