//! An event as the fold sees it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::{
    fields::{self, Value},
    ids::{Actor, EventId, Position},
    instant::OccurredAt,
    json::{self, Object},
    log::StoredEvent,
};

/// Name of the event that creates a ticket.
pub(super) const CREATED: &str = "ticket.created";

/// One dated event of one ticket, its body taken apart.
#[derive(Debug, Clone)]
pub struct TicketEvent {
    /// Identity.
    pub event_id: EventId,
    /// Place in the log.
    pub position: Position,
    /// `Event` as sent.
    pub name: String,
    /// When the sender says it happened.
    pub occurred_at: OccurredAt,
    /// When it first arrived.
    pub received_at: Timestamp,
    /// Who did it.
    pub actor: Option<Actor>,
    /// The names in `Changes`, as [`fields::name`] has them; empty if it is absent, null or no array.
    pub declared: BTreeSet<String>,
    /// The members of `FieldValues`, by such names; empty if it is absent, null or no object.
    pub carried: BTreeMap<String, Value>,
    /// True if a delivery of this id with other content is known.
    pub conflict: bool,
    /// The body, to tell repeats.
    pub body: Vec<u8>,
}

impl TicketEvent {
    /// Takes an event of the log apart; `None` if it has no readable Timestamp, for then it has no place
    /// in a history.
    pub fn read(stored: StoredEvent, conflict: bool) -> Option<Self> {
        let occurred_at = stored.event.occurred_at?;
        let (declared, carried) = declared_and_carried(&stored.body);
        Some(Self {
            event_id: stored.event.event_id,
            position: stored.position,
            name: stored.event.name,
            occurred_at,
            received_at: stored.received_at,
            actor: stored.event.actor,
            declared,
            carried,
            conflict,
            body: stored.body,
        })
    }

    /// True for `ticket.created`.
    pub fn is_created(&self) -> bool {
        self.name == CREATED
    }
}

/// What a body declares and what it carries, as in [`TicketEvent`].
pub fn declared_and_carried(body: &[u8]) -> (BTreeSet<String>, BTreeMap<String, Value>) {
    let object = Object::parse(body).unwrap_or_default();
    let declared = object.find("Changes").and_then(json::texts);
    let carried = object.find("FieldValues").and_then(Object::of);
    (
        declared
            .unwrap_or_default()
            .iter()
            .map(|name| fields::name(name))
            .collect(),
        carried
            .unwrap_or_default()
            .iter()
            .map(|(name, value)| (fields::name(name), Value::new(value)))
            .collect(),
    )
}
