//! Tickets as rows of a table.

use std::collections::BTreeMap;

use super::TicketJson;
use crate::{
    domain::fields::{TICKET_FIELDS, Value},
    render::csv::{Cell, Table},
};

/// A column for each of the 15 fields, one for its label where it can have one, and one with all other
/// fields as a JSON object. An empty cell is a value that is not known.
impl Table for TicketJson {
    const COLUMNS: &'static [&'static str] = &[
        "ticket",
        "first_event_at",
        "last_event_at",
        "events",
        "undated",
        "category",
        "category_label",
        "connect_id",
        "connect_id_label",
        "contact_id",
        "contact_id_label",
        "created_at",
        "cust_id",
        "cust_id_label",
        "has_attachment",
        "last_changed",
        "owned_by",
        "owned_by_label",
        "priority",
        "priority_label",
        "project_id",
        "project_id_label",
        "sale_id",
        "sale_id_label",
        "slevel",
        "slevel_label",
        "status",
        "status_label",
        "ticket_status",
        "ticket_status_label",
        "ticket_type",
        "ticket_type_label",
        "other_fields",
        "confidence",
        "reasons",
    ];

    fn rows(&self) -> Vec<Vec<Cell>> {
        let mut row = vec![
            self.ticket.into(),
            Cell::instant(self.first_event_at.as_deref()),
            Cell::instant(self.last_event_at.as_deref()),
            self.events.into(),
            self.undated.into(),
        ];
        for field in TICKET_FIELDS {
            row.push(self.fields.get(field).into());
            if !matches!(field, "created_at" | "has_attachment" | "last_changed") {
                row.push(self.labels.get(field).into());
            }
        }
        let others: BTreeMap<&String, &Value> = (self.fields.iter())
            .filter(|(field, _)| !TICKET_FIELDS.contains(&field.as_str()))
            .collect();
        row.push(if others.is_empty() {
            Cell::Null
        } else {
            // Values that came as JSON can be written as JSON.
            Cell::Json(serde_json::to_string(&others).unwrap_or_default())
        });
        row.push(self.completeness.all.state.into());
        row.push(Cell::words(&self.completeness.all.reasons));
        vec![row]
    }
}
