//! Validly signed bodies that could not be an event of a tenant.

use maud::{Markup, html};

use super::{Content, Listed};
use crate::{
    domain::{event::ParkReason, parked::ParkedSummary},
    render::{
        html::{Reader, parts::start, reader::grouped},
        parked::{came_from, outcome},
        terminal,
    },
};

/// Characters of a body that are shown.
const START_CHARS: usize = 60;

/// The page of parked bodies; `whole` is whether the reader may see them.
pub fn parked(parked: &[ParkedSummary], whole: bool, listed: Listed<'_>) -> String {
    let rows: Vec<Markup> = parked.iter().map(|one| row(one, listed.reader)).collect();
    let lead = html! {
        p.lead {
            "Bodies that were signed as they should be and are no event of a tenant, kept whole. "
            code { "ticketlog parked show" } " shows one, " code { "ticketlog parked reprocess" }
            " makes history of what has become one since."
        }
        (filter(listed))
    };
    let none = if whole {
        "Nothing is parked."
    } else {
        "What is parked belongs to no tenant, so that it takes a token of all tenants to see it."
    };
    listed.render(
        None,
        &Content {
            title: "Parked bodies",
            lead,
            heads: &[
                "Received",
                "Through",
                "Why",
                "Bytes",
                "Begins",
                "Since then",
            ],
            rows: &rows,
            none,
        },
    )
}

fn filter(listed: Listed<'_>) -> Markup {
    let chosen = listed.query.first("reason");
    let all = listed.query.first("all") == Some("true");
    html! {
        form.line method="get" action=(listed.path) {
            label for="reason" { "Why" }
            select #reason name="reason" {
                option value="" { "any" }
                @for reason in ParkReason::ALL {
                    option value=(reason.as_str()) selected[chosen == Some(reason.as_str())] { (reason.as_str()) }
                }
            }
            label.tick { input type="checkbox" name="all" value="true" checked[all]; " also what became history" }
            button { "Filter" }
        }
    }
}

fn row(parked: &ParkedSummary, reader: &Reader) -> Markup {
    let reason = parked.reason;
    let bytes = i64::try_from(parked.body_bytes).unwrap_or(i64::MAX);
    html! {
        th scope="row" title={ "parked body " (parked.place.parked_id) } { (reader.stamp(parked.place.received_at)) }
        td { bdi { (start(&came_from(&parked.origin))) } }
        td { span title=(reason.as_str()) { (reason.explain()) } }
        td { (grouped(bytes)) }
        td { code { bdi { (start(&terminal::start(&parked.start, START_CHARS))) } } }
        td { @if let Some(done) = &parked.reprocessed { bdi { (start(&outcome(done))) } } }
    }
}
