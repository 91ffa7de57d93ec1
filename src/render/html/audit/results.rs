//! What a search found: changes, tickets, or counts.

use maud::{Markup, html};

use super::{AuditPage, Audited, MAX_LINK};
use crate::{
    domain::{
        doubt::Counts,
        search::{FoundChange, FoundTicket, Narrowed, Predicate},
    },
    render::html::{
        Pairs,
        changes::Changes,
        parts::{as_data, audit_path, ticket_path},
        reader::{counted, grouped},
    },
};

/// Bytes of changes in a page: with a long search in every address less than 200 kB.
const MAX_BYTES: usize = 50_000;

impl AuditPage<'_> {
    pub(super) fn found(
        &self,
        answer: &Audited<'_>,
        after: impl FnOnce(&FoundChange) -> Option<String>,
    ) -> Markup {
        match answer {
            Audited::Unasked(_) | Audited::Unread(_) | Audited::TooBroad(_) => html! {},
            Audited::Changes {
                found,
                doubts,
                next,
            } => {
                let changes = Changes {
                    tenant: self.tenant,
                    found,
                    doubts,
                    labels: self.labels,
                    reader: self.reader,
                };
                let (table, cut) = changes.table(MAX_BYTES, "Table of the changes");
                let next = cut.map_or_else(|| next.clone(), after);
                html! {
                    h2 #found { "Changes, " (self.order()) }
                    @if found.is_empty() { p { "No change is as asked." } } @else { (table) }
                    (self.pages(next.as_deref()))
                    (as_data(&self.api(), "The changes"))
                }
            }
            Audited::Tickets {
                found,
                doubts,
                next,
            } => html! {
                h2 #found { "Tickets, " (if self.is_ascending() { "lowest number first" } else { "highest number first" }) }
                @if found.is_empty() {
                    p { "No ticket has a change as asked." }
                } @else {
                    div.scroll tabindex="0" role="region" aria-label="Table of the tickets" {
                        table {
                            thead { tr {
                                th scope="col" { "Ticket" } th.number scope="col" { "Changes as asked" }
                                th scope="col" { "First of them" } th scope="col" { "Last of them" }
                                th scope="col" { "In doubt" }
                            } }
                            tbody {
                                @let narrowed = Narrowed::new(self.text());
                                @for ticket in *found { (self.ticket(ticket, doubts.get(&ticket.ticket), &narrowed)) }
                            }
                        }
                    }
                }
                (self.pages(next.as_deref()))
                (as_data(&self.api(), "The tickets"))
            },
            Audited::Counts {
                found,
                capped,
                intervals,
            } => self.matrix(found, *capped, *intervals),
        }
    }

    fn is_ascending(&self) -> bool {
        self.query.first("order") == Some("asc")
    }

    fn order(&self) -> &'static str {
        if self.is_ascending() {
            "oldest first"
        } else {
            "newest first"
        }
    }

    fn ticket(&self, row: &FoundTicket, doubts: Option<&Counts>, narrowed: &Narrowed) -> Markup {
        let text = narrowed.by(&[Predicate::Ticket(vec![row.ticket.number()])]);
        let changes = self.query.without(&["cursor", "as"]).with("q", text);
        let link = audit_path(self.tenant, &changes);
        html! {
            tr {
                th scope="row" { a href=(ticket_path(self.tenant, row.ticket)) { (row.ticket) } }
                td.number { (number(row.changes, &link)) }
                td { (self.reader.time(&row.first_at)) }
                td { (self.reader.time(&row.last_at)) }
                td {
                    @if let Some(counts) = doubts {
                        @if counts.suspect > 0 { span.doubt.suspect { (counted(counts.suspect, "interval", "intervals")) " suspect" } " " }
                        @if counts.unproven > 0 { span.doubt.unproven { (counted(counts.unproven, "interval", "intervals")) " unproven" } }
                    }
                }
            }
        }
    }

    fn pages(&self, next: Option<&str>) -> Markup {
        let here = |query: &Pairs| format!("{}#found", audit_path(self.tenant, query));
        html! {
            nav.pages aria-label="Pages of what was found" {
                @if self.query.has_any(&["cursor"]) {
                    a.button href=(here(&self.query.without(&["cursor"]))) { "To the start" }
                }
                @if let Some(next) = next {
                    a.button rel="next" href=(here(&self.query.with("cursor", next))) { "Further ones" }
                }
            }
        }
    }
}

/// A number that leads to what it counts, unless the way is too long.
pub(in crate::render::html) fn number(count: i64, link: &str) -> Markup {
    html! {
        @if link.len() <= MAX_LINK { a href=(link) { (grouped(count)) } } @else { (grouped(count)) }
    }
}
