//! Rows of searches as what they say.

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    domain::{
        fields::Value,
        history::{Change, Kind},
        ids::{Actor, EventId, Position, TicketId},
        instant::OccurredAt,
        search::{FoundChange, FoundTicket},
    },
    store::StoreError,
};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct ChangeRow {
    pub(super) ticket: i64,
    pub(super) event_id: Uuid,
    pub(super) nth: i32,
    pub(super) position: i64,
    pub(super) ticks: i64,
    pub(super) actor: Option<i64>,
    pub(super) field: String,
    pub(super) kind: String,
    pub(super) declared: bool,
    pub(super) from_value: Option<String>,
    pub(super) to_value: Option<String>,
    /// As in `change`.
    pub(super) occurred_text: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct TicketRow {
    ticket: i64,
    changes: i64,
    first_text: Option<String>,
    last_text: Option<String>,
}

impl TryFrom<ChangeRow> for FoundChange {
    type Error = StoreError;

    fn try_from(row: ChangeRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::Corrupt {
            table: "change",
            column,
            row: format!("{} {}", row.event_id, row.nth),
        };
        let value = |json: Option<String>, column| match json {
            None => Ok(None),
            Some(json) => match RawValue::from_string(json) {
                Ok(json) => Ok(Some(Value::from(json))),
                Err(_) => Err(corrupt(column)),
            },
        };
        let at = match row.occurred_text.as_deref() {
            Some("") => OccurredAt::of_ticks(row.ticks),
            text => text.and_then(OccurredAt::parse),
        };
        Ok(Self {
            ticket: TicketId::new(row.ticket).ok_or_else(|| corrupt("ticket"))?,
            event_id: EventId(row.event_id),
            nth: row.nth,
            position: Position(row.position),
            occurred_at: at.ok_or_else(|| corrupt("position"))?,
            actor: row.actor.map(Actor),
            change: Change {
                kind: Kind::read(&row.kind).ok_or_else(|| corrupt("kind"))?,
                field: row.field,
                declared: row.declared,
                from: value(row.from_value, "from_value")?,
                to: value(row.to_value, "to_value")?,
            },
        })
    }
}

impl TryFrom<TicketRow> for FoundTicket {
    type Error = StoreError;

    fn try_from(row: TicketRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::Corrupt {
            table: "change",
            column,
            row: format!("of ticket {}", row.ticket),
        };
        let at = |text: Option<&str>| {
            let at = text.and_then(OccurredAt::parse);
            at.ok_or_else(|| corrupt("position"))
        };
        Ok(Self {
            ticket: TicketId::new(row.ticket).ok_or_else(|| corrupt("ticket"))?,
            changes: row.changes,
            first_at: at(row.first_text.as_deref())?,
            last_at: at(row.last_text.as_deref())?,
        })
    }
}
