//! What a search finds.

use std::collections::BTreeSet;

use crate::domain::{
    history::Change,
    ids::{Actor, EventId, Position, TicketId},
    instant::OccurredAt,
    label::Labelled,
};

/// A change, with the event that made it.
#[derive(Debug, Clone)]
pub struct FoundChange {
    /// The ticket.
    pub ticket: TicketId,
    /// The event.
    pub event_id: EventId,
    /// Its place among the changes of the event, from 0.
    pub nth: i32,
    /// The event's place in the log.
    pub position: Position,
    /// When the sender says it happened.
    pub occurred_at: OccurredAt,
    /// Who did it.
    pub actor: Option<Actor>,
    /// What happened to which field.
    pub change: Change,
}

/// A ticket that has changes which were asked for.
#[derive(Debug, Clone)]
pub struct FoundTicket {
    /// The ticket.
    pub ticket: TicketId,
    /// How many of its changes were asked for.
    pub changes: i64,
    /// When the first of them happened.
    pub first_at: OccurredAt,
    /// When the last of them happened.
    pub last_at: OccurredAt,
}

/// How many of the changes that were asked for an actor made to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCount {
    /// Who; `None` for nobody named.
    pub actor: Option<Actor>,
    /// The field.
    pub field: String,
    /// How many.
    pub changes: i64,
}

/// Where a list of changes goes on: after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Of its event.
    pub ticks: i64,
    /// Its event.
    pub event_id: EventId,
    /// Its place in the event.
    pub nth: i32,
}

impl FoundChange {
    /// The place to go on after it.
    pub fn place(&self) -> After {
        After {
            ticks: self.occurred_at.ticks(),
            event_id: self.event_id,
            nth: self.nth,
        }
    }
}

impl Labelled for FoundCount {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        self.actor.want(wanted);
    }
}

impl Labelled for FoundChange {
    fn want(&self, wanted: &mut BTreeSet<(String, i64)>) {
        self.actor.want(wanted);
        self.change.want(wanted);
    }
}
