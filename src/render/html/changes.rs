//! Changes of many tickets as a table, each with what is to be said against it.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use super::{
    Reader,
    parts::{actor, change, doubt, field, ticket_path},
};
use crate::domain::{
    completeness::Completeness,
    ids::{EventId, Tenant},
    label::Labels,
    search::FoundChange,
};

/// Changes, and what it takes to show them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) found: &'a [FoundChange],
    /// Of the intervals that end with their events.
    pub(super) doubts: &'a BTreeMap<EventId, Completeness>,
    pub(super) labels: &'a Labels,
    pub(super) reader: &'a Reader,
}

impl<'a> Changes<'a> {
    /// As many of them as have room in so many bytes, one at least, and if those are not all the last of them.
    pub(super) fn table(&self, bytes: usize, what: &str) -> (Markup, Option<&'a FoundChange>) {
        let mut rows = String::new();
        let mut last = None;
        let mut cut = None;
        for found in self.found {
            let row = self.row(found).into_string();
            if last.is_some() && rows.len() + row.len() > bytes {
                cut = last;
                break;
            }
            rows.push_str(&row);
            last = Some(found);
        }
        let table = html! {
            div.scroll tabindex="0" role="region" aria-label=(what) {
                table.changes {
                    thead { tr {
                        th scope="col" { "When" } th scope="col" { "Ticket" } th scope="col" { "Who" }
                        th scope="col" { "Field" } th scope="col" { "Change" } th scope="col" { "In doubt" }
                    } }
                    tbody { (PreEscaped(rows)) }
                }
            }
        };
        (table, cut)
    }

    fn row(&self, found: &FoundChange) -> Markup {
        let ticks = found.occurred_at.ticks();
        html! {
            tr.noise[found.change.is_noise()] {
                td { (self.reader.time(&found.occurred_at)) }
                td { a href=(ticket_path(self.tenant, found.ticket)) { (found.ticket) } }
                td { (actor(self.tenant, found.actor, self.labels, ticks)) }
                td { (field(&found.change.field)) }
                td { (change(&found.change, self.labels, ticks)) }
                td { @if let Some(completeness) = self.doubts.get(&found.event_id) { (doubt(completeness)) } }
            }
        }
    }
}
