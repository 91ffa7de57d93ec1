//! Pages for whoever runs the service: how it is, and what became of what it received.

mod arrivals;
mod parked;
mod service;
mod tokens;

use maud::{Markup, html};

pub use self::{
    arrivals::{arrivals, conflicts},
    parked::parked,
    service::{HookRow, Service},
    tokens::tokens,
};
use super::{Frame, Pairs, Place, Reader, page, parts::as_data};
use crate::domain::ids::Tenant;

/// A list of such a page: where it is, with which parameters, and who reads it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its parameters.
    pub query: &'a Pairs,
    /// The cursor of the page after it.
    pub next: Option<&'a str>,
    /// In whose zone.
    pub reader: &'a Reader,
}

/// What is special about one list.
struct Content<'a> {
    title: &'a str,
    /// What stands above the table.
    lead: Markup,
    heads: &'a [&'a str],
    /// Empty if there is nothing.
    rows: &'a [Markup],
    /// What is said then.
    none: &'a str,
}

impl Listed<'_> {
    fn render(&self, tenant: Option<&Tenant>, content: &Content<'_>) -> String {
        let title = content.title;
        let table = html! {
            div.scroll tabindex="0" role="region" aria-label={ "Table: " (title) } {
                table {
                    thead { tr { @for head in content.heads { th scope="col" { (head) } } } }
                    tbody { @for row in content.rows { tr { (row) } } }
                }
            }
        };
        let data = self.query.without(&["cursor"]).link(self.path);
        let whole = html! {
            h1 { (title) }
            (content.lead)
            @if content.rows.is_empty() { p { (content.none) } } @else { (table) }
            nav.pages aria-label="Pages of the table" {
                @if self.query.has_any(&["cursor"]) { a.button href=(data) { "To the start" } }
                @if let Some(next) = self.next {
                    a.button rel="next" href=(self.query.with("cursor", next).link(self.path)) { "Further ones" }
                }
            }
            (as_data(&data, title))
        };
        let place = match tenant {
            Some(_) => Place::Deliveries,
            None => Place::Elsewhere,
        };
        let frame = Frame {
            title,
            tenant,
            place,
            reader: Some(self.reader),
        };
        page(frame, &whole)
    }
}
