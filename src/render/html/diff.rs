//! What became of a ticket between two instants.

use maud::{Markup, html};

use super::{
    Frame, Pairs, Place, Reader, page,
    parts::{actor, api_path, as_data, doubt, field, ticket_path, value},
    reader::{counted, duration},
};
use crate::domain::{
    history::{Diff, FieldDiff},
    ids::{Tenant, TicketId},
    instant::OccurredAt,
    label::Labels,
};

/// Fields that are shown.
const MAX_FIELDS: usize = 150;

/// What the page shows.
#[derive(Debug)]
pub struct DiffPage<'a> {
    /// Whose.
    pub tenant: &'a Tenant,
    /// Which ticket.
    pub ticket: TicketId,
    /// The earlier instant and the later one.
    pub span: (&'a OccurredAt, &'a OccurredAt),
    /// What became of it.
    pub diff: &'a Diff,
    /// Of all that is shown.
    pub labels: &'a Labels,
    /// The parameters of the page.
    pub query: &'a Pairs,
    /// In whose zone.
    pub reader: &'a Reader,
}

impl DiffPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let title = format!("Ticket {}: difference", self.ticket);
        let content = html! {
            h1 { "Ticket " a href=(self.path()) { (self.ticket) } ": what became of it" }
            (self.form())
            (self.summary())
            (self.table())
        };
        let frame = Frame {
            title: &title,
            tenant: Some(self.tenant),
            place: Place::Tickets,
            reader: Some(self.reader),
        };
        page(frame, &content)
    }

    fn path(&self) -> String {
        ticket_path(self.tenant, self.ticket)
    }

    fn form(&self) -> Markup {
        let (from, to) = self.span;
        let noise = self.query.all("include").any(|word| word == "noise");
        html! {
            form.line method="get" action={ (self.path()) "/diff" } {
                (self.query.only(&["known_at", "field"]).hidden())
                label for="from" { "From" }
                input #from type="datetime-local" step="1" name="from" required value=(self.reader.field(from.ticks()));
                label for="to" { "to" }
                input #to type="datetime-local" step="1" name="to" required value=(self.reader.field(to.ticks()));
                label.tick { input type="checkbox" name="include" value="noise" checked[noise]; " with noise" }
                button { "Compare" }
            }
        }
    }

    fn summary(&self) -> Markup {
        let (from, to) = self.span;
        let known = self.query.only(&["known_at"]);
        let then = |at: &OccurredAt| known.with("as_of", at.as_utc()).link(&self.path());
        html! {
            p.lead {
                (counted(self.diff.events, "event", "events")) " in " (duration(to.ticks() - from.ticks()))
                ", from " a href=(then(from)) { (self.reader.time(from)) }
                " to " a href=(then(to)) { (self.reader.time(to)) } ". "
                (doubt(&self.diff.completeness))
            }
        }
    }

    fn table(&self) -> Markup {
        let shown = self.diff.fields.iter();
        let shown: Vec<&FieldDiff> = shown
            .filter(|field| field.steps > 0 || field.is_changed())
            .take(MAX_FIELDS)
            .collect();
        let api = format!("{}/tickets/{}/diff", api_path(self.tenant), self.ticket);
        html! {
            @if shown.is_empty() {
                p { "No field holds another value, and none was changed on the way." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Table of the differences" {
                    table.changes {
                        thead { tr {
                            th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" }
                            th.number scope="col" { "Steps" } th scope="col" { "Who" }
                        } }
                        tbody { @for field in shown { (self.row(field)) } }
                    }
                }
            }
            (as_data(&self.query.link(&api), "The difference"))
        }
    }

    fn row(&self, changed: &FieldDiff) -> Markup {
        let (from, to) = self.span;
        let name = &changed.field;
        html! {
            tr.same[!changed.is_changed()] {
                th scope="row" { (field(name)) }
                td { (value(name, changed.from.as_ref(), self.labels, from.ticks())) }
                td {
                    (value(name, changed.to.as_ref(), self.labels, to.ticks()))
                    @if !changed.is_changed() { " " span.note { "as before" } }
                }
                td.number { (changed.steps) }
                td {
                    @for (nth, who) in changed.actors.iter().take(10).enumerate() {
                        @if nth > 0 { ", " }
                        (actor(self.tenant, *who, self.labels, to.ticks()))
                    }
                    @if changed.actors.len() > 10 { ", …" }
                }
            }
        }
    }
}
