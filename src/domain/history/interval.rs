//! Which field held which value from when until when.

use std::collections::BTreeMap;

use super::Entry;
use crate::domain::{fields::Value, ids::EventId};

/// An event and its Timestamp, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The event.
    pub event_id: EventId,
    /// Its Timestamp.
    pub ticks: i64,
}

/// A field held one value: it was known, and the same in normal form, from one event until another.
#[derive(Debug, Clone)]
pub struct FieldInterval {
    /// The field.
    pub field: String,
    /// The value as first sent; `None` for an interval that began before the entries did.
    pub value: Option<Value>,
    /// The event from which it is known to hold it; `None` if that was before the entries.
    pub from: Option<Moment>,
    /// The event from which it holds another value or is unknown; `None` while it holds this one.
    pub until: Option<Moment>,
}

/// The intervals that begin or end with these entries, which stand in order: by field, then by time.
///
/// The first turn of a field ends an interval that began before the entries, if there was one: entries
/// alone do not say.
pub fn intervals(entries: &[Entry]) -> Vec<FieldInterval> {
    let mut fields: BTreeMap<&str, Vec<FieldInterval>> = BTreeMap::new();
    for entry in entries {
        let moment = Moment {
            event_id: entry.event_id,
            ticks: entry.occurred_at.ticks(),
        };
        for turn in &entry.turns {
            let field = fields.entry(&turn.field).or_insert_with(|| {
                vec![FieldInterval {
                    field: turn.field.clone(),
                    value: None,
                    from: None,
                    until: None,
                }]
            });
            if let Some(last) = field.last_mut().filter(|last| last.until.is_none()) {
                last.until = Some(moment);
            }
            if let Some(value) = &turn.to {
                field.push(FieldInterval {
                    field: turn.field.clone(),
                    value: Some(value.clone()),
                    from: Some(moment),
                    until: None,
                });
            }
        }
    }
    fields.into_values().flatten().collect()
}
