//! The tickets that moved last.

use std::collections::BTreeMap;

use maud::html;

use super::{
    Frame, Place, Reader, page,
    parts::{api_path, as_data, ticket_path, value},
    reader::grouped,
};
use crate::{
    domain::{
        fields::Value,
        ids::{Tenant, TicketId},
        instant::OccurredAt,
        label::Labels,
    },
    render::desk::COLUMNS,
};

/// A ticket.
#[derive(Debug, Clone)]
pub struct TicketRow {
    /// Which.
    pub ticket: TicketId,
    /// What is known of it.
    pub state: BTreeMap<String, Value>,
    /// Events in the log.
    pub events: usize,
    /// Timestamp of its last event.
    pub last_at: Option<OccurredAt>,
}

/// What the page shows.
#[derive(Debug)]
pub struct TicketsPage<'a> {
    /// Whose.
    pub tenant: &'a Tenant,
    /// The one at rest for the shortest time first.
    pub rows: &'a [TicketRow],
    /// The instant whose labels hold, in ticks.
    pub labels_at: i64,
    /// Of all that is shown.
    pub labels: &'a Labels,
    /// In whose zone.
    pub reader: &'a Reader,
}

impl TicketsPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let content = html! {
            h1 { "Tickets" }
            p.lead { "Those that moved last. Any other opens by its number, above." }
            div.scroll tabindex="0" role="region" aria-label="Table of tickets" {
                table {
                    thead { tr {
                        th scope="col" { "Ticket" } th scope="col" { "Last event" }
                        @for name in COLUMNS { th scope="col" { (name) } }
                        th.number scope="col" { "Events" }
                    } }
                    tbody {
                        @for row in self.rows { tr {
                            th scope="row" { a href=(ticket_path(self.tenant, row.ticket)) { (row.ticket) } }
                            td { @if let Some(at) = &row.last_at { (self.reader.time(at)) } }
                            @for name in COLUMNS {
                                td { (value(name, row.state.get(name), self.labels, self.labels_at)) }
                            }
                            td.number { (grouped(i64::try_from(row.events).unwrap_or(i64::MAX))) }
                        } }
                    }
                }
            }
            (as_data(&format!("{}/tickets?order=-last", api_path(self.tenant)), "The tickets"))
        };
        let frame = Frame {
            title: "Tickets",
            tenant: Some(self.tenant),
            place: Place::Tickets,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }
}
