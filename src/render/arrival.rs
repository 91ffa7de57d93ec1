//! Arrivals as JSON and CSV.

use jiff::Timestamp;
use serde::Serialize;

use super::csv::{Cell, Table};
use crate::domain::{
    arrival::ArrivalSummary,
    ids::{EventId, TicketId},
};

/// One arrival in a list.
#[derive(Debug, Serialize)]
pub struct ArrivalJson {
    received_at: Timestamp,
    outcome: String,
    event_id: EventId,
    event: Option<String>,
    ticket: Option<TicketId>,
    origin: String,
    hook: Option<String>,
    source: Option<String>,
    retry: Option<i32>,
}

impl From<ArrivalSummary> for ArrivalJson {
    fn from(arrival: ArrivalSummary) -> Self {
        Self {
            received_at: arrival.received_at,
            outcome: arrival.outcome,
            event_id: arrival.event_id,
            event: arrival.name,
            ticket: arrival.ticket,
            origin: arrival.origin,
            hook: arrival.hook,
            source: arrival.source,
            retry: arrival.retry,
        }
    }
}

impl Table for ArrivalJson {
    const COLUMNS: &'static [&'static str] = &[
        "received_at",
        "outcome",
        "event_id",
        "event",
        "ticket",
        "origin",
        "hook",
        "source",
        "retry",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        vec![vec![
            self.received_at.into(),
            Cell::from(&self.outcome),
            self.event_id.into(),
            self.event.as_ref().into(),
            self.ticket.into(),
            Cell::from(&self.origin),
            self.hook.as_ref().into(),
            self.source.as_ref().into(),
            self.retry.into(),
        ]]
    }
}
