//! What a ticket is, or was.

use maud::{Markup, html};

use super::{ABOUT, TicketPage};
use crate::{
    domain::{fields::Value, instant::OccurredAt},
    render::html::parts::{field, value},
};

/// Fields that are shown; a ticket has 15, and what columns somebody added.
const MAX_FIELDS: usize = 100;

impl TicketPage<'_> {
    pub(super) fn state_section(&self) -> Markup {
        let json = self.query.only(&ABOUT).link(&self.api());
        html! {
            section aria-labelledby="state" {
                h2 #state {
                    @if let Some(at) = self.as_of { "As of " (self.reader.time(at)) } @else { "Now" }
                }
                (self.as_of_form())
                @if self.state.is_empty() {
                    p { "Nothing was known of it." }
                } @else {
                    dl.state {
                        @for (name, held) in self.state.iter().take(MAX_FIELDS) { (self.held(name, held)) }
                    }
                }
                @if self.state.len() > MAX_FIELDS {
                    p { "and " (self.state.len() - MAX_FIELDS) " further fields in the JSON" }
                }
                p.data { a href=(json) aria-label="The state as JSON" { "JSON" } }
                (self.diff_form())
            }
        }
    }

    fn held(&self, name: &str, held: &Value) -> Markup {
        html! {
            div {
                dt { (field(name)) }
                dd {
                    (value(name, Some(held), self.labels, self.labels_at))
                    @if let Some(at) = self.found.since.get(name) {
                        span.since { "since " (self.reader.time(at)) }
                    }
                }
            }
        }
    }

    fn as_of_form(&self) -> Markup {
        let others = self.query.without(&["as_of", "at", "cursor"]);
        let at = self.as_of.map_or(i64::MAX, OccurredAt::ticks);
        let (before, after) = self.neighbours(at);
        html! {
            form.line method="get" action=(self.path()) {
                (others.hidden())
                label for="as_of" { "As of" }
                input #as_of type="datetime-local" step="1" name="as_of"
                    value=[self.as_of.map(|at| self.reader.field(at.ticks()))];
                button { "Show" }
                @if let Some(ticks) = before { (self.step(ticks, "Event before", "prev")) }
                @if let Some(ticks) = after { (self.step(ticks, "Event after", "next")) }
                @if self.as_of.is_some() { a.button href=(others.link(&self.path())) { "Now" } }
            }
        }
    }

    fn step(&self, ticks: i64, words: &str, rel: &str) -> Markup {
        let at = crate::domain::instant::timestamp_of_ticks(ticks).to_string();
        let link = self
            .query
            .without(&["at", "cursor"])
            .with("as_of", at)
            .link(&self.path());
        html! { a.button rel=(rel) href=(link) { (words) } }
    }

    /// The instants of the events before and after the last one that counts at an instant.
    fn neighbours(&self, at: i64) -> (Option<i64>, Option<i64>) {
        let instants = &self.found.instants;
        let counted = instants.partition_point(|ticks| *ticks <= at);
        let here = counted.checked_sub(1).and_then(|last| instants.get(last));
        let before = here.and_then(|here| {
            let first = instants.partition_point(|ticks| ticks < here);
            instants.get(first.checked_sub(1)?).copied()
        });
        (before, instants.get(counted).copied())
    }

    fn diff_form(&self) -> Markup {
        let Some(first) = &self.found.first else {
            return html! {};
        };
        let to = self.as_of.or(self.found.last.as_ref()).unwrap_or(first);
        html! {
            form.line method="get" action={ (self.path()) "/diff" } {
                (self.query.only(&["known_at"]).hidden())
                label for="from" { "Difference from" }
                input #from type="datetime-local" step="1" name="from" required
                    value=(self.reader.field(first.ticks()));
                label for="to" { "to" }
                input #to type="datetime-local" step="1" name="to" required value=(self.reader.field(to.ticks()));
                button { "Compare" }
            }
        }
    }
}
