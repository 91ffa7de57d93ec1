//! Events of the feed, for the terminal.

use super::{table::labelled, terminal};
use crate::domain::{
    instant::{OccurredAt, ticks_of_timestamp},
    json::{self, Object},
    label::Labels,
    log::StoredEvent,
};

/// Longest text shown, in characters.
const MAX_CHARS: usize = 200;

/// One event in one line: position, when, what, of which ticket, by whom, and the fields that it declares
/// as changed.
pub fn line(stored: &StoredEvent, labels: &Labels) -> String {
    let event = &stored.event;
    let ticks = (event.occurred_at.as_ref())
        .map_or_else(|| ticks_of_timestamp(stored.received_at), OccurredAt::ticks);
    let occurred_at = event
        .occurred_at
        .as_ref()
        .map_or("(no instant)", |at| at.as_utc());
    let name = terminal::start(event.name.as_bytes(), MAX_CHARS);
    let entity = event
        .primary_key
        .map_or_else(String::new, |key| format!(" {key}"));
    let by = event.actor.map_or_else(String::new, |actor| {
        let label = labels.of_actor(Some(actor), ticks);
        format!(" by {}", labelled(actor.0.to_string(), label))
    });
    let declared = declared(&stored.body);
    let colon = if declared.is_empty() { "" } else { ": " };
    format!(
        "{:>8}  {occurred_at:<28}  {name}{entity}{by}{colon}{declared}",
        stored.position.0
    )
}

/// The names in `Changes`, in the sender's order.
fn declared(body: &[u8]) -> String {
    let object = Object::parse(body).unwrap_or_default();
    let names = object.find("Changes").and_then(json::texts);
    terminal::start(names.unwrap_or_default().join(", ").as_bytes(), MAX_CHARS)
}
