//! What arrived for a tenant, and what came again with other content.

use maud::{Markup, html};

use super::{Content, Listed};
use crate::{
    domain::{
        arrival::{ArrivalSummary, OUTCOMES},
        conflict::ConflictSummary,
        ids::{EventId, Tenant, TicketId},
    },
    render::html::parts::{api_path, start, tenant_path, ticket_path},
};

/// Characters of an event's id that are shown.
const ID_CHARS: usize = 8;

/// The page of what arrived last for a tenant.
pub fn arrivals(tenant: &Tenant, arrivals: &[ArrivalSummary], listed: Listed<'_>) -> String {
    let rows: Vec<Markup> = arrivals
        .iter()
        .map(|arrival| {
            let is_conflict = arrival.outcome == "conflict";
            let stored = arrival.name.is_some();
            html! {
                th scope="row" { (listed.reader.stamp(arrival.received_at)) }
                td { span.doubt[is_conflict].bad[is_conflict] { (arrival.outcome) } }
                td { bdi { (start(arrival.name.as_deref().unwrap_or("registration test"))) } }
                td { (ticket(tenant, arrival.ticket)) }
                td {
                    bdi { (start(arrival.hook.as_deref().or(arrival.source.as_deref()).unwrap_or_default())) }
                    @if arrival.origin != "webhook" { " " span.note { (arrival.origin) } }
                }
                td { @if let Some(retry) = arrival.retry { (retry) } }
                td { @if stored { (raw(tenant, arrival.event_id)) } @else { (brief(arrival.event_id)) } }
            }
        })
        .collect();
    let chosen = listed.query.first("outcome");
    let lead = html! {
        p.lead {
            "What arrived last, first arrivals and later ones. "
            a href={ (tenant_path(tenant)) "/deliveries/conflicts" } { "Events that came with other content" }
        }
        form.line method="get" action=(listed.path) {
            label for="outcome" { "Outcome" }
            select #outcome name="outcome" {
                option value="" { "any" }
                @for word in OUTCOMES { option value=(word) selected[chosen == Some(word)] { (word) } }
            }
            button { "Filter" }
        }
    };
    listed.render(
        Some(tenant),
        &Content {
            title: "Deliveries",
            lead,
            heads: &[
                "Received",
                "Outcome",
                "Event",
                "Ticket",
                "Through",
                "Retry",
                "Raw event",
            ],
            rows: &rows,
            none: "Nothing is as asked.",
        },
    )
}

/// The page of a tenant's events whose id also came with other content.
pub fn conflicts(tenant: &Tenant, conflicts: &[ConflictSummary], listed: Listed<'_>) -> String {
    let rows: Vec<Markup> = conflicts
        .iter()
        .map(|conflict| {
            html! {
                th scope="row" { (raw(tenant, conflict.event_id)) }
                td { bdi { (start(&conflict.name)) } }
                td { (ticket(tenant, conflict.ticket)) }
                td { (conflict.position.0) }
                td { (conflict.deliveries) }
                td { (listed.reader.stamp(conflict.first_at)) }
                td { (listed.reader.stamp(conflict.last_at)) }
            }
        })
        .collect();
    let lead = html! {
        p.lead {
            "Events whose id also came with other content. The first counts in the history, and both are kept; the raw event has the others under its deliveries. "
            a href={ (tenant_path(tenant)) "/deliveries" } { "What arrived last" }
        }
    };
    listed.render(
        Some(tenant),
        &Content {
            title: "Conflicts",
            lead,
            heads: &[
                "Raw event",
                "Event",
                "Ticket",
                "Position",
                "Times",
                "First",
                "Last",
            ],
            rows: &rows,
            none: "No event came with other content.",
        },
    )
}

fn ticket(tenant: &Tenant, ticket: Option<TicketId>) -> Markup {
    html! { @if let Some(ticket) = ticket { a href=(ticket_path(tenant, ticket)) { (ticket) } } }
}

fn raw(tenant: &Tenant, event_id: EventId) -> Markup {
    html! {
        a href={ (api_path(tenant)) "/events/" (event_id) } aria-label={ "raw event " (event_id) } { (brief(event_id)) }
    }
}

fn brief(event_id: EventId) -> Markup {
    let id = event_id.to_string();
    let brief: String = id.chars().take(ID_CHARS).collect();
    html! { span title={ "event " (id) } { (brief) "…" } }
}
