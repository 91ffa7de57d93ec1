//! The tenants of whoever is logged in.

use maud::{Markup, html};

use super::{
    Frame, Place, Reader, page,
    parts::{as_data, tenant_path},
    reader::{counted, grouped},
};
use crate::domain::{
    ids::{Position, Tenant},
    instant::OccurredAt,
    token::Scope,
};

/// A tenant's log at a glance.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// The tenant.
    pub tenant: Tenant,
    /// Position of its last event.
    pub head: Position,
    /// The position that is projected.
    pub projected: Position,
    /// Tickets that have an event.
    pub tickets: i64,
    /// Earliest Timestamp.
    pub first_at: Option<OccurredAt>,
    /// Latest Timestamp.
    pub last_at: Option<OccurredAt>,
}

/// The page. Whose token is good for reports alone is shown the names, which lead to these.
pub fn tenants(rows: &[TenantRow], reader: &Reader) -> String {
    let frame = Frame {
        title: "Your tenants",
        tenant: None,
        place: Place::Elsewhere,
        reader: Some(reader),
    };
    let reads = reader.may(Scope::Read);
    let content = html! {
        h1 { "Your tenants" }
        @if rows.is_empty() {
            p { "No event of a tenant that your token reaches was ever received." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tenants" {
                table {
                    thead { tr {
                        th scope="col" { "Tenant" }
                        @if reads {
                            th.number scope="col" { "Events" } th.number scope="col" { "Tickets" }
                            th scope="col" { "First event" } th scope="col" { "Last event" }
                            th.number scope="col" { "Lag" }
                        }
                    } }
                    tbody {
                        @for row in rows { tr {
                            th scope="row" {
                                a href={ (tenant_path(&row.tenant)) (frame.start()) } { bdi { (row.tenant) } }
                            }
                            @if reads { (at_a_glance(row, reader)) }
                        } }
                    }
                }
            }
            @if reads { (as_data("/v1/tenants", "Tenants")) }
        }
    };
    page(frame, &content)
}

fn at_a_glance(row: &TenantRow, reader: &Reader) -> Markup {
    html! {
        td.number { (grouped(row.head.0)) }
        td.number { (grouped(row.tickets)) }
        td { @if let Some(at) = &row.first_at { (reader.time(at)) } }
        td { @if let Some(at) = &row.last_at { (reader.time(at)) } }
        td.number { (counted(row.head.0 - row.projected.0, "event", "events")) }
    }
}
